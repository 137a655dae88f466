"""What masks are worth as training data: a segmentation network learns from each (Figure 8).

Masks and networks are kept in the cache: what is missing is made.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from wsss_lib.classify.spec import BackboneSpec, choose_backbone
from wsss_lib.datasets.devkit import DevkitDataset, Sample
from wsss_lib.engine import SweepResult
from wsss_lib.errors import DataError, ParameterError
from wsss_lib.evaluate.exploration import image_iou
from wsss_lib.evaluate.settings import Setting, settings_for
from wsss_lib.evaluate.sweeps import sweep
from wsss_lib.metrics import confusion_matrix, mean_iou
from wsss_lib.paths import cache_dir, shown
from wsss_lib.report import Report, versions
from wsss_lib.segmentation.segmenter import Segmenter, load_segmenter
from wsss_lib.segmentation.train import SegmenterSettings, train_segmenter
from wsss_lib.weak.chain import make_steps, with_networks
from wsss_lib.weak.masks import checkpoints, pseudo_masks
from wsss_lib.weak.steps import Step

#: The steps behind each kind of pseudo masks.
WEAK = {
    "seed": ("seed",),
    "svm": ("seed", "svm"),
    "expand": ("seed", "mars", "expand"),
    "crf": ("seed", "svm", "crf"),
    "irn": ("seed", "svm", "crf", "irn"),
}
#: All kinds that are made; ``bound``: the image-specific SVM with samples from the ground truth.
KINDS = ("bound", *WEAK)
#: The feature with the best upper bound, as measured on each data set (Table 1).
BEST_LAYER = {"toy": "F3", "voc": "F4"}
#: The masks that are compared by default; ``truth`` is the data set's own.
COMPARED = ("truth", "bound", "expand", "svm", "seed")


def training_masks(
    kind: str,
    images: DevkitDataset,
    *,
    device: str = "cpu",
    workers: int | None = None,
) -> DevkitDataset:
    """The same images with the masks of a kind, made with the data set's own networks.

    Parameters
    ----------
    kind : str
        ``truth`` (the images as they are), one of `KINDS`, a folder of masks in the devkit, or any
        other folder of them.
    images : DevkitDataset
        With ground truth as its masks, which ``bound`` samples.
    device : str
        Where networks are trained and run, see `wsss_lib.training.choose_device`.
    workers : int, optional
        Processes that make masks.

    Raises
    ------
    DataError
        If an image could not be done and has no mask.
    """
    if kind == "truth":
        return images
    if kind == "bound":
        (setting,) = settings_for(images, [BEST_LAYER[images.name]])
        return bound_masks(images, setting, choose_backbone(images, device=device), workers)
    if kind in WEAK:
        make = partial(make_steps, WEAK[kind], images)
        steps = with_networks(make, images, WEAK[kind], device=device, workers=workers)
        return weak_masks(images, steps, workers)
    return replace(images, masks=kind)


def bound_masks(
    images: DevkitDataset,
    setting: Setting,
    backbone: BackboneSpec | None,
    workers: int | None = None,
) -> DevkitDataset:
    """The same images with the masks of the upper bound: samples from the ground truth.

    Parameters
    ----------
    images : DevkitDataset
    setting : Setting
    backbone : BackboneSpec or None
        None if the setting needs no network.
    workers : int, optional
    """
    network = [backbone.name, backbone.load().weights.sha256] if backbone else [None, None]
    folder = _folder("bound", images, [asdict(setting), images.masks, *network])
    _complete(sweep(images, [setting], backbone, masks_out=folder, workers=workers))
    return replace(images, masks=str(folder / setting.name))


def weak_masks(
    images: DevkitDataset, steps: Sequence[Step], workers: int | None = None
) -> DevkitDataset:
    """The same images with the masks of the last step, made from image-level labels.

    Parameters
    ----------
    images : DevkitDataset
    steps : sequence of Step
        See `wsss_lib.weak.chain.make_steps`.
    workers : int, optional
    """
    localiser, name = steps[0].localiser, steps[-1].name
    made_from = [[step.name, step.parameters()] for step in steps]
    made_from += [localiser.name, localiser.threshold, *checkpoints(steps).values()]
    folder = _folder(name, images, made_from)
    _complete(pseudo_masks(images, steps, masks_out=folder, workers=workers))
    return replace(images, masks=str(folder / name))


def _folder(kind: str, images: DevkitDataset, made_from: Sequence[object]) -> Path:
    """A folder in the cache for each way of making masks, so that no way overwrites another."""
    key = hashlib.sha256(json.dumps(made_from).encode()).hexdigest()[:10]
    return cache_dir() / "masks" / f"{images.name}-{kind}-{key}"


def _complete(result: SweepResult) -> None:
    """Raise `DataError` if an image has no mask."""
    if result.failures:
        raise DataError(
            f"{len(result.failures)} of {len(result.dataset)} images got no mask, the first: "
            f"{next(iter(result.failures.values()))} Repair them or remove them from the list."
        )


def second_stage(
    images: DevkitDataset,
    kinds: Sequence[str] = COMPARED,
    seeds: Sequence[int] = (0,),
    *,
    device: str = "cpu",
    workers: int | None = None,
    settings: SegmenterSettings | None = None,
) -> Report:
    """Train the segmentation network from each kind of masks, and score it on val.

    Masks and networks are kept: run again after a stop, only what is missing is made.

    Parameters
    ----------
    images : DevkitDataset
        The images to learn from, with ground truth as their masks.
    kinds : sequence of str
        ``truth``, some of `wsss_lib.evaluate.mask_worth.KINDS`, or folders of masks.
    seeds : sequence of int
        Of the trainings; the masks are the same for all.
    device
        See `wsss_lib.segmentation.train.train_segmenter`.
    workers : int, optional
        Processes that make masks.
    settings : SegmenterSettings, optional
        Values that differ from the data set's preset of the training.

    Returns
    -------
    Report
        ``scores``: one row per network, in %, indexed by the kind of ``masks``: the ``seed`` of the
        training, ``masks_miou`` (of the masks themselves, against the ground truth of the training
        images), and of the network on val, without CRF, the ``mean`` and the IoU of each class.
        ``spread``: one row per kind, see `over_trainings`.

    Raises
    ------
    DataError
        If images or masks are missing or bad.
    ParameterError
        If a setting is out of range, or there is no kind or no seed.
    """
    if not kinds or not seeds:
        raise ParameterError(
            "Nothing to compare; at least a kind of masks and a seed were expected."
        )
    images.with_list("val")  # an error now, not after the first training
    settings = settings or SegmenterSettings()
    rows, trainings = [], []
    for kind in kinds:
        masks = training_masks(kind, images, device=device, workers=workers)
        name, quality = Path(kind).name, 100 * masks_miou(masks, images)
        for seed in seeds:
            path = train_segmenter(masks, settings, seed=seed, device=device)
            trained = load_segmenter(path, dataset=images)
            if trained.source["val"] is None:
                raise DataError(
                    f"{shown(path)} was trained without a list to score it on. Remove the file and "
                    "run the same command again."
                )
            scores = trained.history.iloc[-1][["mean_iou", *images.classes.names]]
            named = dict(zip(["mean", *images.classes.short], 100 * scores, strict=True))
            rows.append({"masks": name, "seed": seed, "masks_miou": quality, **named})
            trainings.append({"masks": name, "checkpoint": path.name, **trained.setting})
    provenance = {
        "dataset": images.name,
        "list": Path(images.list_name).name,
        "val": "val against SegmentationClass, no CRF",
        "trainings": trainings,
        "versions": versions(),
    }
    scores = pd.DataFrame(rows).set_index("masks")
    return Report({"scores": scores, "spread": over_trainings(scores)}, provenance)


def over_trainings(scores: pd.DataFrame) -> pd.DataFrame:
    """One row per kind: ``masks_miou``, and over the seeds the mean and the range of ``mean``."""
    return scores.groupby("masks", sort=False).agg(
        masks_miou=("masks_miou", "first"),
        mean=("mean", "mean"),
        lowest=("mean", "min"),
        highest=("mean", "max"),
        seeds=("mean", "count"),
    )


def masks_miou(masks: DevkitDataset, truth: DevkitDataset) -> float:
    """The mIoU (0..1) of masks against the ground truth of the same images, pooled.

    A pixel without a label in the masks (void) counts as background: wrong where the truth is an
    object, and right where it is background.
    """
    if masks == truth:
        return 1.0
    confusion = np.zeros((len(truth.classes),) * 2, np.int64)
    for id_ in tqdm(truth.ids, desc="scoring masks", unit="image", delay=2, leave=False):
        confusion += confusion_matrix(truth.mask(id_), filled_mask(masks, id_), len(truth.classes))
    return mean_iou(confusion)


def filled_mask(masks: DevkitDataset, id_: str) -> np.ndarray:
    """A mask with background in place of void: (H, W) uint8."""
    found = masks.mask(id_)
    return np.where(found < len(masks.classes), found, 0).astype(np.uint8)


def output_columns(
    samples: Sequence[Sample],
    masks: Mapping[str, DevkitDataset],
    networks: Mapping[str, Segmenter],
    crf_preset: str | None = None,
) -> dict[str, list[np.ndarray]]:
    """The outputs of networks for images, beside the masks that they learnt from (Figure 3).

    Parameters
    ----------
    samples : sequence of Sample
        Of the training images, with ground truth as their masks.
    masks : mapping of str to DevkitDataset
        The masks to learn from, by kind.
    networks : mapping of str to Segmenter
        The network that learnt from each kind.
    crf_preset : str, optional
        See `wsss_lib.segmentation.segmenter.Segmenter.scores`.

    Returns
    -------
    dict of str to list of ndarray, shape (H, W), uint8
        By title, one mask per image: ``masks: svm`` and ``network: svm`` and so on. The ground
        truth has no column.
    """
    columns = {}
    for kind, network in networks.items():
        if kind != "truth":
            columns[f"masks: {kind}"] = [filled_mask(masks[kind], each.id) for each in samples]
        columns[f"network: {kind}"] = [network.mask(each.image, crf_preset) for each in samples]
    return columns


def image_scores(
    samples: Sequence[Sample], columns: Mapping[str, Sequence[np.ndarray]], n_classes: int
) -> pd.DataFrame:
    """The mean IoU in % of each image alone, for several masks of it.

    Parameters
    ----------
    samples : sequence of Sample
    columns : mapping of str to sequence of ndarray, shape (H, W), uint8
        Masks without void, one per image, by name.
    n_classes : int

    Returns
    -------
    DataFrame
        Indexed by the ``image``'s id, in the columns' order.
    """
    scores = {
        name: [
            image_iou(confusion_matrix(sample.mask, mask, n_classes))
            for sample, mask in zip(samples, masks, strict=True)
        ]
        for name, masks in columns.items()
    }
    return pd.DataFrame(scores, pd.Index([sample.id for sample in samples], name="image"))
