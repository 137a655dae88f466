"""What a sweep sends to its workers: what all images have in common, and what each is to give."""

import hashlib
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.datasets import DevkitDataset
from wsss_lib.datasets.images import read_note
from wsss_lib.errors import DataError, WeightsError
from wsss_lib.evaluate.image import companion_path, evaluate_image
from wsss_lib.evaluate.rows.estimate import warm_up
from wsss_lib.evaluate.settings import Setting, row_key
from wsss_lib.expand.pooled import parse_pool
from wsss_lib.features import FeatureMap, needs_backbone
from wsss_lib.files import sha256


class Job(ABC):
    """What all images have in common; small, with paths that hold in every process.

    Attributes
    ----------
    dataset : DevkitDataset
        Without its ids, which may be many.
    masks_out : Path or None
        Where masks go.
    description : str
        For the progress bar.
    """

    dataset: DevkitDataset
    masks_out: Path | None
    description: str

    @abstractmethod
    def needed(self) -> list[Path]:
        """The files and folders that every worker must find."""

    @abstractmethod
    def check(self) -> None:
        """Raise `WeightsError` where this process has other weights than the one that began."""

    @abstractmethod
    def warm_up(self, settings: set[Hashable]) -> None:
        """Have compiled code loaded before a clock starts."""

    @abstractmethod
    def evaluate(self, id_: str, settings: list[Hashable]) -> list[tuple[dict, np.ndarray]]:
        """For each setting a row of JSON values, and the mask, (H, W) uint8."""


@dataclass(frozen=True)
class ExpansionJob(Job):
    """Image-specific classifiers that learn from the ground truth.

    Attributes
    ----------
    dataset, masks_out
        See `Job`.
    backbone : BackboneSpec or None
        None where no setting needs the network.
    weights : str or None
        `weights_name` in the process that runs the sweep.
    features : callable
        `wsss_lib.features.extract`, or what stands for it.
    pools : mapping of Setting to Path
        The fitted classifiers of the settings with a pool.
    """

    dataset: DevkitDataset
    backbone: BackboneSpec | None
    weights: str | None
    masks_out: Path | None
    features: Callable[..., dict[str, FeatureMap]]
    pools: Mapping[Setting, Path] = field(default_factory=dict)
    description: str = "expanding"

    def needed(self) -> list[Path]:
        """The files and folders that every worker must find."""
        weights = Path(self.backbone.weights) if self.backbone else Path()
        folders = [self.dataset.devkit, self.dataset.mask_folder, self.masks_out]
        found = (*folders, weights, *set(self.pools.values()))
        return [path for path in found if path and path.is_absolute()]

    def check(self) -> None:
        """Raise `WeightsError` where this process has other weights than the one that began."""
        if self.backbone and weights_name(self.backbone) != self.weights:
            raise WeightsError(
                f"A worker has other weights of {self.backbone.name} than this process. Give all "
                "machines the same file (for random weights the same version of torch)."
            )

    def warm_up(self, settings: set[Setting]) -> None:
        """Have compiled code loaded before a clock starts."""
        warm_up(settings)

    def evaluate(self, id_: str, settings: list[Setting]) -> list[tuple[dict, np.ndarray]]:
        """For each setting its row and the mask, see `evaluate_image`."""
        how = self.backbone, self.features, self.pools
        return evaluate_image(self.dataset, id_, settings, *how)


@dataclass(frozen=True)
class Task:
    """One image: its id, and the key of the row that each setting is to give.

    A setting is whatever has a ``name``: that of the folder of its masks.
    """

    id: str
    keys: dict[Hashable, str]

    def missing(self, found: Mapping[str, dict], masks_out: Path | None) -> list[Hashable]:
        """The settings whose row, or whose mask where masks are wanted, is not there yet."""
        return [
            setting
            for setting, key in self.keys.items()
            if key not in found
            or (masks_out and read_note(self.mask_path(masks_out, setting)) != key)
        ]

    def mask_path(self, folder: Path, setting: Hashable) -> Path:
        """Where a mask is written."""
        return folder / setting.name / f"{self.id}.png"


def make_job(
    dataset: DevkitDataset,
    settings: list[Setting],
    backbone: BackboneSpec | None,
    masks_out: Path | None,
    features: Callable[..., dict[str, FeatureMap]],
) -> ExpansionJob:
    """Bring together what all images have in common, as it is true in any working folder.

    Raises
    ------
    WeightsError
        If the backbone's weights are missing or do not fit.
    """
    weights = None
    if not any(needs_backbone(setting.feature) for setting in settings):
        backbone = None
    if backbone:
        if Path(backbone.weights).is_file():
            backbone = replace(backbone, weights=str(Path(backbone.weights).absolute()))
        weights = weights_name(backbone)
    located, masks_out = locate(dataset, masks_out)
    return ExpansionJob(located, backbone, weights, masks_out, features)


def locate(dataset: DevkitDataset, masks_out: Path | None) -> tuple[DevkitDataset, Path | None]:
    """A data set without its ids and a folder for masks, as they are true in any process."""
    if masks_out:
        masks_out = masks_out.absolute()
        masks_out.mkdir(parents=True, exist_ok=True)
    masks = str(dataset.mask_folder.absolute())
    return replace(dataset, root=dataset.root.absolute(), masks=masks, ids=()), masks_out


def weights_name(backbone: BackboneSpec) -> str:
    """Network and SHA-256 of the weights, as this process finds them."""
    return f"{backbone.name}:{backbone.load().weights.sha256}"


def find_files(dataset: DevkitDataset, failures: dict[str, str]) -> dict[str, tuple[str, str]]:
    """The SHA-256 of photograph and mask by id; why they cannot be read goes to `failures`."""
    files = {}
    for id_ in dataset.ids:
        try:
            files[id_] = sha256(dataset.image_path(id_)), sha256(dataset.mask_path(id_))
        except OSError as error:
            failures[id_] = reason(error)
            tqdm.write(f"{id_}: {failures[id_]}")
    return files


def reason(error: OSError | DataError) -> str:
    """Why a file of an image cannot be read."""
    if isinstance(error, OSError):
        return f"cannot read {Path(error.filename).name} ({error.strerror})"
    return str(error)


def pool_name(files: Mapping[str, tuple[str, str]]) -> str:
    """What all images of a pool hold, given `find_files`, as one hash."""
    return hashlib.sha256(json.dumps(sorted(files.items())).encode()).hexdigest()


def find_tasks(
    dataset: DevkitDataset,
    settings: list[Setting],
    weights: str | None,
    files: Mapping[str, tuple[str, str]],
) -> Iterator[Task]:
    """Give a task for each image of `files`, which `find_files` gave."""
    pool = pool_name(files)
    for id_, own in files.items():
        keys = {}
        # read only for settings that hang on them, and once for all of these
        labels = cache(partial(dataset.labels, id_))
        companions = cache(partial(_companions_sha, dataset, id_))
        for setting in settings:
            more = [pool] if setting.pool != "own" else []
            more += [labels()] if parse_pool(setting.pool)[1] else []
            more += [companions()] if setting.needs_companions else []
            image = id_, len(dataset.classes), *own, *more
            keys[setting] = row_key(setting, *image, weights_sha=weights)
        yield Task(id_, keys)


def _companions_sha(dataset: DevkitDataset, id_: str) -> str | None:
    path = companion_path(dataset, id_)
    return sha256(path) if path.is_file() else None
