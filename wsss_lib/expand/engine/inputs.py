"""What can be given to the classifier: feature vectors, or feature maps with a label image."""

from collections.abc import Sequence

import numpy as np

from wsss_lib.datasets.classes import VOID
from wsss_lib.errors import ParameterError
from wsss_lib.features import FeatureMap


def as_maps(X) -> tuple[FeatureMap, ...] | None:
    """The feature maps in `X` (one or a sequence), or None if it holds feature vectors.

    Raises
    ------
    ParameterError
        If there is no map, the maps belong to images of different sizes, or one has a value that is
        not finite.
    """
    if isinstance(X, FeatureMap):
        X = (X,)
    elif not (isinstance(X, Sequence) and all(isinstance(x, FeatureMap) for x in X)):
        return None
    if not X:
        raise ParameterError("X is empty; at least one feature map was expected.")
    sizes = {feature.image_size for feature in X}
    if len(sizes) > 1:
        raise ParameterError(
            f"The feature maps stand for images of sizes {sorted(sizes)}; one size was expected. "
            "Take them from the same image."
        )
    for feature in X:
        if not feature.values.isfinite().all():
            raise ParameterError(
                f"Feature map {feature.name!r} holds NaN or infinity; finite values were expected. "
                "Check the network that made it."
            )
    return tuple(X)


def as_rows(X) -> np.ndarray:
    """Feature vectors as an (n, d) array, checked.

    Raises
    ------
    ParameterError
        If it is no table of finite numbers, or empty.
    """
    X = np.asarray(X)
    if X.ndim != 2 or not np.issubdtype(X.dtype, np.number):
        raise ParameterError(
            f"X is a {X.ndim}-dimensional array of {X.dtype}; expected numbers of shape (n, d), a "
            "FeatureMap, or a sequence of them."
        )
    if not X.size:
        raise ParameterError(f"X has shape {X.shape}; at least one sample and one feature needed.")
    if not np.isfinite(X).all():
        raise ParameterError("X holds NaN or infinity; finite values were expected.")
    return X


def labelled_pixels(y, image_size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pixels of a label image that are not void.

    Parameters
    ----------
    y : array_like, shape (H, W), uint8
        255 = not labelled.
    image_size : tuple of int
        The (H, W) that is expected.

    Returns
    -------
    rows, cols : ndarray, shape (n,), int64
    labels : ndarray, shape (n,)

    Raises
    ------
    ParameterError
        If the size is another, or no pixel is labelled.
    """
    y = np.asarray(y)
    if y.shape != image_size:
        raise ParameterError(
            f"The label image has shape {y.shape}; the feature maps stand for {image_size}."
        )
    rows, cols = np.nonzero(y != VOID)
    if not rows.size:
        raise ParameterError(
            f"Every pixel of the label image is void ({VOID}); at least one labelled pixel needed."
        )
    return rows, cols, y[rows, cols]


def check_labels(y, samples: int) -> np.ndarray:
    """Labels of feature vectors as an (n,) array, checked.

    Raises
    ------
    ParameterError
        If there is not one label for each sample.
    """
    y = np.asarray(y)
    if y.shape != (samples,):
        raise ParameterError(f"y has shape {y.shape}; one label for each of {samples} samples.")
    return y
