"""One image, one feature, one image-specific classifier (section 3, Figure 5b)."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.base import clone

from wsss_lib.expand.nearest import NearestSample
from wsss_lib.expand.product import ProductSVM
from wsss_lib.expand.svm import ImageSVM
from wsss_lib.features import FeatureMap

Classifier = ImageSVM | ProductSVM | NearestSample


@dataclass(frozen=True)
class Expansion:
    """What an image-specific classifier made of one image.

    Attributes
    ----------
    mask : ndarray, shape (H, W), uint8
        A class for every pixel, void ones included.
    svm : ImageSVM, ProductSVM or NearestSample
        The fitted classifier.
    fit_seconds, predict_seconds : float
    """

    mask: np.ndarray
    svm: Classifier
    fit_seconds: float
    predict_seconds: float


def expand(
    feature: FeatureMap | Sequence[FeatureMap], label_image: np.ndarray, svm: Classifier
) -> Expansion:
    """Fit an image-specific classifier and label every pixel with it (section 3.2).

    Parameters
    ----------
    feature : FeatureMap, or sequence of FeatureMap
    label_image : ndarray, shape (H, W), uint8
        The labelled pixels; 255 = not labelled.
    svm : ImageSVM, ProductSVM or NearestSample
        Unfitted; a clone of it is fitted.

    Returns
    -------
    Expansion
    """
    start = time.perf_counter()
    fitted = clone(svm).fit(feature, label_image)
    between = time.perf_counter()
    mask = fitted.predict(feature)
    return Expansion(mask, fitted, between - start, time.perf_counter() - between)
