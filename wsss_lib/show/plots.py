"""Scores of studies as pictures: a surface over the SVM, dots with intervals, curves.

All take the table of `wsss_lib.evaluate.scores.score_table`, or some of its lines. What is
drawn in one place must be one line of it: pick the region and the settings first.
"""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from wsss_lib.errors import ParameterError
from wsss_lib.show.data import class_bars
from wsss_lib.weak.seeds import ThresholdCurve

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


def learning_curves(
    history: pd.DataFrame, columns: dict[str, str], ax: Axes | None = None, label: str = ""
) -> Axes:
    """Draw columns of a training's history against the epoch.

    Parameters
    ----------
    history : DataFrame
        One row an epoch, with a column ``epoch``.
    columns : dict of str to str
        Which columns to draw, and what to call them in the legend.
    ax : Axes, optional
    label : str
        Of the vertical axis.
    """
    ax = ax or plt.gca()
    styles = zip(("#08519c", "#d95f02", "#1b7837"), ("o-", "s--", "^:"), strict=True)
    for (column, name), (colour, style) in zip(columns.items(), styles, strict=False):
        ax.plot(history["epoch"], history[column], style, color=colour, markersize=4, label=name)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.set(xlabel="epoch", ylabel=label)
    ax.legend(frameon=False)
    return ax


def precision_bars(precision: pd.Series, ax: Axes | None = None) -> Axes:
    """Draw the average precision of each object class (%) in the class's colour.

    Parameters
    ----------
    precision : Series
        One number an object class in index order, from label 1; NaN where a class is absent.
    ax : Axes, optional
    """
    ax = class_bars(precision, range(1, len(precision) + 1), ax)
    mean = float(np.nanmean(precision))
    ax.axvline(mean, color="k", linestyle="--", linewidth=1)
    ax.set(xlim=(0, 100), xlabel="average precision (%)", title=f"mean {mean:.1f} %")
    return ax


#: Told apart in print without colours, too.
_LOOKS = (("#08519c", "-", "o"), ("#d95f02", "--", "s"), ("#1b7837", ":", "^"), ("0.2", "-.", "D"))


def threshold_plot(
    curves: ThresholdCurve | Mapping[str, ThresholdCurve], ax: Axes | None = None
) -> Axes:
    """Draw the mean IoU of seeds against their threshold; the best of each curve has a mark.

    Parameters
    ----------
    curves : ThresholdCurve, or mapping of str to ThresholdCurve
        One, or at most four by their names, all scored on the same images and masks.
    ax : Axes, optional

    Raises
    ------
    ParameterError
        If there are too many curves, or they were scored on different things.
    """
    ax = ax or plt.gca()
    named = {"": curves} if isinstance(curves, ThresholdCurve) else curves
    origin = _origin(named)
    for (name, curve), (colour, line, marker) in zip(named.items(), _LOOKS, strict=False):
        best = curve.best["threshold"], curve.best["mean"]
        told = f"best {best[1]:.1f} % at {best[0]:g}"
        lines = curve.table["threshold"], curve.table["mean"]
        ax.plot(*lines, line, color=colour)
        label = f"{name}: {told}" if name else told
        ax.plot(*best, line, color=colour, marker=marker, markersize=7, label=label)
    ax.set(xlabel=f"background threshold\n{origin}", ylabel="mean IoU (%)")
    ax.grid(axis="y", color="0.9")
    ax.legend(frameon=False)
    return ax


def _origin(curves: Mapping[str, ThresholdCurve]) -> str:
    """What the curves were scored on, the same for all."""
    if not 1 <= len(curves) <= len(_LOOKS):
        raise ParameterError(f"{len(curves)} curves; 1 to {len(_LOOKS)} were expected.")
    origins = {
        f"{curve.images} images of {curve.list_name}, masks of {curve.masks}, "
        f"{'with' if curve.crf else 'without'} CRF"
        for curve in curves.values()
    }
    if len(origins) > 1:
        raise ParameterError(
            f"Curves on {' and on '.join(sorted(origins))}; the same was expected. Draw them apart."
        )
    return origins.pop()


#: Colour and marker of each kind of masks, in the order in which they are compared.
_LOOKS_SECOND_STAGE = (
    ("#08519c", "o"),
    ("#d95f02", "s"),
    ("#1b7837", "^"),
    ("#cc79a7", "D"),
    ("#56b4e9", "v"),
    ("0.0", "X"),
)


def training_curves(
    curves: Mapping[str, pd.Series], ax: Axes | None = None, label: str = ""
) -> Axes:
    """Draw a number of several trainings against the epoch.

    Parameters
    ----------
    curves : mapping of str to Series
        At most six, by the masks that are learnt from, indexed by the epoch.
    ax : Axes, optional
    label : str
        Of the vertical axis.

    Raises
    ------
    ParameterError
        If there are too many.
    """
    ax = ax or plt.gca()
    for (name, curve), (colour, marker) in zip(curves.items(), _looks(curves), strict=True):
        ax.plot(curve, marker + "-", color=colour, markersize=5, label=name)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.set(xlabel="epoch", ylabel=label)
    ax.grid(axis="y", color="0.9")
    ax.legend(frameon=False, title="learnt from")
    return ax


def band_curves(scores: pd.DataFrame, region: str, ax: Axes | None = None) -> Axes:
    """Draw the mean IoU in bands along boundaries, or beyond them, against the width of the band.

    Parameters
    ----------
    scores : DataFrame
        Lines of `wsss_lib.evaluate.boundary.band_table`, and in ``of`` what each scores:
        ``network``, or ``masks``, which are drawn hollow and dashed.
    region : {"near", "away"}
    ax : Axes, optional

    Raises
    ------
    ParameterError
        If there are more than six names.
    """
    ax = ax or plt.gca()
    lines = by_distance(scores, region)
    names = lines["name"].unique()
    looks = dict(zip(names, _looks(names), strict=True))
    for (of, name), curve in lines.groupby(["of", "name"], sort=False):
        colour, marker = looks[name]
        how = {"color": colour, "marker": marker, "markersize": 5, "label": f"{of}, {name}"}
        if of == "masks":
            how |= {"linestyle": "--", "markerfacecolor": "white"}
        ax.plot(curve["distance"], curve["mean"], **how)
        ends = curve["mean_low"], curve["mean_high"]
        ax.fill_between(curve["distance"], *ends, color=colour, alpha=0.12, lw=0)
    widths = np.unique(lines["distance"]).astype(int)
    ax.set(xscale="log", ylabel="mean IoU (%)")
    ax.set_xticks(widths, widths)
    ax.minorticks_off()
    ax.grid(axis="y", color="0.9")
    return ax


def _looks(names: Sequence[str]) -> Sequence[tuple[str, str]]:
    if len(names) > len(_LOOKS_SECOND_STAGE):
        raise ParameterError(f"{len(names)} of {list(names)}; at most {len(_LOOKS)} were expected.")
    return _LOOKS_SECOND_STAGE[: len(names)]
