"""What a setting costs an image: seconds, samples and support vectors."""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd

from wsss_lib.datasets.classes import ClassSet
from wsss_lib.evaluate.rows.sweep import SweepResult


def cost_table(
    result: SweepResult, classes: ClassSet, regions: Sequence[str] = (), over: object = None
) -> pd.DataFrame:
    """Means over the images, and the median of their seconds, in the run that computed the rows.

    Parameters
    ----------
    result : SweepResult
    classes, regions, over
        Unused: costs are those of whole images.

    Returns
    -------
    DataFrame
        The fields of the setting, ``samples_drawn``, ``support_vectors``, ``fit_seconds`` and
        ``predict_seconds``, on one thread.
    """
    lines = []
    for setting, rows in result.rows.items():
        costs = {"samples_drawn": np.mean([sum(row["samples"].values()) for row in rows])}
        costs["support_vectors"] = np.mean([row["support_vectors"] for row in rows])
        for name in ("fit_seconds", "predict_seconds"):  # the first image of a process compiles
            costs[name] = np.median([row[name] for row in rows])
        lines.append(asdict(setting) | costs)
    return pd.DataFrame(lines)
