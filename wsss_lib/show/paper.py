"""Figures of the paper that show no photograph: the pipelines of 1 and 5, the results of 2 and 8.

Figures 1 and 5 are data for `wsss_lib.show.diagrams.draw_pipelines`. Figures 2 and 8 take the
table of `wsss_lib.paper.plotted_results`.
"""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke

from wsss_lib.paper import SOLID
from wsss_lib.show.diagrams import Pipeline

_TRAINING, _INFERENCE = ("training",), ("inference",)
_BOTH = _TRAINING + _INFERENCE
_DATA, _STEP, _LABELS = "data", "network or step", "supervision"

#: Full and weak supervision (Figure 1, Section 1).
FIGURE1 = (
    Pipeline(
        "Full supervision (FSSS)",
        {
            "image": (0, 0, _DATA),
            "segmentation network": (1, 0, _STEP),
            "prediction": (2, 0, _DATA),
            "ground truth": (0, 1, _LABELS),
            "segmentation loss": (1, 1, _STEP),
        },
        [
            ("image", "segmentation network", _BOTH),
            ("segmentation network", "segmentation loss", _TRAINING),
            ("ground truth", "segmentation loss", _TRAINING),
            ("segmentation network", "prediction", _INFERENCE),
        ],
    ),
    Pipeline(
        "Weak supervision with image-level labels (WSSS)",
        {
            "image": (0, 0, _DATA),
            "classification network": (1, 0, _STEP),
            "CAM": (2, 0, _DATA),
            "expansion": (3, 0, _STEP),
            "seed": (4, 0, _DATA),
            "refinement": (5, 0, _STEP),
            "image-level labels": (0, 1, _LABELS),
            "classification loss": (1, 1, _STEP),
            "image (step 2)": (2, 1, _DATA),
            "segmentation network": (3, 1, _STEP),
            "segmentation loss": (4, 1, _STEP),
            "pseudo mask": (5, 1, _DATA),
            "prediction": (3, 2, _DATA),
        },
        [
            ("image", "classification network", _BOTH),
            ("classification network", "classification loss", _TRAINING),
            ("image-level labels", "classification loss", _TRAINING),
            ("classification network", "CAM", _INFERENCE),
            ("CAM", "expansion", _INFERENCE),
            ("expansion", "seed", _INFERENCE),
            ("seed", "refinement", _INFERENCE),
            ("refinement", "pseudo mask", _INFERENCE),
            ("image (step 2)", "segmentation network", _BOTH),
            ("segmentation network", "segmentation loss", _TRAINING),
            ("pseudo mask", "segmentation loss", _TRAINING),
            ("segmentation network", "prediction", _INFERENCE),
        ],
    ),
)

#: What follows on the samples in both pipelines of Figure 5.
_SVM = {
    "training set": (4, 1, _DATA),
    "test data of all pixels": (3, 2, _DATA),
    "SVM": (4, 2, _STEP),
    "prediction mask": (5, 2, _DATA),
}
_SVM_ARROWS = (
    ("training set", "SVM", _TRAINING),
    ("test data of all pixels", "SVM", _INFERENCE),
    ("SVM", "prediction mask", _INFERENCE),
)

#: The expansion with labels of seeds and with those of the ground truth (Figure 5, Section 3).
#: It is the SVM that is trained; the classification network is done.
FIGURE5 = (
    Pipeline(
        "a. Weak supervision: the seed labels the samples",
        {
            "image-level labels": (0, 0, _LABELS),
            "image": (0, 1, _DATA),
            "classification network": (1, 1, _STEP),
            "CAM": (2, 0, _DATA),
            "seed": (3, 0, _DATA),
            "shallow features": (2, 2, _DATA),
            "sample selection": (3, 1, _STEP),
            **_SVM,
        },
        [
            ("image", "classification network", _BOTH),
            ("image-level labels", "CAM", _TRAINING),
            ("classification network", "CAM", _TRAINING),
            ("CAM", "seed", _TRAINING),
            ("classification network", "shallow features", _BOTH),
            ("CAM", "sample selection", _TRAINING),
            ("seed", "sample selection", _TRAINING),
            ("shallow features", "sample selection", _TRAINING),
            ("sample selection", "training set", _TRAINING),
            ("shallow features", "test data of all pixels", _INFERENCE),
            *_SVM_ARROWS,
        ],
    ),
    Pipeline(
        "b. Upper bound: the ground truth labels the samples",
        {
            "image": (0, 1, _DATA),
            "classification network": (1, 1, _STEP),
            "ground truth": (3, 0, _LABELS),
            "feature maps F1 to F5": (2, 2, _DATA),
            "uniform random sampling": (3, 1, _STEP),
            **_SVM,
        },
        [
            ("image", "classification network", _BOTH),
            ("classification network", "feature maps F1 to F5", _BOTH),
            ("ground truth", "uniform random sampling", _TRAINING),
            ("feature maps F1 to F5", "uniform random sampling", _TRAINING),
            ("uniform random sampling", "training set", _TRAINING),
            ("feature maps F1 to F5", "test data of all pixels", _INFERENCE),
            *_SVM_ARROWS,
        ],
    ),
)

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
