"""How many of the samples that a classifier learns from have the right label."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from wsss_lib.datasets.classes import VOID, ClassSet
from wsss_lib.expand.sampling import PixelSamples


def count_right(samples: PixelSamples, truth: np.ndarray) -> dict[int, list[int]]:
    """Count the samples of an image that have the right label.

    Parameters
    ----------
    samples : PixelSamples
    truth : ndarray, shape (H, W), uint8
        Samples on void (255) count nowhere.

    Returns
    -------
    dict of int to list of int
        For each label that was given: ``[right, drawn]``. As JSON it has text for keys, which
        `precision_table` reads, too.
    """
    true = truth[samples.rows, samples.cols]
    counts = {}
    for label in samples.counts:
        judged = true[(samples.labels == label) & (true != VOID)]
        counts[label] = [int((judged == label).sum()), len(judged)]
    return counts


def precision_table(
    rows: Iterable[Mapping[int | str, list[int]]], classes: ClassSet
) -> pd.DataFrame:
    """The share of right labels among the samples of each class, pooled over images.

    Parameters
    ----------
    rows : iterable of mapping
        Of each image what `count_right` gave.
    classes : ClassSet

    Returns
    -------
    DataFrame
        Indexed by ``class``, by short names, ``all`` in the last line: ``right`` and ``drawn``
        samples, and the ``precision`` in %; NaN where no sample counts.
    """
    counts = np.zeros((len(classes) + 1, 2), np.int64)
    for row in rows:
        for label, pair in row.items():
            counts[int(label)] += pair
    counts[-1] = counts[:-1].sum(0)
    table = pd.DataFrame(counts, pd.Index([*classes.short, "all"], name="class"))
    table.columns = ["right", "drawn"]
    drawn = table["drawn"].where(table["drawn"] > 0)
    return table.assign(precision=100 * table["right"] / drawn)
