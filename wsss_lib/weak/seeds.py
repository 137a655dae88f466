"""Seeds: the first masks of weak supervision, where each pixel has the class that scores most.

The paper calls interpolation and argmax the classic expansion (section 1). Class activation maps
(CAMs) know objects only, so the background has to come from elsewhere: from a constant, as here and
in IRN (Ahn et al., CVPR 2019), or as a channel of its own, as in SIPE (Chen et al., CVPR 2022),
whose scores are used as they are. The seed is `ClassScores.mask` of either. It has no class but
the background and the image-level labels; a label may lose all its pixels.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from wsss_lib.classify.network import class_activation_maps
from wsss_lib.classify.sipe import SIPENetwork, image_specific_cams
from wsss_lib.classify.train import load_trained
from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.errors import ParameterError
from wsss_lib.files import atomic_path, sha256, write_text
from wsss_lib.metrics import iou_of_counted, mean
from wsss_lib.paths import cache_dir
from wsss_lib.scores import ClassScores
from wsss_lib.training import Trained


def with_background(cams: np.ndarray, labels: Sequence[int], threshold: float) -> ClassScores:
    """Class activation maps and a constant background, which wins where no map is above it.

    Parameters
    ----------
    cams : ndarray, shape (k, H, W), float
        0..1, each class divided by its greatest value.
    labels : sequence of int, length k
        The classes of the maps: image-level labels, rising, from 1.
    threshold : float
        0..1, compared in float32 as the maps are; 0.15 in IRN.

    Returns
    -------
    ClassScores
        Of the background (0) and the labels, not normalised over the classes.

    Raises
    ------
    ParameterError
        If the threshold or a map is out of range, or maps and labels do not agree.
    """
    cams = np.asarray(cams, np.float32)
    if not 0 <= threshold <= 1:
        raise ParameterError(f"threshold={threshold}; a number from 0 to 1 was expected.")
    if cams.size and not (cams.min() >= 0 and cams.max() <= 1):  # NaN is in no range
        raise ParameterError(
            f"CAMs from {cams.min():g} to {cams.max():g}; expected 0 to 1, each class divided by "
            "its greatest value."
        )
    background = np.full((1, *cams.shape[1:]), threshold, np.float32)
    return ClassScores(np.concatenate([background, cams]), (0, *labels))


#: Multiples of the image's size that the field looks at (IRN, SIPE).
SCALES = (1.0, 0.5, 1.5, 2.0)
#: IRN's constant background of CAMs, as SEAM and others tune it on the masks of train.
THRESHOLD = 0.15
#: Of SIPE's background: on VOC as the network was trained with it. The short training on toy leaves
#: absent classes with positive logits, which take a background of less weight away.
BACKGROUND_WEIGHT = {"voc": None, "toy": 1.0}


@dataclass(frozen=True)
class Localiser:
    """Gives the scores of images; small, so that it travels to workers.

    Attributes
    ----------
    path : Path
        The checkpoint of a classification network. One trained with SIPE gives image-specific CAMs
        with a background of their own, a plain one gives CAMs.
    scales : tuple of float
    threshold : float
        The constant background of CAMs; of no effect with SIPE.
    background_weight : float, optional
        Of SIPE's background, see `image_specific_cams`; that of the training when left out.
    device : str
        Where the network runs, see `wsss_lib.training.choose_device`.
    """

    path: Path
    scales: tuple[float, ...] = SCALES
    threshold: float = THRESHOLD
    background_weight: float | None = None
    device: str = "cpu"

    def load(self) -> Trained:
        """The network, loaded once a process."""
        return load_trained(self.path, self.device)

    @property
    def has_background(self) -> bool:
        """Whether the maps have a background of their own, so that no threshold is needed."""
        return isinstance(self.load().network, SIPENetwork)

    def scores(self, dataset: DevkitDataset, id_: str) -> ClassScores:
        """The scores of the background and the image-level labels of an image.

        Returns
        -------
        ClassScores
            In 0..1 at image size, in steps of float16: that is what the disk keeps.

        Raises
        ------
        ImageError
            If the image cannot be read.
        ParameterError
            If the network does not know a label.
        """
        labels = dataset.labels(id_)
        path = cache_dir() / "maps" / self.name / f"{id_}-{self.key(dataset, id_)}.npy"
        maps = _read(path)
        if maps is None:
            maps = self._maps(dataset.image(id_), labels)
            with atomic_path(path) as temporary, open(temporary, "wb") as file:
                np.save(file, maps.astype(np.float16))
        maps = maps.astype(np.float16).astype(np.float32)
        if self.has_background:
            return ClassScores(maps, (0, *labels))
        return with_background(maps, labels, self.threshold)

    @property
    def name(self) -> str:
        """What all maps hang on, as one short hash: the weights, the scales and the background."""
        weight = [] if self.background_weight is None else [self.background_weight]
        return _hash([self.load().weights.sha256, self.scales, *weight])

    def key(self, dataset: DevkitDataset, id_: str) -> str:
        """What the maps of one image hang on besides: the photograph and its labels."""
        return _hash([sha256(dataset.image_path(id_)), dataset.labels(id_)])

    def _maps(self, image: np.ndarray, labels: Sequence[int]) -> np.ndarray:
        """Image-specific CAMs with the background in front, or CAMs without any."""
        network = self.load().network
        if not self.has_background:
            return class_activation_maps(network, image, labels, self.scales)
        how = {"scales": self.scales, "background_weight": self.background_weight}
        return image_specific_cams(network, image, labels, **how).values


def _read(path: Path) -> np.ndarray | None:
    """Maps from the disk; None where there are none, or where they are damaged."""
    try:
        return np.load(path)
    except (OSError, ValueError, EOFError):
        return None


def _hash(content: list) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:10]


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

    The numbers are those of the seeds of `wsss_lib.weak.seeds.with_background`, exactly. Which
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
    table["mean"] = 100 * mean(scores)
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
