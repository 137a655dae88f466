"""One classifier for all images: what the paper's image-specific one is to be better than.

The paper argues that expansion methods "implemented globally" leave out what is specific to an
image (sections 1 and 2). Here the same SVM is fitted to samples of all images, as many as one image
gives or a few times that, and labels the pixels of each.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.base import ClassifierMixin

from wsss_lib.errors import DataError, ParameterError
from wsss_lib.expand.sampling import PixelSamples
from wsss_lib.expand.svm import one_vs_rest_maps
from wsss_lib.features import FeatureMap


def parse_pool(pool: str) -> tuple[int, bool]:
    """Read whose samples a classifier is fitted to.

    Parameters
    ----------
    pool : str
        ``own``: those of the image that is labelled. ``pooled4``: samples of all images, four times
        as many as an image gives on average. ``pooled4known``: the same classifier, which chooses
        only among the image-level labels of the image and the background.

    Returns
    -------
    times : int
        0 for ``own``.
    known : bool

    >>> parse_pool("pooled4known"), parse_pool("own")
    ((4, True), (0, False))

    Raises
    ------
    ParameterError
        If it is none of these.
    """
    match = re.fullmatch(r"own|pooled([1-9]\d*)(known)?", pool)
    if not match:
        raise ParameterError(
            f"No pool {pool!r}; expected own, pooled<times> or pooled<times>known, e.g. pooled4."
        )
    return int(match[1] or 0), bool(match[2])


def pool_samples(images: Sequence[PixelSamples], times: int) -> list[PixelSamples]:
    """The samples that a pool takes from each image.

    In total `times` as many as an image has on average. Each image gives the same share of each of
    its classes, so that classes are as frequent in the pool as they are in the images' own samples.

    Parameters
    ----------
    images : sequence of PixelSamples
        Each in random order within a class, as `wsss_lib.expand.sampling.sample_mask` gives them:
        the first of them are taken, so that the pool's pixels are sampled pixels of their images.
    times : int
        All samples are taken where there are fewer images than that.

    Returns
    -------
    list of PixelSamples
        One for each image; some may be empty.
    """
    counts = [count for samples in images for count in samples.counts.values()]
    share = min(1.0, times / len(images))
    # rounded along the way, so that the whole has the size that was asked for
    ends = np.rint(share * np.cumsum([0, *counts])).astype(int)
    quotas = iter(np.diff(ends).tolist())

    def first(samples: PixelSamples) -> PixelSamples:
        """The first samples of each class."""
        kept = [np.flatnonzero(samples.labels == label)[: next(quotas)] for label in samples.counts]
        return samples.take(np.concatenate(kept))

    return [first(samples) for samples in images]


@dataclass(frozen=True)
class PooledClassifier:
    """A classifier that was fitted to samples of many images.

    Attributes
    ----------
    svm : classifier
        Fitted, with ``decision_function``.
    counts : dict of int to int
        Samples of each class in the pool.
    """

    svm: ClassifierMixin
    counts: dict[int, int]

    def decide(self, feature: FeatureMap | Sequence[FeatureMap]) -> np.ndarray:
        """The decision function of each class at each pixel, shape (H, W, classes), float64."""
        decision = self.svm.decision_function(feature)
        return one_vs_rest_maps(decision, len(self.svm.classes_))

    def choose(self, decision: np.ndarray, known: Sequence[int] | None = None) -> np.ndarray:
        """The class of each pixel.

        Parameters
        ----------
        decision : ndarray, shape (H, W, classes)
            As `decide` gives it.
        known : sequence of int, optional
            The only classes to choose from: image-level labels and the background.

        Returns
        -------
        ndarray, shape (H, W), uint8

        Raises
        ------
        DataError
            If the pool has none of the known classes.
        """
        classes = self.svm.classes_
        columns = np.arange(len(classes))
        if known is not None:
            columns = columns[np.isin(classes, known)]
        if not len(columns):
            raise DataError(
                f"The pool has samples of the classes {classes.tolist()}; at least one of the "
                f"image's labels {list(known)} was expected. Take a larger pool."
            )
        return classes[columns][decision[..., columns].argmax(-1)].astype(np.uint8)
