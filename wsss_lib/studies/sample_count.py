"""What a setting costs an image: seconds, samples and support vectors."""

from collections.abc import Sequence
from dataclasses import asdict, replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.ticker import LogLocator, NullLocator

from wsss_lib.datasets.classes import ClassSet
from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.scores import drawn_scores, interval, pooled_score, region_of
from wsss_lib.evaluate.settings import Setting
from wsss_lib.evaluate.sweeps import SweepResult
from wsss_lib.show.plots import line_names


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
        See `wsss_lib.evaluate.scores.region_of`.
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


_SPLITS = {
    "equal n": {"color": "0.25", "marker": "o"},
    "n by cells": {"color": "#d55e00", "marker": "s"},
}


def seed_bars(scores: pd.DataFrame, x: str, ax: Axes | None = None) -> Axes:
    """Add the range over seeds, as a bar with ends, to each point of `score_curves`.

    Parameters
    ----------
    scores : DataFrame
        What the curves were drawn from, as `wsss_lib.evaluate.scores.over_seeds` gives it.
    x : str
        The same column of numbers as theirs.
    ax : Axes, optional
        With the curves: a bar has the colour of its feature's curve.
    """
    ax = ax or plt.gca()
    colours = {line.get_label(): line.get_color() for line in ax.lines}
    for name, lines in scores.groupby(line_names(scores), sort=False):
        below, above = lines["mean"] - lines["seed_low"], lines["seed_high"] - lines["mean"]
        ends = [below.clip(lower=0), above.clip(lower=0)]  # a mean of equal numbers is rounded
        place = lines[x].astype(float), lines["mean"]
        ax.errorbar(*place, ends, fmt="none", ecolor=colours[name], capsize=3)
    return ax


def budget_curves(table: pd.DataFrame, x: str = "total", ax: Axes | None = None) -> Axes:
    """Draw the layers' mean score against what they cost, a curve for each way of sharing out.

    Parameters
    ----------
    table : DataFrame
        As `wsss_lib.studies.sample_count.budget_table` gives it.
    x : {"total", "seconds"}
    ax : Axes, optional

    Notes
    -----
    Each point is named by its n, or by its share of the cells. Bands are intervals over images.
    """
    ax = ax or plt.gca()
    for (split, look), side in zip(_SPLITS.items(), (1, -1), strict=True):
        lines = table[table["split"] == split].sort_values(x)
        ax.plot(lines[x], lines["mean"], label=split, markersize=5, **look)
        band = lines["mean_low"], lines["mean_high"]
        ax.fill_between(lines[x], *band, color=look["color"], alpha=0.12, lw=0)
        for place, samples in zip(lines[[x, "mean"]].to_numpy(), lines["samples"], strict=True):
            ax.annotate(
                str(samples).removesuffix("xcells"),
                place,
                xytext=(-7 * side, 9 * side),
                textcoords="offset points",
                ha="center",
                va="center",
                fontsize=8,
                color=look["color"],
                path_effects=[withStroke(linewidth=2, foreground="white")],
            )
    ax.set(xscale="log", xlabel=x, ylabel="mean IoU (%)")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))  # costs may span less than a decade
    ax.xaxis.set_major_formatter(_short)
    ax.xaxis.set_minor_locator(NullLocator())
    ax.grid(axis="y", color="0.9")
    ax.legend(loc="lower right", frameon=False)
    return ax


def _short(value: float, _: int) -> str:
    """A tick's number, thousands as k, so that neighbours do not touch."""
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"
