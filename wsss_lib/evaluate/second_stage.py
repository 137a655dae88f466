"""What masks are worth as training data: a segmentation network learns from each (Figure 8)."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from wsss_lib.datasets import DevkitDataset
from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.outputs import filled_mask
from wsss_lib.evaluate.provenance import versions
from wsss_lib.evaluate.tables.iou import write_table
from wsss_lib.evaluate.training_masks import KINDS, training_masks
from wsss_lib.files import write_text
from wsss_lib.metrics import confusion_matrix, mean_iou
from wsss_lib.segment.segmenter import load_segmenter
from wsss_lib.segment.train import train_segmenter

#: The masks that are compared where nothing else is said; ``truth`` are the data set's own.
COMPARED = ("truth", "bound", "svm", "seed")


@dataclass(frozen=True)
class SecondStage:
    """The networks that learned from several kinds of masks.

    Attributes
    ----------
    scores : DataFrame
        A row a network, in %: the kind of ``masks``, the ``seed`` of the training, ``masks_miou``
        (of the masks themselves, against the ground truth of the images that are learnt from), and
        of the network on val, without CRF, the IoU of each class and their ``mean``.
    provenance : dict
        Data set, lists, and of each training its setting and its checkpoint's name.
    """

    scores: pd.DataFrame
    provenance: dict

    def over_seeds(self) -> pd.DataFrame:
        """A row a kind: ``masks_miou``, and over the seeds the mean and the range of ``mean``."""
        groups = self.scores.groupby("masks", sort=False)
        mean = groups["mean"]
        return pd.DataFrame(
            {
                "masks_miou": groups["masks_miou"].first(),
                "mean": mean.mean(),
                "lowest": mean.min(),
                "highest": mean.max(),
                "seeds": mean.count(),
            }
        )

    def write(self, folder: Path) -> None:
        """Write ``scores.csv``, ``spread.csv`` and ``scores.json`` to a folder."""
        write_table(self.scores.set_index("masks"), folder / "scores.csv")
        write_table(self.over_seeds(), folder / "spread.csv")
        write_text(folder / "scores.json", json.dumps(self.provenance, indent=2) + "\n")


def second_stage(
    images: DevkitDataset,
    kinds: Sequence[str] = COMPARED,
    seeds: Sequence[int] = (0,),
    *,
    val_list: str = "val",
    device: str = "cpu",
    workers: int = 1,
    **changes: object,
) -> SecondStage:
    """Train the segmentation network from each kind of masks, and score it on val.

    Masks and networks are kept: run again after a stop, only what is missing is made.

    Parameters
    ----------
    images : DevkitDataset
        What is learnt from, with ground truth as its masks.
    kinds : sequence of str
        ``truth``, some of `wsss_lib.evaluate.training_masks.KINDS`, or folders of masks.
    seeds : sequence of int
        Of the trainings; the masks are the same for all.
    val_list, device
        See `wsss_lib.segment.train.train_segmenter`.
    workers : int
        Processes that make masks.
    **changes
        What differs from the data set's preset of the training.

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
    rows, trainings = [], []
    for kind in kinds:
        masks = training_masks(kind, images, root=images.root, device=device, workers=workers)
        quality = 100 * masks_miou(masks, images)
        for seed in seeds:
            path = train_segmenter(masks, seed=seed, val_list=val_list, device=device, **changes)
            trained = load_segmenter(path)
            scores = trained.history.iloc[-1][["mean_iou", *images.classes.names]]
            named = dict(zip(["mean", *images.classes.short], 100 * scores, strict=True))
            rows.append({"masks": _name(kind), "seed": seed, "masks_miou": quality, **named})
            trainings.append({"masks": _name(kind), "checkpoint": path.name, **trained.setting})
    provenance = {
        "dataset": images.name,
        "list": Path(images.list_name).name,
        "val": f"{Path(val_list).name} against SegmentationClass, no CRF",
        "trainings": trainings,
        "versions": versions(),
    }
    return SecondStage(pd.DataFrame(rows), provenance)


def masks_miou(masks: DevkitDataset, truth: DevkitDataset) -> float:
    """The mIoU (0..1) of masks against the ground truth of the same images, pooled.

    A pixel that has no label in the masks (void) counts as wrong, as background, where the truth
    is an object, and as right where it is background.
    """
    if masks == truth:
        return 1.0
    confusion = np.zeros((len(truth.classes),) * 2, np.int64)
    for id_ in tqdm(truth.ids, desc="scoring masks", unit="image", delay=2, leave=False):
        confusion += confusion_matrix(truth.mask(id_), filled_mask(masks, id_), len(truth.classes))
    return mean_iou(confusion)


def _name(kind: str) -> str:
    """A kind as it is called in a table; of a folder its name."""
    return kind if kind in ("truth", *KINDS) else Path(kind).name
