"""Seeds: the first masks of weak supervision, where each pixel has the class that scores most.

The paper calls interpolation and argmax the classic expansion (section 1). A `Localiser` gives the
scores of an image: class activation maps (CAMs) of a plain classification network, or the
image-specific CAMs of one that was trained with SIPE (Chen et al., CVPR 2022). CAMs know objects
only, so their background is a constant, as in IRN (Ahn et al., CVPR 2019), and `threshold_curve`
tries all of them; SIPE's maps have a background of their own. The seed is `ClassScores.mask` of
either. It has no class but the background and the image-level labels; a label may lose all its
pixels.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from wsss_lib.classify.network import class_activation_maps
from wsss_lib.classify.sipe import SIPENetwork, image_specific_cams
from wsss_lib.classify.train import load_trained
from wsss_lib.datasets.classes import ClassSet
from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.errors import ParameterError
from wsss_lib.files import atomic_path, sha256
from wsss_lib.metrics import iou_of_counted, mean
from wsss_lib.paths import cache_dir
from wsss_lib.scores import ClassScores
from wsss_lib.store import FORMAT
from wsss_lib.training import Trained

#: Multiples of the image's size that a network looks at: on VOC as the field does (IRN, SIPE). The
#: small images of toy have few cells at their own size; its values here and below were chosen with
#: the ground truth of 40 of its images, which notebook 13 does not score.
SCALES = {"voc": (1.0, 0.5, 1.5, 2.0), "toy": (1.5, 2.0, 2.5)}
#: IRN's constant background of CAMs, as SEAM and others tune it on the masks of train.
THRESHOLD = 0.15
#: The thresholds that are customarily tried, rising.
THRESHOLDS = tuple((np.arange(60) / 100).tolist())
#: Of SIPE's background: on VOC as the network was trained with it. The short training on toy leaves
#: absent classes with positive logits, which take a background of less weight away.
BACKGROUND_WEIGHT = {"voc": None, "toy": 1.0}


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


@dataclass(frozen=True)
class Localiser:
    """Gives the scores of images; small, so that it can be sent to workers.

    Maps are kept on the disk (``maps`` in the cache, float16): about 2 bytes x pixels x classes per
    image, 1 MB on VOC.

    Attributes
    ----------
    path : path
        The checkpoint of a classification network. One trained with SIPE gives image-specific CAMs
        with a background of their own, a plain one gives CAMs.
    scales : tuple of float, optional
        Multiples of the image's size; by default those of the data set that the network learnt.
    threshold : float
        The constant background of CAMs; of no effect with SIPE.
    background_weight : float, optional
        Of SIPE's background, see `image_specific_cams`; by default likewise, on VOC that of the
        training.
    device : str
        Where the network runs, see `wsss_lib.training.choose_device`.
    """

    path: Path
    scales: tuple[float, ...] | None = None
    threshold: float = THRESHOLD
    background_weight: float | None = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        object.__setattr__(self, "path", Path(self.path).absolute())  # the same in any worker

    def load(self) -> Trained:
        """The network, loaded once per process."""
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
        WeightsError
            If the network scores other classes than the data set has.
        """
        load_trained(self.path, self.device, dataset)
        labels = dataset.labels(id_)
        path = cache_dir() / "maps" / self.name / f"{id_}-{self.key(dataset, id_)}.npy"
        try:
            maps = np.load(path)
        except (OSError, ValueError, EOFError):  # none there yet, or a damaged file
            maps = self._maps(dataset.image(id_), labels).astype(np.float16)
            with atomic_path(path) as temporary, open(temporary, "wb") as file:
                np.save(file, maps)
        maps = maps.astype(np.float32)
        if self.has_background:
            return ClassScores(maps, (0, *labels))
        return with_background(maps, labels, self.threshold)

    @property
    def usual(self) -> Self:
        """The same with the values of the data set where they were left out."""
        dataset = self.load().setting["dataset"]
        scales = self.scales or SCALES[dataset]
        weight = self.background_weight or BACKGROUND_WEIGHT[dataset]
        return replace(self, scales=scales, background_weight=weight)

    @property
    def name(self) -> str:
        """What all maps depend on, as one short hash: code, weights, scales, the background."""
        usual = self.usual
        weight = [] if usual.background_weight is None else [usual.background_weight]
        return short_hash([FORMAT, self.load().weights.sha256, usual.scales, *weight])

    def key(self, dataset: DevkitDataset, id_: str) -> str:
        """What the maps of one image depend on besides: the photograph and its labels."""
        return short_hash([sha256(dataset.image_path(id_)), dataset.labels(id_)])

    def _maps(self, image: np.ndarray, labels: Sequence[int]) -> np.ndarray:
        """Image-specific CAMs with the background in front, or CAMs without any."""
        network, usual = self.load().network, self.usual
        if not self.has_background:
            return class_activation_maps(network, image, labels, usual.scales)
        return image_specific_cams(
            network, image, labels, usual.scales, background_weight=usual.background_weight
        ).values


def short_hash(content: list) -> str:
    """Ten hex digits of the SHA-256 of JSON values."""
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:10]


def threshold_curve(dataset: DevkitDataset, cams: Callable[[str], np.ndarray]) -> pd.DataFrame:
    """Score the seeds of class activation maps at each of `THRESHOLDS`, in one pass.

    Parameters
    ----------
    dataset : DevkitDataset
        Void pixels count nowhere.
    cams : callable
        Gives the maps (k, H, W), 0..1, of an id for its k image-level labels in index order.

    Returns
    -------
    DataFrame
        See `curve_table`.

    Raises
    ------
    ParameterError
        If maps do not fit labels or mask.
    """
    ids = tqdm(dataset.ids, desc="thresholds", unit="image")
    whole = sum(threshold_confusions(dataset, id_, cams(id_)) for id_ in ids)
    return curve_table(whole, dataset.classes)


def threshold_confusions(dataset: DevkitDataset, id_: str, cams: np.ndarray) -> np.ndarray:
    """Count the pixels of an image's seeds at each of `THRESHOLDS`.

    The numbers are those of the seeds of `with_background`, exactly. Which object class wins does
    not depend on the threshold, so each pixel counts by its winner and by how many thresholds are
    below its value. A pixel whose maps are all 0 is background at every threshold.

    Parameters
    ----------
    dataset : DevkitDataset
    id_ : str
    cams : ndarray, shape (k, H, W)
        Of its labels, 0..1.

    Returns
    -------
    ndarray, shape (thresholds, K, K), int64
        Rows are true classes.

    Raises
    ------
    ParameterError
        If the maps do not fit labels or mask.
    """
    edges, n_classes = np.array(THRESHOLDS, np.float32), len(dataset.classes)  # as seeds compare
    truth, foremost = dataset.mask(id_), with_background(cams, dataset.labels(id_), 0)
    if truth.shape != foremost.image_size:
        raise ParameterError(
            f"CAMs of {foremost.image_size} for {id_}; its size, {truth.shape}, was expected."
        )
    counted = truth < n_classes
    # thresholds below the greatest value; one that equals it is not, as in `with_background`
    below = np.searchsorted(edges, foremost.values.max(0)[counted])
    counts = np.zeros((n_classes, n_classes, len(edges) + 1), np.int64)
    np.add.at(counts, (truth[counted], foremost.mask()[counted], below), 1)
    from_top = counts[..., ::-1].cumsum(-1)[..., ::-1]  # with so many thresholds below, or more
    confusions = np.moveaxis(from_top[..., 1:], -1, 0).copy()
    confusions[..., 0] = counts.sum((1, 2)) - confusions[..., 1:].sum(-1)
    return confusions


def curve_table(confusions: np.ndarray, classes: ClassSet) -> pd.DataFrame:
    """The scores at each threshold.

    Parameters
    ----------
    confusions : ndarray, shape (thresholds, K, K)
        The sum of the `threshold_confusions` of images.
    classes : ClassSet

    Returns
    -------
    DataFrame
        One row per threshold: ``threshold``, the IoU in % of each class by its short name (NaN
        where no pixel of it counts) and their ``mean``.

    Notes
    -----
    Scores are pooled over the images. A class that is in no mask has none, even where it is
    predicted, so that the mean is over the same classes at every threshold.
    """
    scores = iou_of_counted(confusions)
    table = pd.DataFrame(100 * scores, columns=list(classes.short))
    table.insert(0, "threshold", THRESHOLDS)
    table["mean"] = 100 * mean(scores)
    return table
