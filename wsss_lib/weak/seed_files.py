"""Seeds that another method made: files of class activation maps or of masks, one for each image.

`SeedFiles` takes the place of a `wsss_lib.weak.seeds.Localiser` and needs no network, but for steps
that take features: any one will do, such as ImageNet's. What a file is, its content says:

==========  ============================================================================
PSA-style   ``.npy``, a dict of object class (from 0) to map (H, W): ``infer_cls.py`` of
            PSA (Ahn and Kwak, CVPR 2018), ``infer_SEAM.py`` of SEAM (Wang et al., CVPR
            2020)
IRN-style   ``.npy``, a dict of ``keys`` (object classes from 0, a torch tensor), ``cam``
            (k, H/4, W/4, a torch tensor) and ``high_res`` (k, H, W):
            ``step/make_cam.py`` of IRN (Ahn et al., CVPR 2019)
SIPE-style  ``.npy``, a dict of ``keys`` (0 for the background, then object classes from
            1) and ``IS_CAM`` (k, H, W): SIPE (Chen et al., CVPR 2022)
keyed maps  ``.npz`` of ``keys`` (class indices as in masks, 0 for a background) and one
            other array, (k, h, w)
maps        ``.npy``, an array (k, h, w): a map for each image-level label, rising
mask        ``.png`` of class indices, in the image's size
==========  ============================================================================
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import torch
from torch.nn.functional import interpolate

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.classify.train import load_trained
from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.datasets.images import read_mask
from wsss_lib.errors import DataError
from wsss_lib.files import sha256
from wsss_lib.paths import shown
from wsss_lib.scores import ClassScores
from wsss_lib.training import Trained, choose_device
from wsss_lib.weak.pickles import read_npy
from wsss_lib.weak.seeds import THRESHOLD, short_hash, with_background

ENDINGS = (".npy", ".npz", ".png")


@dataclass(frozen=True)
class SeedContent:
    """What a file of seeds holds.

    Attributes
    ----------
    kind : str
        The first column of the module's table.
    values : ndarray, shape (k, h, w), float32
        In the file's own size.
    keys : tuple of int, length k, or None
        Class indices as in masks, 0 for the background; None where the file names no classes.
    """

    kind: str
    values: np.ndarray
    keys: tuple[int, ...] | None

    @property
    def has_background(self) -> bool:
        """Whether one of the maps is the background's."""
        return self.keys is not None and 0 in self.keys


@dataclass(frozen=True)
class SeedFiles:
    """Gives the scores of images from files; small, so that it can be sent to workers.

    Attributes
    ----------
    folder : path
        Of ``<id>.npy``, ``<id>.npz`` or ``<id>.png``.
    threshold : float
        The constant background of maps that have none of their own.
    network : path or BackboneSpec, optional
        What gives the features: the checkpoint of a classification network, or any backbone.
    device : str
        Where networks run, see `wsss_lib.training.choose_device`.
    """

    folder: Path
    threshold: float = THRESHOLD
    network: Path | BackboneSpec | None = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        object.__setattr__(self, "folder", Path(self.folder).absolute())  # the same in any worker

    def load(self) -> Trained | None:
        """The network of the features, loaded once per process; None if there is none.

        Of a backbone alone that is no classifier, so nothing but ``network.backbone``.
        """
        if not isinstance(self.network, BackboneSpec):
            return self.network and load_trained(self.network, self.device)
        backbone = self.network.load().to(choose_device(self.device))
        features, place = SimpleNamespace(backbone=backbone), Path(self.network.weights)
        return Trained(features, {}, pd.DataFrame(), backbone.weights, place)

    @property
    def has_background(self) -> bool:
        """Whether the maps have a background of their own, so that no threshold is needed.

        Raises
        ------
        DataError
            If there is no file of seeds in the folder that can be read.
        """
        if not self.folder.is_dir():
            raise DataError(f"No folder of seeds {shown(self.folder)}. Name another with --seeds.")
        return _has_background(self.folder, self.folder.stat().st_mtime_ns)

    def path(self, id_: str) -> Path:
        """The file of an image.

        Raises
        ------
        DataError
            If it has none, or several.
        """
        there = [path for end in ENDINGS if (path := self.folder / f"{id_}{end}").is_file()]
        if len(there) != 1:
            found = " and ".join(path.name for path in there) or "none"
            raise DataError(
                f"{found} in {shown(self.folder)}; expected one file of seeds for {id_}, which "
                f"ends in one of {', '.join(ENDINGS)}."
            )
        return there[0]

    def content(self, dataset: DevkitDataset, id_: str) -> SeedContent:
        """What the file of an image holds, with keys.

        Raises
        ------
        DataError
            If it cannot be read, its classes are not the image's, it holds NaN or infinity, or it
            has a background where others in the folder have none.
        """
        path, labels = self.path(id_), dataset.labels(id_)
        found = _read(path, labels, len(dataset.classes))
        if found.has_background != self.has_background:
            raise DataError(
                f"{shown(path)} ({found.kind}) has {'a' if found.has_background else 'no'} "
                "background, unlike the first file of its folder. Keep one kind in a folder."
            )
        objects = found.keys[1:] if found.has_background else found.keys
        if objects != labels:
            raise DataError(
                f"{shown(path)} ({found.kind}) has maps of the object classes {_listed(objects)}; "
                f"the image's labels are {_listed(labels)}."
            )
        if not np.isfinite(found.values).all():
            raise DataError(f"{shown(path)} ({found.kind}) holds NaN or infinity.")
        return found

    def maps(self, dataset: DevkitDataset, id_: str) -> tuple[np.ndarray, bool]:
        """The maps of an image, in its size.

        Returns
        -------
        ndarray, shape (k, H, W), float32
            Of the background, where the file has one, and of the image-level labels, rising. Maps
            of another size are scaled bilinearly. Of those without a background, what is below 0
            is 0: PSA's normalisation leaves such values.
        bool
            Whether the first is the background's.

        Raises
        ------
        DataError
            As of `content`; if a mask has another size than its image; or if maps without a
            background, which a threshold is for, are above 1.
        ImageError
            If the image cannot be read.
        """
        found, size = self.content(dataset, id_), dataset.image(id_).shape[:2]
        values = found.values
        if values.shape[1:] != size and found.kind == "mask":
            raise DataError(
                f"The mask of seeds of {id_} has {values.shape[1:]} pixels; its image has {size}."
            )
        if values.shape[1:] != size:
            values = _scaled(values, size)
        if not found.has_background:
            if values.size and values.max() > 1 + 1e-4:
                raise DataError(
                    f"The maps of {id_} ({found.kind}) go up to {values.max():g}; expected 0 to 1. "
                    "Divide each class by its greatest value."
                )
            values = values.clip(0, 1)
        return values, found.has_background

    def scores(self, dataset: DevkitDataset, id_: str) -> ClassScores:
        """The scores of the background and the image-level labels; errors as of `maps`."""
        maps, has_background = self.maps(dataset, id_)
        labels = dataset.labels(id_)
        if has_background:
            return ClassScores(maps, (0, *labels))
        return with_background(maps, labels, self.threshold)

    def describe(self, dataset: DevkitDataset, id_: str) -> dict[str, object]:
        """For a row: the ``kind`` of an image's file, and whether its maps were ``scaled``."""
        found = self.content(dataset, id_)
        scaled = found.values.shape[1:] != dataset.image(id_).shape[:2]
        return {"kind": found.kind, "scaled": scaled and len(found.values) > 0}

    @property
    def name(self) -> str:
        """What all maps and features depend on beside the files: the network, if there is one."""
        network = self.load()
        return short_hash(["files", network and network.weights.sha256])

    def key(self, dataset: DevkitDataset, id_: str) -> str:
        """What the maps of one image depend on: the file, the photograph and its labels."""
        photo = sha256(dataset.image_path(id_))
        return short_hash([photo, dataset.labels(id_), sha256(self.path(id_))])


@lru_cache(maxsize=8)
def _has_background(folder: Path, _changed: int) -> bool:
    """Of the first file of seeds in a folder, or in its sub-folders, that can be read."""
    problem = f"No file of seeds in {shown(folder)}; expected <id>.npy, <id>.npz or <id>.png."
    for path in sorted(path for path in folder.rglob("*") if path.suffix in ENDINGS):
        if path.suffix == ".png":
            return True
        try:
            return _read(path, None, 0).has_background
        except DataError as error:
            problem = str(error)
    raise DataError(problem)


def _read(path: Path, labels: tuple[int, ...] | None, n_classes: int) -> SeedContent:
    """Read a file of any kind; `labels` are those of its image, if they are known."""
    if path.suffix == ".png":
        return _from_mask(path, labels, n_classes)
    try:
        found = _from_arrays(path.read_bytes())
    except DataError as error:
        raise DataError(f"{shown(path)} is refused: {error}") from None
    except OSError:
        raise
    except Exception as error:  # of a damaged pickle, any
        raise DataError(
            f"{shown(path)} is damaged or no file of arrays ({error}). Make it again."
        ) from None
    count = None if found.keys is None else len(found.keys)
    if found.values.ndim != 3 or count not in (None, len(found.values)):
        raise DataError(
            f"{shown(path)} ({found.kind}) holds maps of {found.values.shape} for "
            f"{'no' if count is None else count} keys; expected (k, h, w) for k."
        )
    if found.keys is not None:
        order = np.argsort(found.keys, kind="stable")
        keys = tuple(found.keys[place] for place in order)
        return SeedContent(found.kind, found.values[order], keys)
    if labels is not None and len(labels) != len(found.values):
        raise DataError(
            f"{shown(path)} holds {len(found.values)} maps without keys; expected one for each of "
            f"the image's {len(labels)} labels. With a background, save an .npz with 'keys'."
        )
    return SeedContent(found.kind, found.values, labels)


def _from_mask(path: Path, labels: tuple[int, ...] | None, n_classes: int) -> SeedContent:
    mask, keys = read_mask(path, n_classes), (0, *(labels or ()))
    if other := sorted(set(np.unique(mask).tolist()) - set(keys)):
        raise DataError(
            f"{shown(path)} (mask) holds {_listed(other)}; expected 0 and the image's labels, "
            f"{_listed(labels)}, at every pixel."
        )
    values = (mask == np.array(keys)[:, None, None]).astype(np.float32)
    return SeedContent("mask", values, keys)


def _from_arrays(data: bytes) -> SeedContent:
    """The maps and keys of an ``.npy`` or ``.npz`` file, as they stand in it."""
    if data.startswith(b"PK"):
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            found = dict(file)
        others = sorted(found.keys() - {"keys"})
        if "keys" not in found or len(others) != 1:
            raise DataError(f"it holds {_listed(sorted(found))}; expected 'keys' and one array.")
        return SeedContent("keyed maps", _floats(found[others[0]]), _indices(found["keys"]))
    found = read_npy(data)
    if isinstance(found, np.ndarray):
        return SeedContent("maps", _floats(found), None)
    if not isinstance(found, Mapping):
        raise DataError(f"it holds a {type(found).__name__}; expected maps, or a dict of them.")
    if "keys" not in found:
        if not all(isinstance(key, int | np.integer) for key in found):
            raise DataError(f"it holds {_listed(found)}; expected 'keys' or object classes.")
        maps = [_floats(each) for each in found.values()]
        values = np.stack(maps) if maps else np.zeros((0, 1, 1), np.float32)
        return SeedContent("PSA-style", values, _indices(list(found), 1))
    if "IS_CAM" in found:
        return SeedContent("SIPE-style", _floats(found["IS_CAM"]), _indices(found["keys"]))
    name = "high_res" if "high_res" in found else "cam"
    if name not in found:
        raise DataError(f"it holds {_listed(found)}; expected 'IS_CAM', 'high_res' or 'cam'.")
    return SeedContent("IRN-style", _floats(found[name]), _indices(found["keys"], 1))


def _floats(values: np.ndarray | torch.Tensor) -> np.ndarray:
    return np.asarray(values, np.float32)


def _indices(keys: np.ndarray | torch.Tensor | list[int], first: int = 0) -> tuple[int, ...]:
    """Class indices as in masks, of keys whose first object class is 1 - `first`."""
    return tuple(int(key) + first for key in np.asarray(keys).ravel())


def _scaled(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    if not len(values):
        return np.zeros((0, *size), np.float32)
    scaled = interpolate(torch.from_numpy(values)[None], size, mode="bilinear", align_corners=False)
    return scaled[0].numpy()


def _listed(names: object) -> str:
    return ", ".join(map(str, names or ())) or "none"
