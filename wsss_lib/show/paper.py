"""Figures of the paper that show no photograph: the pipelines of 1 and 5, the results of 2 and 8.

Figures 1 and 5 are data for `wsss_lib.show.diagrams.draw_pipelines`. Figures 2 and 8 take the
table of `wsss_lib.paper.plotted_results`.
"""

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import yaml
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from wsss_lib.paper import SOLID
from wsss_lib.show.diagrams import Pipeline

_PIPELINES = {
    figure: tuple(Pipeline(**pipeline) for pipeline in pipelines)
    for figure, pipelines in yaml.safe_load(
        Path(__file__).with_name("pipelines.yaml").read_text(encoding="utf-8")
    ).items()
}
#: Full and weak supervision (Figure 1, section 1).
FIGURE1 = _PIPELINES["figure1"]
#: The expansion with labels of seeds and with those of the ground truth (Figure 5, section 3).
FIGURE5 = _PIPELINES["figure5"]

#: What the numbers of Figure 2 are, their colours, and lines that differ in grey, too.
_NUMBERS = {
    "pseudo": ("pseudo masks, train", "#0072b2", "-"),
    "test": ("segmentation, test", "#d55e00", "--"),
}
_SUPERVISION = {
    "I": ("I: image-level labels", "o"),
    "I+S": ("I+S: saliency maps, too", "s"),
    "F": ("F: full supervision (test, not train)", "X"),
}
#: Of what is written beside points.
_TEXT = {
    "fontsize": 8,
    "va": "center",
    "path_effects": [withStroke(linewidth=2.5, foreground="white")],
}


def methods_plot(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw Figure 2: mIoU of pseudo masks and of the segmentation, method by method.

    Parameters
    ----------
    table : DataFrame
        As `wsss_lib.paper.plotted_results` gives it.
    ax : Axes, optional
        Wants about 7 x 4 inches.

    Returns
    -------
    Axes

    Notes
    -----
    Methods stand by year, then as the paper names them. Lines end where a number is missing.
    """
    ax = ax or plt.gca()
    weak = table.query("supervision != 'F'").sort_values("year", kind="stable")
    places = np.arange(len(weak))
    upper = weak[[f"{number}_miou" for number in _NUMBERS]].idxmax(axis=1)
    for number, (_, colour, style) in _NUMBERS.items():
        column = f"{number}_miou"
        solid = weak[f"{number}_confirmed"].isin(SOLID)
        ax.plot(places, weak[column], color=colour, linestyle=style, linewidth=1, alpha=0.5)
        _points(ax, places, weak[column], weak["supervision"], solid, colour)
        offsets = np.where(upper == column, 9, -9)
        for place, value, offset in zip(places, weak[column], offsets, strict=True):
            if np.isfinite(value):
                _name(ax, f"{value:.1f}", (place, value), (0, offset), colour)
    names = weak["name"].str.replace("+", "\n+") + "\n" + weak["venue"] + "\n"
    ax.set_xticks(places, names + weak["year"].astype(str), fontsize=8)
    ax.set(xlim=(-0.6, len(weak) - 0.4), ylabel="mIoU on PASCAL VOC 2012 (%)")
    ax.margins(y=0.12)
    ax.grid(axis="y", color="0.9")
    ax.set_axisbelow(True)
    lines = [_key(what, "o" + style, colour) for what, colour, style in _NUMBERS.values()]
    _legend(ax, [*lines, *_keys(weak)])
    return ax


def pseudo_against_segmentation(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw Figure 8: mIoU of the segmentation against that of the pseudo masks it learnt from.

    Parameters
    ----------
    table : DataFrame
        As `wsss_lib.paper.plotted_results` gives it. A method without either number is not drawn.
    ax : Axes, optional
        Wants about 7 x 4.5 inches.

    Returns
    -------
    Axes

    Notes
    -----
    Full supervision stands at 100 %, as its masks are the ground truth. The paper's caption says
    that its crosses are mIoU on train; the numbers are those of test.
    """
    ax = ax or plt.gca()
    plotted = table.copy()
    plotted.loc[plotted["supervision"] == "F", ["pseudo_miou", "pseudo_confirmed"]] = 100.0, "yes"
    drawn = plotted.dropna(subset=["pseudo_miou", "test_miou"])
    solid = drawn[["pseudo_confirmed", "test_confirmed"]].isin(SOLID).all(axis=1)
    low, high = drawn["pseudo_miou"].min() - 6, drawn["test_miou"].max() + 4
    ax.plot([low, high], [low, high], "--", color="0.6", linewidth=1, zorder=0)
    _points(ax, drawn["pseudo_miou"], drawn["test_miou"], drawn["supervision"], solid, "#0072b2")
    ax.set(xlim=(low, 103), ylim=(low, high), axisbelow=True)
    ax.set(xlabel="mIoU of the pseudo masks on VOC 2012 train (%); ground truth is 100")
    ax.set(ylabel="mIoU of the segmentation on VOC 2012 test (%)")
    ax.grid(color="0.9")
    full = drawn["supervision"] == "F"
    _names_around(ax, drawn[~full])
    for _, row in drawn[full].iterrows():
        text = f"{row['name']}, {row['test_miou']:.1f}"
        _name(ax, text, (row["pseudo_miou"], row["test_miou"]), (-9, 0), ha="right")
    line = Line2D([], [], linestyle="--", color="0.6", label="as good as the pseudo masks")
    _legend(ax, [*_keys(drawn), line])
    return ax


def _points(
    ax: Axes, x: Sequence, y: Sequence, supervision: pd.Series, solid: pd.Series, colour: str
) -> None:
    """Draw points by kind: the shape is the supervision, hollow ones are unverified."""
    points = pd.DataFrame({"x": np.asarray(x), "y": np.asarray(y)}, supervision.index)
    for (kind, full), group in points.dropna().groupby([supervision, solid]):
        look = {"color": colour, "markersize": 6, "markerfacecolor": colour if full else "white"}
        ax.plot(group["x"], group["y"], _SUPERVISION[kind][1], zorder=4, **look)


def _name(
    ax: Axes,
    text: str,
    place: tuple[float, float],
    offset: tuple[float, float],
    colour: str = "0.15",
    ha: str = "center",
) -> None:
    ax.annotate(text, place, offset, textcoords="offset points", color=colour, ha=ha, **_TEXT)


def _names_around(ax: Axes, drawn: pd.DataFrame) -> None:
    """Write the names on an ellipse round the points, in equal steps and in the points' order."""
    spans = np.ptp([ax.get_xlim(), ax.get_ylim()], axis=1)
    places = drawn[["pseudo_miou", "test_miou"]].to_numpy()
    centre = places.mean(axis=0)
    angles = np.arctan2(*((places - centre) / spans).T[::-1])
    order = np.argsort(angles)
    steps = 2 * np.pi * np.arange(len(order)) / len(order)
    turned = steps + np.angle(np.exp(1j * (angles[order] - steps)).mean())
    ellipse = centre + np.stack([0.13 * np.cos(turned), 0.19 * np.sin(turned)], axis=1) * spans
    line = {"arrowstyle": "-", "color": "0.5", "linewidth": 0.7, "shrinkA": 0, "shrinkB": 4}
    look = {"arrowprops": line, "color": "0.15", "ha": "center", "zorder": 4} | _TEXT
    for row, at in zip(order, ellipse, strict=True):
        ax.annotate(drawn["name"].iloc[row], places[row], at, **look)


def _key(label: str, shape: str, colour: str = "0.3", *, solid: bool = True) -> Line2D:
    marker, line = shape[0], shape[1:] or "none"
    face = colour if solid else "white"
    look = {"marker": marker, "linestyle": line, "color": colour, "markerfacecolor": face}
    return Line2D([], [], label=label, markersize=6, **look)


def _keys(drawn: pd.DataFrame) -> list[Line2D]:
    """What solid and hollow points mean, and the shapes that occur."""
    kinds = [look for kind, look in _SUPERVISION.items() if (drawn["supervision"] == kind).any()]
    solid, hollow = _key("solid: confirmed", "o"), _key("hollow: unverified", "o", solid=False)
    return [solid, hollow, *(_key(label, shape) for label, shape in kinds)]


def _legend(ax: Axes, keys: Sequence[Line2D]) -> None:
    where = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0), "handlelength": 3}
    ax.legend(handles=keys, ncols=3, frameon=False, fontsize=8, **where)
