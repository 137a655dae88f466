"""The masks that a segmentation network learns from, made where they are not there yet."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from wsss_lib.classify.spec import BackboneSpec, choose_backbone
from wsss_lib.datasets import DevkitDataset
from wsss_lib.errors import DataError
from wsss_lib.evaluate.pseudo.chain import make_steps
from wsss_lib.evaluate.pseudo.choose import choose_networks
from wsss_lib.evaluate.pseudo.masks import pseudo_masks, weights_of
from wsss_lib.evaluate.pseudo.view import Networks
from wsss_lib.evaluate.rows.sweep import SweepResult, sweep
from wsss_lib.evaluate.table1 import settings_for
from wsss_lib.paths import cache_dir

#: The steps behind each kind of pseudo masks.
WEAK = {
    "seed": ("seed",),
    "svm": ("seed", "svm"),
    "crf": ("seed", "svm", "crf"),
    "irn": ("seed", "svm", "crf", "irn"),
}
#: All kinds that are made; ``bound``: the image-specific SVM with samples from the ground truth.
KINDS = ("bound", *WEAK)
#: The feature with the best upper bound, as measured on each data set (Table 1).
BEST_LAYER = {"toy": "F2", "voc": "F4"}


def training_masks(
    kind: str,
    images: DevkitDataset,
    *,
    root: str | Path | None = None,
    device: str = "cpu",
    workers: int = 1,
) -> DevkitDataset:
    """The same images with the masks of a kind, made with the data set's own networks.

    Parameters
    ----------
    kind : str
        ``truth`` (the images as they are), one of `KINDS`, a folder of masks in the devkit, or any
        other folder of them.
    images : DevkitDataset
        With ground truth as its masks, which ``bound`` samples.
    root, device, workers
        As in `wsss_lib.evaluate.pseudo.choose.choose_networks`.

    Raises
    ------
    DataError
        If an image could not be done, so that it has no mask.
    """
    if kind == "truth":
        return images
    if kind == "bound":
        return bound_masks(images, choose_backbone(images.name, root=root, device=device), workers)
    if kind in WEAK:
        how = {"root": root, "device": device, "workers": workers}
        networks = choose_networks(images.name, edges=kind == "irn", **how)
        return weak_masks(images, networks, kind, workers)
    return replace(images, masks=kind)


def bound_masks(
    images: DevkitDataset,
    backbone: BackboneSpec,
    workers: int = 1,
    layer: str | None = None,
    samples: int | None = None,
    **svm: object,
) -> DevkitDataset:
    """The same images with the masks of the upper bound: samples from the ground truth.

    Parameters
    ----------
    images : DevkitDataset
    backbone : BackboneSpec
    workers : int
    layer : str, optional
        By default the data set's in `BEST_LAYER`.
    samples, **svm
        See `wsss_lib.evaluate.table1.settings_for`.
    """
    [setting] = settings_for(images.name, [layer or BEST_LAYER[images.name]], samples, **svm)
    made_from = [asdict(setting), images.masks, backbone.name, backbone.load().weights.sha256]
    folder = _folder("bound", images, made_from)
    _complete(sweep(images, [setting], backbone, masks_out=folder, workers=workers), images)
    return replace(images, masks=str(folder / setting.name))


def weak_masks(
    images: DevkitDataset, networks: Networks, kind: str, workers: int = 1, **chosen: object
) -> DevkitDataset:
    """The same images with pseudo masks, made from image-level labels.

    Parameters
    ----------
    images : DevkitDataset
    networks : Networks
    kind : str
        The last step, one of `WEAK`.
    workers : int
    **chosen
        Parameters of the steps, see `wsss_lib.evaluate.pseudo.chain.make_steps`.
    """
    steps = make_steps(WEAK[kind], images.name, **chosen)
    localiser = networks.localiser
    made_from = [[step.name, asdict(step)] for step in steps]
    made_from += [localiser.name, localiser.threshold, *weights_of(networks)]
    folder = _folder(kind, images, made_from)
    _complete(pseudo_masks(images, steps, networks, masks_out=folder, workers=workers), images)
    return replace(images, masks=str(folder / kind))


def _folder(kind: str, images: DevkitDataset, made_from: Sequence[object]) -> Path:
    """A folder of the cache for each way of making masks: another way leaves them alone."""
    key = hashlib.sha256(json.dumps(made_from).encode()).hexdigest()[:10]
    return cache_dir() / "masks" / f"{images.name}-{kind}-{key}"


def _complete(result: SweepResult, images: DevkitDataset) -> None:
    """Raise `DataError` where an image has got no mask."""
    if result.failures:
        raise DataError(
            f"{len(result.failures)} of {len(images)} images got no mask, the first: "
            f"{next(iter(result.failures.values()))} Mend them or leave them out of the list."
        )
