"""One total of samples, shared out in two ways: equal n for all layers, or n by a map's cells.

The paper finds it "interesting to set the total number of samples linked to the resolution of the
feature" (section 3.1). Whether that pays is a question at equal cost, so it is asked of the layers
together: the mean of their scores against the samples that they take in total.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from wsss_lib.datasets.classes import ClassSet
from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.rows.settings import Setting
from wsss_lib.evaluate.rows.sweep import SweepResult
from wsss_lib.evaluate.tables.bootstrap import drawn_scores, interval, pooled_score
from wsss_lib.evaluate.tables.scores import region_of

#: The two ways of sharing samples out.
EQUAL, BY_CELLS = "equal n", "n by cells"


def budget_table(
    result: SweepResult,
    classes: ClassSet,
    region: str = "held_out",
    over: Sequence[str] | None = None,
) -> pd.DataFrame:
    """The layers' mean score against the samples that all of them take.

    Parameters
    ----------
    result : SweepResult
        The features that have a share of their cells as samples are those that are averaged, with
        all settings that differ from these in samples and seed only.
    classes : ClassSet
    region : str
        See `wsss_lib.evaluate.tables.scores.region_of`.
    over : sequence of str, optional
        Short names of the classes that are averaged; all when left out.

    Returns
    -------
    DataFrame
        A line for each value of ``samples``, by ``total`` within each way of sharing: ``split``
        (`EQUAL` or `BY_CELLS`), the ``total`` of samples drawn from an image and the ``seconds`` of
        fit and prediction, both summed over the features (of the seeds the mean, and the median,
        since one has the first call of a process, which compiles), the ``mean`` IoU in % with its
        interval over images ``mean_low`` to ``mean_high``, averaged over features and seeds. For
        shares the ``difference`` in points from equal n of the same total with its 95 % interval
        ``difference_low`` to ``difference_high``, draw by draw; NaN beyond the totals of equal n.

    Raises
    ------
    ParameterError
        If no setting has a share, or those that have one differ in more than feature, samples and
        seed.

    Notes
    -----
    Equal n of the same total is interpolated between its neighbours, linearly in the logarithm of
    the total. Curves that flatten lie a little above their chords.
    """
    chosen, lines, scores = classes.places(over), [], []
    for samples, settings in _by_samples(result).items():
        split = BY_CELLS if isinstance(samples, str) else EQUAL
        lines.append({"split": split, "samples": samples, **_costs(result, settings)})
        confusions = [[region_of(row, region) for row in result.rows[each]] for each in settings]
        scores.append(_mean_scores(confusions, len(classes), chosen))
    table, scores = pd.DataFrame(lines), np.array(scores)
    table["mean"] = scores[:, 0]
    table[["mean_low", "mean_high"]] = [interval(line[1:]) for line in scores]
    apart = scores - _at_same_total(table, scores)
    table["difference"] = apart[:, 0]
    table[["difference_low", "difference_high"]] = [interval(line[1:]) for line in apart]
    return table.sort_values(["split", "total"], ignore_index=True)


def budget_tables(
    result: SweepResult,
    classes: ClassSet,
    regions: Sequence[str],
    over: Sequence[str] | None = None,
) -> pd.DataFrame:
    """`budget_table` of several regions, with the column ``region``; without the seconds."""
    tables = {region: budget_table(result, classes, region, over) for region in regions}
    table = pd.concat(tables, names=["region"]).reset_index("region")
    return table.drop(columns="seconds")


def _by_samples(result: SweepResult) -> dict[int | str, list[Setting]]:
    """The settings of the features that have shares, by their samples."""
    shares = [each for each in result.rows if isinstance(each.samples, str)]
    kinds = {_alike(each) for each in shares}
    if len(kinds) != 1:
        raise ParameterError(
            "Settings with a share of the cells as samples, such as '0.1xcells', were expected, "
            "which differ in feature, samples and seed only."
        )
    features = {each.feature for each in shares}
    kept = [each for each in result.rows if each.feature in features and _alike(each) in kinds]
    groups = {}
    for setting in kept:
        groups.setdefault(setting.samples, []).append(setting)
    return groups


def _alike(setting: Setting) -> Setting:
    """What settings have in common that differ in feature, samples and seed."""
    return replace(setting, feature="img", samples=1, seed=0)


def _costs(result: SweepResult, settings: list[Setting]) -> dict[str, float]:
    """Samples and seconds of an image, summed over features, of a typical seed."""
    costs = pd.DataFrame(
        {
            "seed": setting.seed,
            "total": sum(row["samples"].values()),
            "seconds": row["fit_seconds"] + row["predict_seconds"],
            "images": len(result.rows[setting]),
        }
        for setting in settings
        for row in result.rows[setting]
    )
    costs = costs.groupby("seed")[["total", "seconds"]].sum() / costs["images"].iloc[0]
    return {"total": costs["total"].mean(), "seconds": costs["seconds"].median()}


def _mean_scores(confusions: list[list], n_classes: int, over: list[int]) -> np.ndarray:
    """The mean over settings, of all images and then of each draw: (1 + DRAWS,)."""
    whole = [pooled_score(each, n_classes, over) for each in confusions]
    draws = [drawn_scores(each, n_classes, over) for each in confusions]
    return np.append(np.mean(whole), np.mean(draws, axis=0))


def _at_same_total(table: pd.DataFrame, scores: np.ndarray) -> np.ndarray:
    """What equal n scores at the total of each share: like `scores`, NaN where it is unknown."""
    equal = table[table["split"] == EQUAL].sort_values("total")
    known, found = equal["total"].to_numpy(), np.full_like(scores, np.nan)
    for index, total in table.loc[table["split"] == BY_CELLS, "total"].items():
        after = np.searchsorted(known, total)
        if total == known[0]:
            found[index] = scores[equal.index[0]]
        elif 0 < after < len(known):
            low, high = np.log(known[after - 1 : after + 1])
            part = (np.log(total) - low) / (high - low)
            below, above = scores[equal.index[after - 1 : after + 1]]
            found[index] = (1 - part) * below + part * above
    return found
