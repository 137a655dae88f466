"""How much of each class a number of samples covers."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from wsss_lib.datasets.classes import ClassSet
from wsss_lib.expand.sampling import PixelSamples


def sample_coverage(mask: np.ndarray, pixels: PixelSamples, classes: ClassSet) -> pd.DataFrame:
    """What was sampled of each class of one image, and what was held out.

    Parameters
    ----------
    mask : ndarray, shape (H, W), uint8
    pixels : PixelSamples
        Drawn from that mask.
    classes : ClassSet

    Returns
    -------
    DataFrame
        Indexed by ``class``: its ``pixels``, the ``sampled`` ones, those ``held out``, and which
        ``share`` of it was sampled (%).
    """
    labels = list(pixels.counts)
    table = pd.DataFrame(
        {"pixels": [int((mask == label).sum()) for label in labels], "sampled": pixels.counts},
        index=labels,
    )
    table["held out"] = table["pixels"] - table["sampled"]
    table["share"] = 100 * table["sampled"] / table["pixels"]
    return table.set_axis(pd.Index([classes.names[label] for label in labels], name="class"))


def coverage_by_n(counts: np.ndarray, numbers: Sequence[int]) -> pd.DataFrame:
    """What n samples a class cover over a whole data set.

    Parameters
    ----------
    counts : ndarray, shape (images, K + 1), int
        As `wsss_lib.datasets.statistics.pixel_counts` gives them.
    numbers : sequence of int
        The n to look at.

    Returns
    -------
    DataFrame
        In %, indexed by ``n``: ``objects with fewer pixels`` (of all pairs of an image and an
        object class in it), ``object pixels sampled`` and ``background pixels sampled``.
    """
    background, objects = counts[:, 0], counts[:, 1:-1]
    objects = objects[objects > 0]
    rows = [
        (
            100 * (objects < n).mean(),
            100 * np.minimum(objects, n).sum() / objects.sum(),
            100 * np.minimum(background, n).sum() / background.sum(),
        )
        for n in numbers
    ]
    columns = ["objects with fewer pixels", "object pixels sampled", "background pixels sampled"]
    return pd.DataFrame(rows, pd.Index(numbers, name="n"), columns)
