"""Numbers as pictures: curves, dots and bars with their intervals, and heat maps.

Most are drawn from the table of `wsss_lib.evaluate.scores.score_table`, or from some of its lines.
What is drawn in one place must be one line of it: pick the region and the settings first.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.ticker import MaxNLocator

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


def curves(
    data: pd.DataFrame,
    x: str,
    y: str = "mean",
    hue: str | None = "feature",
    ax: Axes | None = None,
    *,
    error_bars: str | None = None,
    looks: Mapping[str, Mapping[str, object]] | None = None,
    legend: bool = True,
) -> Axes:
    """Draw a number against another: one line for each name, with its interval as a band.

    Parameters
    ----------
    data : DataFrame
        One row per point, with the columns `x`, `y` and `hue`. The band reaches from ``<y>_low``
        to ``<y>_high``; without these columns there is none.
    x : str
        A column of numbers, such as ``samples``, ``gamma`` or the ``distance`` of `by_distance`. A
        line that has none there (a gamma of ``scale``) is a level across the axes, without a band.
    y : str
    hue : str, optional
        The column that distinguishes lines; without one there is a single line. Of ``feature``, the
        controls go by their names, see `line_names`.
    ax : Axes, optional
    error_bars : str, optional
        Of a second interval, ``<error_bars>_low`` to ``<error_bars>_high``, drawn as bars with ends
        round each point: ``seed`` for the range over seeds.
    looks : mapping of str to mapping, optional
        By the values of `hue`, what `matplotlib.lines.Line2D` takes, such as ``color`` and
        ``marker``. Names that are missing here are drawn as `line_looks` says.
    legend : bool
        Whether to name the lines, beside the axes.

    Returns
    -------
    Axes

    Raises
    ------
    ParameterError
        If a line has several points at one place.

    Notes
    -----
    Controls, which know positions only, come last and are dashed in grey and black.
    """
    ax = ax or plt.gca()
    names = _names(data, hue)
    check_single(pd.DataFrame({hue: names, x: data[x]}))
    for name, look in line_looks(names, looks).items():
        points = data[names == name]
        points = points.assign(x=pd.to_numeric(points[x], errors="coerce")).sort_values("x")
        if points["x"].isna().all():
            ax.axhline(points[y].iloc[0], label=name, **look | {"marker": None})
            continue
        ax.plot(points["x"], points[y], label=name, markersize=5, **look)
        if f"{y}_low" in points:
            ends = points[f"{y}_low"], points[f"{y}_high"]
            ax.fill_between(points["x"], *ends, color=look["color"], alpha=0.12, lw=0)
        if error_bars:
            below = points[y] - points[f"{error_bars}_low"]
            above = points[f"{error_bars}_high"] - points[y]
            ends = [below.clip(lower=0), above.clip(lower=0)]  # a mean of equal numbers is rounded
            ax.errorbar(points["x"], points[y], ends, fmt="none", ecolor=look["color"], capsize=3)
    if pd.api.types.is_integer_dtype(data[x]) and ax.get_xscale() == "linear":
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.set(xlabel=x, ylabel="mean IoU (%)" if y == "mean" else y)
    ax.grid(axis="y", color="0.9")
    if hue and legend:
        _legend_beside(ax, None if hue == "feature" else hue)
    return ax


def dots(
    data: pd.DataFrame,
    x: str = "mean",
    y: str = "feature",
    hue: str | None = None,
    ax: Axes | None = None,
    *,
    legend: bool = True,
) -> Axes:
    """Draw a number of each name as a dot with its interval, one row per name.

    Parameters
    ----------
    data : DataFrame
        One row per dot, with the columns `x`, `y` and `hue`. The interval reaches from ``<x>_low``
        to ``<x>_high``; without these columns there is none.
    x : str
    y : str
        The column that names the rows, which have the order of the table from top to bottom. Of
        ``feature``, the controls go by their names, see `line_names`.
    hue : str, optional
        A column that gives a row several dots, such as ``sampling`` or ``region``.
    ax : Axes, optional
    legend : bool
        Whether to name the values of `hue`, beside the axes.

    Returns
    -------
    Axes

    Raises
    ------
    ParameterError
        If there are several dots for one place.
    """
    ax = ax or plt.gca()
    names, groups = _names(data, y), _names(data, hue)
    check_single(pd.DataFrame({y: names, hue: groups}))
    rows, looks = names.unique().tolist(), line_looks(groups)
    of_row = groups.map(list(looks).index).groupby(names)
    centred = of_row.rank() - (of_row.transform("size") + 1) / 2
    places = names.map(rows.index) + 0.7 / len(looks) * centred
    for group, look in looks.items():
        points, place = data[groups == group], places[groups == group]
        if f"{x}_low" in points:
            ends = points[f"{x}_low"], points[f"{x}_high"]
            ax.hlines(place, *ends, color=look["color"], linewidth=1.5)
        ax.plot(points[x], place, label=group, markersize=5, **look | {"linestyle": "none"})
    ax.set(yticks=range(len(rows)), ylim=(len(rows) - 0.5, -0.5))
    ax.set(yticklabels=rows, xlabel=INTERVAL if x == "mean" else x, axisbelow=True)
    ax.grid(axis="x", color="0.9")
    if hue and legend:
        _legend_beside(ax, hue)
    return ax


def bars(
    values: pd.Series | pd.DataFrame,
    colors: Sequence,
    ax: Axes | None = None,
    *,
    numbers: bool = False,
    legend: bool = True,
) -> Axes:
    """Draw one bar per row, from top to bottom; of a table, its columns are the parts of a bar.

    Parameters
    ----------
    values : Series or DataFrame
        NaN has no length.
    colors : sequence of colour
        One per row of a Series, one per column of a DataFrame.
    ax : Axes, optional
    numbers : bool
        Whether to write the rounded numbers into the parts of a DataFrame, as far as they fit: from
        5 % of the longest bar.
    legend : bool
        Whether to name the columns of a DataFrame, beside the axes.

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    single = isinstance(values, pd.Series)
    parts = (values.to_frame() if single else values).fillna(0)
    ends = parts.cumsum(axis=1)
    least = 0.05 * ends.to_numpy().max()
    for part, color in zip(parts, [colors] if single else colors, strict=True):
        left = ends[part] - parts[part]
        drawn = ax.barh(
            range(len(parts)), parts[part], 0.75, left, color=color, edgecolor="w", label=part
        )
        if numbers:
            texts = [f"{width:.0f}" if width >= least else "" for width in parts[part]]
            bright = np.dot(to_rgb(color), (0.3, 0.59, 0.11)) > 0.5
            ax.bar_label(drawn, texts, label_type="center", color="k" if bright else "w")
    ax.set(yticks=range(len(parts)), yticklabels=parts.index, ylim=(len(parts) - 0.5, -0.5))
    if legend and not single:
        _legend_beside(ax)
    return ax


def line_looks(
    names: Iterable[str], looks: Mapping[str, Mapping[str, object]] | None = None
) -> dict[str, dict[str, object]]:
    """Colour, marker and line of each name, the controls last.

    Parameters
    ----------
    names : iterable of str
    looks : mapping of str to mapping, optional
        Of names that are to look otherwise than in `LOOKS`.

    Returns
    -------
    dict of str to dict
        Arguments of `matplotlib.axes.Axes.plot`. Names that neither `looks` nor `LOOKS` has follow
        each other through a palette for colour-blind readers, with markers for print.
    """
    known = LOOKS | dict(looks or {})
    spare = zip(cycle(sns.color_palette("colorblind")), cycle("osD^vPX"), strict=True)
    found = {}
    for name in sorted(dict.fromkeys(names), key=lambda name: name in CONTROLS.values()):
        if name not in known:
            known[name] = dict(zip(("color", "marker"), next(spare), strict=True))
        found[name] = {"linestyle": "-"} | dict(known[name])
    return found


def _names(data: pd.DataFrame, column: str | None) -> pd.Series:
    """What each row of a table goes by in the picture."""
    if column == "feature" and "kernel" in data:
        return line_names(data)
    return data[column].astype(str) if column else pd.Series("", data.index)


def iou_heatmap(
    table: pd.DataFrame, ax: Axes | None = None, *, difference: bool = False, label: str = "IoU (%)"
) -> Axes:
    """Draw a table of IoU (or of differences of IoU, round 0) as a heat map with its numbers.

    Parameters
    ----------
    table : DataFrame
        One row per feature, one column per class.
    ax : Axes, optional
        When left out, a new figure of a size that fits the table.
    difference : bool
        Colours diverge from 0 instead of running from 0 to 100.
    label : str
        Of the colour bar.

    Returns
    -------
    Axes
    """
    if ax is None:
        size = (2 + 0.65 * table.shape[1], 1 + 0.45 * len(table))
        ax = plt.figure(figsize=size, layout="constrained").add_subplot()
    if difference:
        bound = max(float(np.nanmax(np.abs(table.to_numpy()))), 0.1)
        colours = {"cmap": "RdBu", "vmin": -bound, "vmax": bound}
    else:
        colours = {"cmap": "cividis", "vmin": 0, "vmax": 100}
    shown = table.round(1) + 0.0  # no "-0.0"
    sns.heatmap(
        shown, ax=ax, annot=True, fmt=".1f", linewidths=0.5, cbar_kws={"label": label}, **colours
    )
    ax.set(xlabel="", ylabel="")
    ax.tick_params(axis="x", rotation=45)
    ax.tick_params(axis="y", rotation=0)
    return ax


def check_single(places: pd.DataFrame) -> None:
    """Refuse a table that has several lines for one place of the picture."""
    if places.duplicated().any():
        place = places[places.duplicated()].iloc[0].to_dict()
        place.pop(None, None)  # without a hue
        raise ParameterError(
            f"The table has several lines of {place}; one was expected. Pick a region, a sampling "
            "and so on first, such as scores[scores['region'] == 'held_out']."
        )


def _legend_beside(ax: Axes, title: str | None = None) -> None:
    """Name what is drawn, to the right of the axes."""
    ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, title=title)
