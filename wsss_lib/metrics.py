"""Pooled confusion matrix and intersection over union.

The score of PASCAL VOC: one confusion matrix over all pixels of the whole data set, void left out,
IoU per class, and their mean. Pooling is not the mean of the images' scores.
"""

from collections.abc import Iterable

import numpy as np

from wsss_lib.errors import ParameterError


def confusion_matrix(
    truth: np.ndarray,
    prediction: np.ndarray,
    n_classes: int,
    region: np.ndarray | None = None,
) -> np.ndarray:
    """Count pixels by true and predicted class.

    Parameters
    ----------
    truth : ndarray, shape (H, W), uint8
        Pixels whose value is `n_classes` or more (void) count nowhere.
    prediction : ndarray, shape (H, W), uint8
    n_classes : int
    region : ndarray, shape (H, W), bool, optional
        Count only these pixels.

    Returns
    -------
    ndarray, shape (n_classes, n_classes), int64
        Rows are true classes, columns predicted ones.

    Raises
    ------
    ParameterError
        If the shapes differ, or a counted pixel is predicted as something that is no class.
    """
    if truth.shape != prediction.shape:
        raise ParameterError(
            f"Prediction of shape {prediction.shape} against truth of shape {truth.shape}; both "
            "must be masks of one image."
        )
    counted = truth < n_classes
    if region is not None:
        counted &= region
    true, predicted = truth[counted].astype(np.int64), prediction[counted].astype(np.int64)
    if predicted.size and predicted.max() >= n_classes:
        raise ParameterError(
            f"The prediction holds {predicted.max()} where the truth is not void; expected classes "
            f"0 to {n_classes - 1}."
        )
    pairs = np.bincount(true * n_classes + predicted, minlength=n_classes**2)
    return pairs.reshape(n_classes, n_classes)


def iou(confusion: np.ndarray) -> np.ndarray:
    """Intersection over union of each class, TP / (truth + prediction - TP).

    Parameters
    ----------
    confusion : ndarray, shape (..., K, K)
        Rows are true classes.

    Returns
    -------
    ndarray, shape (..., K), float64
        Between 0 and 1; NaN for a class that is neither in the truth nor predicted.
    """
    hits = np.diagonal(confusion, axis1=-2, axis2=-1).astype(float)
    union = confusion.sum(-2) + confusion.sum(-1) - hits
    return np.divide(hits, union, out=np.full(hits.shape, np.nan), where=union > 0)


def iou_of_counted(confusion: np.ndarray) -> np.ndarray:
    """`iou` of the classes that have a counted true pixel; NaN for the others.

    It matters for held-out pixels: of a small object that was sampled to its last pixel none is
    held out, and whatever is taken for it is wrong. The class has no score there, rather than 0.
    """
    return np.where(confusion.sum(-1) > 0, iou(confusion), np.nan)


def mean(scores: np.ndarray) -> np.ndarray | float:
    """The mean over the classes (the last axis) that have a score; NaN where none has."""
    known = np.isfinite(scores)
    total, count = np.where(known, scores, 0).sum(-1), known.sum(-1)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)[()]


def mean_iou(confusion: np.ndarray) -> float:
    """The mean of `iou` over the classes present (NaN where there is none)."""
    return mean(iou(confusion))


def sparse(confusion: np.ndarray) -> list[list[int]]:
    """A confusion matrix as a list of [true class, predicted class, pixels], without the zeros."""
    true, predicted = np.nonzero(confusion)
    return np.stack([true, predicted, confusion[true, predicted]], 1).tolist()


def dense(entries: list[list[int]], n_classes: int) -> np.ndarray:
    """The (n_classes, n_classes) int64 confusion matrix of what `sparse` gave."""
    return pooled([entries], n_classes)


def pooled(images: Iterable[list[list[int]]], n_classes: int) -> np.ndarray:
    """The confusion matrix of all images, given what `sparse` gave for each."""
    confusion = np.zeros((n_classes, n_classes), np.int64)
    for entries in images:
        for true, predicted, pixels in entries:
            confusion[true, predicted] += pixels
    return confusion
