"""Intervals over images: how far a score would move with another draw of the same size."""

from collections.abc import Sequence

import numpy as np

from wsss_lib.metrics import dense, iou_of_counted, mean, means, pooled

#: Draws of images, with replacement.
DRAWS = 1000


def drawn_confusions(confusions: Sequence[list], n_classes: int, seed: int = 0) -> np.ndarray:
    """The pooled confusion matrices of many draws of images with replacement.

    With the same seed and as many images the draws are the same images, so that scores of two
    settings can be compared draw by draw.

    Parameters
    ----------
    confusions : sequence of list
        One an image, as `wsss_lib.metrics.sparse` gives it.
    n_classes : int
    seed : int

    Returns
    -------
    ndarray, shape (DRAWS, n_classes, n_classes), float64
    """
    flat = np.stack([dense(entries, n_classes).ravel() for entries in confusions])
    rng = np.random.default_rng(seed)
    times = rng.multinomial(len(flat), np.full(len(flat), 1 / len(flat)), DRAWS)
    return (times.astype(float) @ flat).reshape(-1, n_classes, n_classes)


def pooled_score(confusions: Sequence[list], n_classes: int, over: Sequence[int]) -> float:
    """The mean IoU in % of all images, what `drawn_scores` gives for draws of them."""
    return 100 * mean(iou_of_counted(pooled(confusions, n_classes))[list(over)])


def drawn_scores(
    confusions: Sequence[list], n_classes: int, over: Sequence[int], seed: int = 0
) -> np.ndarray:
    """The mean IoU of the draws of `drawn_confusions`.

    Parameters
    ----------
    confusions, n_classes, seed
        As of `drawn_confusions`.
    over : sequence of int
        The classes of the mean. One that a draw lacks is left out of that draw's mean.

    Returns
    -------
    ndarray, shape (DRAWS,), float64
        In %; NaN for a draw without a pixel of these classes.
    """
    draws = drawn_confusions(confusions, n_classes, seed)
    return 100 * means(iou_of_counted(draws)[:, list(over)])


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
