"""From rows to scores of a study: a line for each setting and region, with intervals."""

from collections.abc import Sequence
from dataclasses import asdict, fields

import numpy as np
import pandas as pd

from wsss_lib.datasets.classes import ClassSet
from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.rows.settings import Setting
from wsss_lib.evaluate.rows.sweep import SweepResult
from wsss_lib.evaluate.tables.bootstrap import drawn_scores, interval, spread
from wsss_lib.metrics import iou_of_counted, mean, pooled

#: What a setting consists of.
FIELDS = tuple(field.name for field in fields(Setting))


def region_of(row: dict, region: str) -> list:
    """The sparse confusion matrix of a region of one image.

    Parameters
    ----------
    row : dict
        As `wsss_lib.evaluate.rows.image.evaluate_image` gives it.
    region : str
        ``confusion`` (all pixels), ``held_out``, ``far8``, ``near8`` or ``near_held_out8``, with a
        distance of `wsss_lib.evaluate.rows.regions.FAR` or `NEAR`; ``away8`` and
        ``away_held_out8`` are the others of ``near8`` and ``near_held_out8``.

    Raises
    ------
    ParameterError
        If the rows have no such region.
    """
    if region.startswith("away"):
        whole = "held_out" if region.startswith("away_held_out") else "confusion"
        return _without(row[whole], region_of(row, region.replace("away", "near", 1)))
    name = region.rstrip("0123456789")
    found = row.get(name)
    if name != region and isinstance(found, dict):
        found = found.get(region.removeprefix(name))
    if not isinstance(found, list):
        raise ParameterError(
            f"No region {region!r}; expected confusion, held_out, or far, near, near_held_out, "
            "away or away_held_out with a distance such as far8."
        )
    return found


def _without(whole: list, part: list) -> list:
    """A sparse confusion matrix less a part of it."""
    left = {(true, predicted): pixels for true, predicted, pixels in whole}
    for true, predicted, pixels in part:
        left[true, predicted] -= pixels
    return [[*pair, pixels] for pair, pixels in left.items() if pixels]


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
        ``mean_high``, the ``seconds`` of fit and prediction an image, the samples that its
        classifier was fitted to and how many % of them have a wrong label, and the columns of
        `compared`.

    Raises
    ------
    ParameterError
        If a class or a region is unknown.
    """
    chosen, lines, draws = classes.places(over), [], []
    for setting, rows in result.rows.items():
        cost = {
            "seconds": np.mean([row["fit_seconds"] + row["predict_seconds"] for row in rows]),
            "samples_drawn": np.mean([sum(row["samples"].values()) for row in rows]),
            "wrong_samples": np.mean([_wrong_share(row) for row in rows]),
        }
        for region in regions:
            confusions = [region_of(row, region) for row in rows]
            draws.append(drawn_scores(confusions, len(classes), chosen))
            line = {"region": region, "images": len(rows), **_scores(confusions, classes, chosen)}
            line["mean_low"], line["mean_high"] = interval(draws[-1])
            lines.append({**asdict(setting), **line, **cost})
    return compared(pd.DataFrame(lines), np.array(draws))


def _wrong_share(row: dict) -> float:
    return 100 * row["wrong_samples"] / sum(row["samples"].values())


def _scores(confusions: list, classes: ClassSet, chosen: Sequence[int]) -> dict[str, float]:
    scores = 100 * iou_of_counted(pooled(confusions, len(classes)))[chosen]
    return {classes.short[i]: score for i, score in zip(chosen, scores, strict=True)} | {
        "mean": mean(scores)
    }


def compared(scores: pd.DataFrame, draws: np.ndarray) -> pd.DataFrame:
    """Set the lines of a table of scores against each other, draw by draw.

    Parameters
    ----------
    scores : DataFrame
        The fields of the setting, and ``region``.
    draws : ndarray, shape (lines, DRAWS)
        As `wsss_lib.evaluate.tables.bootstrap.drawn_scores` gives them, of the same draws.

    Returns
    -------
    DataFrame
        With ``best``: in how many per cent of the draws a feature is the best of those that differ
        in nothing else (``xy`` is no competitor); and ``ahead``, ``ahead_low``, ``ahead_high``: the
        median and the 95 % interval of what a line is ahead of the label of the nearest sample,
        where the table has that control for its sampling, resolution and region.
    """
    scores = scores.assign(best=np.nan, ahead=np.nan, ahead_low=np.nan, ahead_high=np.nan)
    rivals = scores[scores["feature"] != "xy"]
    for _, group in rivals.groupby([*(set(FIELDS) - {"feature"}), "region"]):
        leader = np.where(np.isnan(draws[group.index]), -np.inf, draws[group.index]).argmax(0)
        wins = np.bincount(leader, minlength=len(group))
        scores.loc[group.index, "best"] = 100 * wins / draws.shape[1]
    same = ["samples", "seed", "sampling", "resolution", "noise", "pool", "region"]
    for _, group in scores.groupby(same):
        control = group.index[group["kernel"] == "nearest"]
        if len(control):
            ahead = draws[group.index] - draws[control[0]]
            columns = ["ahead_low", "ahead", "ahead_high"]
            scores.loc[group.index, columns] = [spread(line) for line in ahead]
    return scores
