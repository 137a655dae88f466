"""Scores against the number of samples: the range over seeds, and two ways of sharing samples out.

They take the tables of `wsss_lib.evaluate.tables.seeds` and `wsss_lib.evaluate.tables.budget`.
"""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.ticker import LogLocator, NullLocator

from wsss_lib.show.scores import line_names

_SPLITS = {
    "equal n": {"color": "0.25", "marker": "o"},
    "n by cells": {"color": "#d55e00", "marker": "s"},
}


def seed_bars(scores: pd.DataFrame, x: str, ax: Axes | None = None) -> Axes:
    """Add the range over seeds, as a bar with ends, to each point of `score_curves`.

    Parameters
    ----------
    scores : DataFrame
        What the curves were drawn from, as `wsss_lib.evaluate.tables.seeds.over_seeds` gives it.
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
        As `wsss_lib.evaluate.tables.budget.budget_table` gives it.
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
