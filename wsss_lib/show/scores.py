"""Scores of studies as pictures: a surface over the SVM, dots with intervals, curves.

All take the table of `wsss_lib.evaluate.tables.scores.score_table`, or some of its lines. What is
drawn in one place must be one line of it: pick the region and the settings first.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from wsss_lib.errors import ParameterError

#: What lines of the feature ``xy`` are called, by kernel: the controls, which know positions only.
CONTROLS = {"nearest": "nearest sample", "rbf": "xy, RBF", "linear": "xy, linear"}
INTERVAL = "mean IoU (%) and its 95 % interval over images"

#: The same in all pictures: stages from shallow to deep are dark to light, controls are dashed.
LOOKS = {
    "img": {"color": "#d55e00", "marker": "P"},
    "F1": {"color": "#440154", "marker": "o"},
    "F2": {"color": "#3e4989", "marker": "s"},
    "F3": {"color": "#26828e", "marker": "D"},
    "F4": {"color": "#35b779", "marker": "^"},
    "F5": {"color": "#bddf26", "marker": "v"},
    CONTROLS["nearest"]: {"color": "0.0", "marker": "x", "linestyle": "--"},
    CONTROLS["rbf"]: {"color": "0.5", "marker": "+", "linestyle": "--"},
    CONTROLS["linear"]: {"color": "0.5", "marker": "1", "linestyle": ":"},
}


def line_names(scores: pd.DataFrame) -> pd.Series:
    """What each line goes by in pictures: its feature, or the name of the control.

    Parameters
    ----------
    scores : DataFrame
        With the columns ``feature`` and ``kernel``.

    Returns
    -------
    Series of str
    """
    return scores["feature"].mask(scores["feature"] == "xy", scores["kernel"].map(CONTROLS))


def by_distance(scores: pd.DataFrame, region: str = "far") -> pd.DataFrame:
    """The lines of one kind of region, with its distance in pixels as a number.

    Parameters
    ----------
    scores : DataFrame
        With the column ``region``.
    region : {"far", "near", "near_held_out"}

    Returns
    -------
    DataFrame
        With the column ``distance``. Held-out pixels are those farther than 0 from every sample.
    """
    distance = scores["region"].str.extract(rf"^{region}(\d+)$", expand=False).astype(float)
    if region == "far":
        distance = distance.mask(scores["region"] == "held_out", 0.0)
    return scores.assign(distance=distance).dropna(subset="distance")


def svm_surface(
    scores: pd.DataFrame,
    value: str = "mean",
    ax: Axes | None = None,
    *,
    lower_is_better: bool = False,
    label: str | None = None,
) -> Axes:
    """Draw a value over C and gamma as a heat map with its numbers; the best has a frame.

    Parameters
    ----------
    scores : DataFrame
        Of one feature, kernel, region and so on.
    value : str
        The column that is shown: ``mean``, or ``rms`` of a table of residuals.
    ax : Axes, optional
    lower_is_better : bool
    label : str, optional
        Of the colour bar; the column's name when left out.

    Notes
    -----
    C rises from top to bottom; gammas stand in the order of the table. Yellow is good.
    """
    ax = ax or plt.gca()
    check_single(scores[["C", "gamma"]])
    gammas = scores["gamma"].unique()
    surface = scores.pivot(index="C", columns="gamma", values=value)[gammas].sort_index()
    colours = "cividis_r" if lower_is_better else "cividis"
    sns.heatmap(
        surface, ax=ax, annot=True, fmt=".1f", cmap=colours, cbar_kws={"label": label or value}
    )
    better = -surface.to_numpy() if lower_is_better else surface.to_numpy()
    row, column = np.unravel_index(np.nanargmax(better), surface.shape)
    ax.add_patch(Rectangle((column, row), 1, 1, fill=False, ec="#d55e00", lw=3, clip_on=False))
    ax.set_yticklabels([f"{cost:g}" for cost in surface.index], rotation=0)
    ax.tick_params(axis="x", rotation=30)
    return ax


def score_dots(
    scores: pd.DataFrame, hue: str | None = None, ax: Axes | None = None, *, legend: bool = True
) -> Axes:
    """Draw the mean of each feature as a dot with its interval, a row a feature.

    Parameters
    ----------
    scores : DataFrame
        Features stand in the order of the table, from top to bottom.
    hue : str, optional
        A column that gives a feature several dots, such as ``sampling`` or ``region``.
    ax : Axes, optional
    legend : bool
        Whether to name the values of `hue`, beside the axes.
    """
    ax = ax or plt.gca()
    names = line_names(scores)
    groups = scores[hue] if hue else pd.Series("", scores.index)
    check_single(pd.DataFrame({"feature": names, "group": groups}))
    rows, kinds = names.unique().tolist(), groups.unique().tolist()
    of_row = groups.map(kinds.index).groupby(names)
    centred = of_row.rank() - (of_row.transform("size") + 1) / 2
    places = names.map(rows.index) + 0.7 / len(kinds) * centred
    colours = sns.color_palette("colorblind", len(kinds))
    for number, (kind, colour) in enumerate(zip(kinds, colours, strict=True)):
        lines, place = scores[groups == kind], places[groups == kind]
        ax.hlines(place, lines["mean_low"], lines["mean_high"], color=colour, linewidth=1.5)
        marker = "osD^vPX"[number % 7]
        ax.plot(lines["mean"], place, marker, color=colour, markersize=5, label=str(kind))
    ax.set(yticks=range(len(rows)), ylim=(len(rows) - 0.5, -0.5), xlabel=INTERVAL)
    ax.set_yticklabels(rows)
    ax.grid(axis="x", color="0.9")
    ax.set_axisbelow(True)
    if hue and legend:
        legend_beside(ax, hue)
    return ax


def score_curves(
    scores: pd.DataFrame, x: str, ax: Axes | None = None, *, legend: bool = True
) -> Axes:
    """Draw the mean of each feature over a number, with its interval as a band.

    Parameters
    ----------
    scores : DataFrame
    x : str
        A column of numbers, such as ``samples``, ``gamma`` or the ``distance`` of `by_distance`. A
        feature that has none there (a gamma of ``scale``) is a level across the axes.
    ax : Axes, optional
    legend : bool
        Whether to name the features, beside the axes.

    Notes
    -----
    Controls, which know positions only, come last and are dashed in grey and black.
    """
    ax = ax or plt.gca()
    names = line_names(scores)
    check_single(pd.DataFrame({"feature": names, x: scores[x]}))
    spare = iter(sns.color_palette("colorblind"))
    for name in sorted(names.unique(), key=lambda name: name in CONTROLS.values()):
        look = {"linestyle": "-", **(LOOKS.get(name) or {"color": next(spare), "marker": "."})}
        lines = scores[names == name]
        lines = lines.assign(x=pd.to_numeric(lines[x], errors="coerce")).sort_values("x")
        if lines["x"].isna().all():
            ax.axhline(lines["mean"].iloc[0], label=name, **{**look, "marker": None})
            continue
        ax.plot(lines["x"], lines["mean"], label=name, markersize=5, **look)
        ax.fill_between(
            lines["x"], lines["mean_low"], lines["mean_high"], color=look["color"], alpha=0.12, lw=0
        )
    ax.set(xlabel=x, ylabel="mean IoU (%)")
    ax.grid(axis="y", color="0.9")
    if legend:
        legend_beside(ax)
    return ax


def check_single(places: pd.DataFrame) -> None:
    """Refuse a table that has several lines for one place of the picture."""
    if places.duplicated().any():
        place = places[places.duplicated()].iloc[0].to_dict()
        raise ParameterError(
            f"The table has several lines of {place}; one was expected. Pick a region, a sampling "
            "and so on first, such as scores[scores['region'] == 'held_out']."
        )


def legend_beside(ax: Axes, title: str | None = None) -> None:
    """Name what is drawn, to the right of the axes."""
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, title=title)
