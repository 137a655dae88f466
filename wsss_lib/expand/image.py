"""From labelled pixels to a mask of the whole image, by any image-specific classifier.

That is `ImageSVM` or `ProductSVM`, any classifier of scikit-learn, or `NearestSample`: a control
without features and without learning.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.utils.validation import check_is_fitted

from wsss_lib.datasets.classes import VOID
from wsss_lib.expand.engine.samples import as_features, labelled_pixels
from wsss_lib.expand.pixels import PixelClassifier
from wsss_lib.expand.product import ProductSVM
from wsss_lib.expand.svm import ImageSVM
from wsss_lib.features import FeatureMap


class NearestSample(ClassifierMixin, BaseEstimator):
    """Give each pixel of an image the label of the sampled pixel nearest to it.

    It takes the place of `wsss_lib.expand.svm.ImageSVM` and looks only at the positions of the
    samples (exact Euclidean distance in pixels).

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
    n_support_ : int
        How many samples there are: all of them are kept.
    """

    def fit(self, X, y) -> "NearestSample":
        """Keep the samples.

        Parameters
        ----------
        X : FeatureMap, or sequence of FeatureMap
            Only its image size is used.
        y : ndarray, shape (H, W), uint8
            255 = not labelled.

        Raises
        ------
        ParameterError
            If the sizes do not agree, or nothing is labelled.
        """
        _, _, labels = labelled_pixels(y, as_features(X)[0].image_size)
        self.classes_, self.n_support_ = np.unique(labels), len(labels)
        y = np.asarray(y)
        nearest = distance_transform_edt(y == VOID, return_distances=False, return_indices=True)
        self._labels = y[tuple(nearest)]
        return self

    def predict(self, X) -> np.ndarray:
        """The class of every pixel of the image that was fitted, shape (H, W)."""
        check_is_fitted(self)
        return self._labels


Classifier = ImageSVM | ProductSVM | NearestSample | PixelClassifier


@dataclass(frozen=True)
class Expansion:
    """What an image-specific classifier made of one image.

    Attributes
    ----------
    mask : ndarray, shape (H, W), uint8
        A class for every pixel, void ones included.
    svm : ImageSVM, ProductSVM, NearestSample or PixelClassifier
        The fitted classifier.
    fit_seconds, predict_seconds : float
    """

    mask: np.ndarray
    svm: Classifier
    fit_seconds: float
    predict_seconds: float


def expand(
    feature: FeatureMap | Sequence[FeatureMap],
    label_image: np.ndarray,
    classifier: Classifier | ClassifierMixin,
) -> Expansion:
    """Fit an image-specific classifier and label every pixel with it (section 3.2).

    Parameters
    ----------
    feature : FeatureMap, or sequence of FeatureMap
    label_image : ndarray, shape (H, W), uint8
        The labelled pixels; 255 = not labelled.
    classifier : ImageSVM, ProductSVM, NearestSample, PixelClassifier, or scikit-learn classifier
        Unfitted; a clone of it is fitted. One of scikit-learn's gets the pixels' feature vectors
        by `wsss_lib.expand.pixels.PixelClassifier`.

    Returns
    -------
    Expansion
    """
    if not isinstance(classifier, Classifier):
        classifier = PixelClassifier(classifier)
    if isinstance(classifier, ImageSVM | ProductSVM):
        warm_up()
    start = time.perf_counter()
    fitted = clone(classifier).fit(feature, label_image)
    between = time.perf_counter()
    mask = fitted.predict(feature)
    return Expansion(mask, fitted, between - start, time.perf_counter() - between)


@cache
def warm_up() -> None:
    """Compile or load the SVM's loops, once in a process, so that no image's seconds contain that.

    A loop is compiled for each number type, which C decides, and each way to read a map: by its
    pixels, by its cells, few channels or many.
    """
    size = 16
    labels = np.random.default_rng(0).integers(0, 3, (size, size), np.uint8)  # hard to learn
    pixels, cells = (
        FeatureMap(torch.from_numpy(np.indices((n, n), np.float32) / n), (size, size))
        for n in (size, 4)
    )
    cells = replace(cells, values=cells.values.repeat(4, 1, 1))
    precise = {"C": 1e3, "gamma": 100.0}
    svms = ImageSVM("linear"), ImageSVM(), ImageSVM(**precise), ProductSVM(), ProductSVM(**precise)
    for svm, feature in product(svms, (pixels, cells, (pixels, cells))):
        svm.fit(feature, labels).predict(feature)
