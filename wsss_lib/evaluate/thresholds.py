"""How good seeds are at each background threshold: the curve that methods are compared by.

The field sweeps the threshold from 0.00 to 0.59 and reports the best mean IoU (SEAM: Wang et al.,
CVPR 2020). Choosing it on the ground truth of the train list is customary, but it uses pixel
labels, which weak supervision claims to do without: so a best value is always told with the list
and the masks that it was chosen on.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.errors import ParameterError
from wsss_lib.expand.seeds import with_background
from wsss_lib.files import write_text
from wsss_lib.metrics import iou_of_counted, means
from wsss_lib.scores import ClassScores

#: The customary sweep.
THRESHOLDS = tuple((np.arange(60) / 100).tolist())


@dataclass(frozen=True)
class ThresholdCurve:
    """Scores of the seeds of one set of CAMs at each threshold, and what they were scored on.

    Attributes
    ----------
    table : DataFrame
        One row a threshold: ``threshold``, the IoU in % of each class by its short name (NaN where
        no pixel of it counts) and their ``mean``.
    list_name : str
        The list of images.
    masks : str
        The folder of the true masks.
    images : int
    crf : bool
        Whether a CRF had refined the maps.
    """

    table: pd.DataFrame
    list_name: str
    masks: str
    images: int
    crf: bool = False

    @property
    def best(self) -> pd.Series:
        """The row with the highest mean, the lowest threshold of equal ones."""
        return self.table.loc[self.table["mean"].idxmax()]

    def write(self, path: Path) -> Path:
        """Write the table as CSV, two decimals, with its list, masks, images and CRF a line."""
        origin = {"list": self.list_name, "masks": self.masks}
        origin |= {"images": self.images, "crf": self.crf}
        thresholds = [f"{threshold:g}" for threshold in self.table["threshold"]]
        lines = self.table.assign(threshold=thresholds, **origin)
        return write_text(path, lines.to_csv(index=False, float_format="%.2f"))


def threshold_curve(
    dataset: DevkitDataset,
    cams: Callable[[str], np.ndarray],
    thresholds: Sequence[float] = THRESHOLDS,
) -> ThresholdCurve:
    """Score the seeds of class activation maps at each background threshold, in one pass.

    The numbers are those of the seeds of `wsss_lib.expand.seeds.with_background`, exactly. Which
    object class wins does not hang on the threshold, so each pixel counts by its winner and by how
    many thresholds are below its value.

    Parameters
    ----------
    dataset : DevkitDataset
        Void pixels count nowhere.
    cams : callable
        Gives the maps (k, H, W), 0..1, of an id for its k image-level labels in index order.
    thresholds : sequence of float
        0..1, rising.

    Returns
    -------
    ThresholdCurve

    Raises
    ------
    ParameterError
        If the thresholds do not rise or are out of range, or maps do not fit labels or mask.

    Notes
    -----
    Scores are pooled over the images. A class that is in no mask has none, even where it is
    predicted, so that the mean is over the same classes at every threshold.
    """
    edges = _edges(thresholds)
    n_classes = len(dataset.classes)
    counts = np.zeros((n_classes, n_classes, len(edges) + 1), np.int64)
    for id_ in tqdm(dataset.ids, desc="thresholds", unit="image"):
        truth, foremost = dataset.mask(id_), with_background(cams(id_), dataset.labels(id_), 0)
        if truth.shape != foremost.image_size:
            raise ParameterError(
                f"CAMs of {foremost.image_size} for {id_}; its size, {truth.shape}, was expected."
            )
        counts += _histogram(truth, foremost, edges, n_classes)
    scores = iou_of_counted(_confusions(counts))
    table = pd.DataFrame(100 * scores, columns=list(dataset.classes.short))
    table.insert(0, "threshold", list(thresholds))
    table["mean"] = 100 * means(scores)
    origin = Path(dataset.list_name).name, Path(dataset.masks).name, len(dataset)
    return ThresholdCurve(table, *origin)


def _edges(thresholds: Sequence[float]) -> np.ndarray:
    """The thresholds in float32, as seeds compare them."""
    edges = np.array(thresholds, np.float32)
    if not (len(edges) and edges[0] >= 0 and edges[-1] <= 1 and (np.diff(edges) > 0).all()):
        raise ParameterError(f"thresholds={thresholds}; numbers from 0 to 1, rising, expected.")
    return edges


def _histogram(
    truth: np.ndarray, foremost: ClassScores, edges: np.ndarray, n_classes: int
) -> np.ndarray:
    """Pixels by true class, winner and thresholds below the winner's value.

    A pixel whose maps are all 0 is background, as it is at every threshold.
    """
    counted = truth < n_classes
    shape = (n_classes, n_classes, len(edges) + 1)
    below = np.searchsorted(edges, foremost.values.max(0)[counted])  # an equal one is not below
    bins = np.ravel_multi_index((truth[counted], foremost.mask()[counted], below), shape)
    return np.bincount(bins, minlength=np.prod(shape)).reshape(shape)


def _confusions(counts: np.ndarray) -> np.ndarray:
    """The confusion matrix at each threshold, (thresholds, K, K), rows are true classes."""
    from_top = counts[..., ::-1].cumsum(-1)[..., ::-1]  # with so many thresholds below, or more
    confusions = np.moveaxis(from_top[..., 1:], -1, 0).copy()
    confusions[..., 0] = counts.sum((1, 2)) - confusions[..., 1:].sum(-1)
    return confusions
