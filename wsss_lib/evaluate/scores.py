"""From rows to scores of a study: a line for each setting and region, with intervals."""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd

from wsss_lib.datasets.classes import ClassSet
from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.bootstrap import drawn_scores, interval
from wsss_lib.evaluate.sweep import SweepResult
from wsss_lib.metrics import dense, iou_of_counted, mean


def region_of(row: dict, region: str) -> list:
    """The sparse confusion matrix of a region of one image.

    Parameters
    ----------
    row : dict
        As `wsss_lib.evaluate.image.evaluate_image` gives it.
    region : str
        ``confusion`` (all pixels), ``held_out``, ``far8``, ``near8`` or ``near_held_out8``, with a
        distance of `wsss_lib.evaluate.regions.FAR` or `NEAR`.

    Raises
    ------
    ParameterError
        If the rows have no such region.
    """
    name = region.rstrip("0123456789")
    found = row.get(name)
    if name != region and isinstance(found, dict):
        found = found.get(region.removeprefix(name))
    if not isinstance(found, list):
        raise ParameterError(
            f"No region {region!r}; expected confusion, held_out, or far, near or near_held_out "
            "with a distance such as far8."
        )
    return found


def score_table(
    result: SweepResult,
    classes: ClassSet,
    regions: Sequence[str] = ("confusion", "held_out"),
    over: Sequence[str] | None = None,
) -> pd.DataFrame:
    """IoU of every setting and region, pooled over the images.

    Parameters
    ----------
    result : SweepResult
    classes : ClassSet
    regions : sequence of str
        See `region_of`.
    over : sequence of str, optional
        Short names of the classes that are shown and averaged; all that have a score when left
        out.

    Returns
    -------
    DataFrame
        The fields of the setting, ``region``, ``images``, IoU in % of each class (NaN where none of
        its pixels counts), ``mean`` with its 95 % interval over images ``mean_low`` to
        ``mean_high``, the
        ``seconds`` of fit and prediction an image, and the samples that an image gave.

    Raises
    ------
    ParameterError
        If a class or a region is unknown.
    """
    unknown = set(over or ()) - set(classes.short)
    if unknown:
        raise ParameterError(
            f"No class {min(unknown)!r}; expected some of {', '.join(classes.short)}."
        )
    lines = []
    for setting, rows in result.rows.items():
        cost = {
            "seconds": np.mean([row["fit_seconds"] + row["predict_seconds"] for row in rows]),
            "samples_drawn": np.mean([sum(row["samples"].values()) for row in rows]),
        }
        for region in regions:
            scores = _scores([region_of(row, region) for row in rows], classes, over)
            line = {"region": region, "images": len(rows), **scores, **cost}
            lines.append({**asdict(setting), **line})
    return pd.DataFrame(lines)


def _scores(confusions: list, classes: ClassSet, over: Sequence[str] | None) -> dict[str, float]:
    count = len(classes)
    pooled = sum((dense(entries, count) for entries in confusions), np.zeros((count, count)))
    scores = 100 * iou_of_counted(pooled)
    chosen = [i for i, name in enumerate(classes.short) if over is None or name in over]
    draws = drawn_scores(confusions, count, chosen)
    low, high = interval(draws)
    return {
        **{classes.short[i]: scores[i] for i in chosen},
        "mean": mean(scores[chosen]),
        "mean_low": low,
        "mean_high": high,
    }
