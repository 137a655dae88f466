"""Pooled confusion matrix, intersection over union, and its interval over images.

The score of PASCAL VOC: one confusion matrix over all pixels of the whole data set, void left out,
IoU per class, and their mean. Pooling is not the mean of the images' scores.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from wsss_lib.datasets.classes import ClassSet
from wsss_lib.errors import ParameterError

#: Draws of images, with replacement.
DRAWS = 1000


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
        If the shapes differ, or a counted pixel is predicted as something that is not a class.
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


def pooled_table(
    rows: Mapping[str, Sequence[dict]], classes: ClassSet, region: str = "confusion"
) -> pd.DataFrame:
    """IoU in % per class, pooled over the rows of each name.

    Parameters
    ----------
    rows : mapping of str to sequence of dict
        By what they are called; each holds what `sparse` gave for a region.
    classes : ClassSet
    region : str
        ``confusion`` (all pixels, as in the paper), or ``held_out``: only those that were not
        sampled. The second is biased too: sampling the same number from every class takes most of a
        small object away.

    Returns
    -------
    DataFrame
        One line per name; one column per class (NaN where none of its pixels counts) and ``mean``
        over the others.
    """
    lines = {}
    for name, images in rows.items():
        scores = iou_of_counted(pooled((row[region] for row in images), len(classes)))
        lines[name] = [*scores, mean(scores)]
    return 100 * pd.DataFrame.from_dict(lines, orient="index", columns=[*classes.short, "mean"])


def drawn_confusions(confusions: Sequence[list], n_classes: int) -> np.ndarray:
    """The pooled confusion matrices of many draws of images with replacement.

    With as many images the draws are the same images, so that scores of two settings can be
    compared draw by draw.

    Parameters
    ----------
    confusions : sequence of list
        One per image, as `sparse` gives it.
    n_classes : int

    Returns
    -------
    ndarray, shape (DRAWS, n_classes, n_classes), float64
    """
    flat = np.stack([dense(entries, n_classes).ravel() for entries in confusions])
    rng = np.random.default_rng(0)
    times = rng.multinomial(len(flat), np.full(len(flat), 1 / len(flat)), DRAWS)
    return (times.astype(float) @ flat).reshape(-1, n_classes, n_classes)


def pooled_score(confusions: Sequence[list], n_classes: int, over: Sequence[int]) -> float:
    """The mean IoU in % of all images, what `drawn_scores` gives for draws of them."""
    return 100 * mean(iou_of_counted(pooled(confusions, n_classes))[list(over)])


def drawn_scores(confusions: Sequence[list], n_classes: int, over: Sequence[int]) -> np.ndarray:
    """The mean IoU of the draws of `drawn_confusions`.

    Parameters
    ----------
    confusions, n_classes
        As of `drawn_confusions`.
    over : sequence of int
        The classes of the mean. One that a draw lacks is left out of that draw's mean.

    Returns
    -------
    ndarray, shape (DRAWS,), float64
        In %; NaN for a draw without a pixel of these classes.
    """
    draws = drawn_confusions(confusions, n_classes)
    return 100 * mean(iou_of_counted(draws)[:, list(over)])


def pooled_line(
    confusions: Sequence[list], draws: np.ndarray, classes: ClassSet, chosen: Sequence[int]
) -> dict[str, float]:
    """The scores of some images in %, pooled: of classes by their short names, and their ``mean``.

    Parameters
    ----------
    confusions : sequence of list
        What `sparse` gave for each image.
    draws : ndarray, shape (DRAWS,), float64
        Their `drawn_scores`, for the interval ``mean_low`` to ``mean_high``.
    classes : ClassSet
    chosen : sequence of int
        The classes to show and average.
    """
    scores = 100 * iou_of_counted(pooled(confusions, len(classes)))[list(chosen)]
    line = dict(zip([classes.short[i] for i in chosen], scores, strict=True))
    low, high = interval(draws)
    return line | {"mean": mean(scores), "mean_low": low, "mean_high": high}


def interval(draws: np.ndarray) -> tuple[float, float]:
    """The middle 95 % of some draws; NaN where there is none.

    It may leave the score of all images out, when few of them show the hardest class and many draws
    lack it.
    """
    low, _, high = spread(draws)
    return low, high


def spread(draws: np.ndarray) -> tuple[float, float, float]:
    """The median of some draws between the ends of their `interval`."""
    known = draws[np.isfinite(draws)]
    if not known.size:
        return (float("nan"),) * 3
    return tuple(float(value) for value in np.percentile(known, [2.5, 50, 97.5]))
