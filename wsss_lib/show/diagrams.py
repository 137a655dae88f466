"""Boxes and arrows, which diagrams are drawn from."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch, Patch
from matplotlib.text import Annotation, Text


def box(
    ax: Axes,
    centre: tuple[float, float],
    size: tuple[float, float],
    text: str,
    *,
    facecolor: str,
    edgecolor: str,
    linestyle: str = "-",
    **font: object,
) -> Text:
    """Draw a box with round corners and a text in its middle.

    Parameters
    ----------
    ax : Axes
    centre, size : pair of float
        x and y, width and height, in the units of the axes.
    text : str
    facecolor, edgecolor, linestyle : str
        Of the box.
    **font
        Of the text, such as ``color`` or ``weight``.

    Returns
    -------
    Text
    """
    (x, y), (width, height) = centre, size
    patch = FancyBboxPatch(
        (x - width / 2, y - height / 2),
        width,
        height,
        boxstyle="round,pad=0,rounding_size=0.1",
        facecolor=facecolor,
        edgecolor=edgecolor,
        linestyle=linestyle,
        linewidth=1.4,
    )
    ax.add_patch(patch)
    return ax.text(x, y, text, ha="center", va="center", **font)


def arrow(
    ax: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    *,
    color: str = "0.3",
    linestyle: str | tuple = "-",
    bent: bool = False,
) -> Annotation:
    """Draw an arrow, straight or with one corner.

    Parameters
    ----------
    ax : Axes
    start, end : pair of float
        x and y, in the units of the axes.
    color : str
    linestyle : str or tuple
        A name, or an offset and the lengths of dashes.
    bent : bool
        Leave upright and arrive level.

    Returns
    -------
    Annotation
        Without text: ``xyann`` is the start and ``xy`` the end.
    """
    way = "angle,angleA=90,angleB=0" if bent else "arc3"
    look = {"arrowstyle": "-|>", "color": color, "linewidth": 1.5}
    look |= {"linestyle": linestyle, "connectionstyle": way}
    return ax.annotate("", end, start, arrowprops=look)


_PHASES = {
    "training": {"color": "0.2", "linestyle": "-"},
    "inference": {"color": "#d55e00", "linestyle": (0, (1, 1))},
}
_KINDS = {
    "data": {"facecolor": "#dbe9f6", "edgecolor": "#08519c"},
    "network or step": {"facecolor": "white", "edgecolor": "0.35"},
    "supervision": {"facecolor": "#fdd49e", "edgecolor": "#7f2704"},
}

_WIDTH = 7.0  # of the drawing; with the heights below about inches
_ROW, _HEIGHT, _TITLE, _GAP = 0.68, 0.42, 0.22, 0.2


@dataclass(frozen=True)
class Pipeline:
    """Boxes on a grid, and the arrows between them.

    Attributes
    ----------
    title : str
    boxes : mapping of str to tuple
        By name: column, row and kind, which is ``data``, ``network or step`` or ``supervision``.
    arrows : sequence of tuple
        From, to, and the phases in which data goes along: ``training``, ``inference`` or both.
    """

    title: str
    boxes: Mapping[str, tuple[int, int, str]]
    arrows: Sequence[tuple[str, str, tuple[str, ...]]]


def arrow_table(pipelines: Sequence[Pipeline]) -> pd.DataFrame:
    """What is drawn, as data.

    Parameters
    ----------
    pipelines : sequence of Pipeline

    Returns
    -------
    DataFrame
        A row an arrow: ``pipeline``, ``from``, ``to`` and ``phase``, which is ``training`` or
        ``inference``.
    """
    rows = [
        (pipeline.title, source, target, phase)
        for pipeline in pipelines
        for source, target, phases in pipeline.arrows
        for phase in phases
    ]
    return pd.DataFrame(rows, columns=["pipeline", "from", "to", "phase"])


def draw_pipelines(pipelines: Sequence[Pipeline], ax: Axes | None = None) -> Axes:
    """Draw pipelines below one another.

    Parameters
    ----------
    pipelines : sequence of Pipeline
        Such as `wsss_lib.show.diagrams.FIGURE1`.
    ax : Axes, optional
        Wants about 7 x 4.4 inches for Figure 1, and 7 x 5.2 for Figure 5.

    Notes
    -----
    Solid arrows are the training phase, dotted ones the inference.
    """
    ax = ax or plt.gca()
    columns = 1 + max(column for each in pipelines for column, _, _ in each.boxes.values())
    top = 0.0
    for pipeline in pipelines:
        _draw(ax, pipeline, top, _WIDTH / columns)
        rows = 1 + max(row for _, row, _ in pipeline.boxes.values())
        top += _TITLE + rows * _ROW + _GAP
    ax.set(xlim=(0, _WIDTH), ylim=(top - _GAP, -0.1))
    ax.set_axis_off()
    keys = [Line2D([], [], label=name, **look) for name, look in _PHASES.items()]
    keys += [Patch(label=name, **look) for name, look in _KINDS.items()]
    where = {"loc": "upper center", "bbox_to_anchor": (0.5, 0.0)}
    ax.legend(handles=keys, ncols=len(keys), frameon=False, fontsize=8, **where)
    return ax


def _draw(ax: Axes, pipeline: Pipeline, top: float, pitch: float) -> None:
    size = 0.79 * pitch, _HEIGHT
    ax.text(0.105 * pitch, top, pipeline.title, va="top", weight="bold", fontsize=9)
    centres = {}
    for name, (column, row, kind) in pipeline.boxes.items():
        centres[name] = (column + 0.5) * pitch, top + _TITLE + (row + 0.5) * _ROW
        box(ax, centres[name], size, fill(name, 14), fontsize=7.2, **_KINDS[kind])
    for source, target, phases in pipeline.arrows:
        shifts = (0.05, -0.05) if len(phases) == 2 else (0.0,)
        for phase, shift in zip(phases, shifts, strict=True):
            start, end, bent = _ends(centres[source], centres[target], size, shift)
            arrow(ax, start, end, bent=bent, **_PHASES[phase])


def _ends(
    source: tuple[float, float],
    target: tuple[float, float],
    size: tuple[float, float],
    shift: float,
) -> tuple[np.ndarray, np.ndarray, bool]:
    """Where an arrow leaves one box and meets the other, and whether it bends between.

    It leaves upright unless both stand in a row, and arrives level unless they stand in a column.
    Two arrows of one way are shifted aside by `shift`.
    """
    way = np.sign(np.subtract(target, source).round(9))
    across, along = way * (1, 0), way * (0, 1)
    leaving = along if way[1] else across
    arriving = across if way[0] else along
    half, aside = np.array(size) / 2, np.array([-shift, shift])
    start = source + leaving * half + leaving[::-1] * aside
    end = target - arriving * half + arriving[::-1] * aside
    return start, end, bool(way.all())


_TRAINING, _INFERENCE = ("training",), ("inference",)
_BOTH = _TRAINING + _INFERENCE
_DATA, _STEP, _SUPERVISION = "data", "network or step", "supervision"

#: Full and weak supervision (Figure 1, Section 1).
FIGURE1 = (
    Pipeline(
        "Full supervision (FSSS)",
        {
            "image": (0, 0, _DATA),
            "segmentation network": (1, 0, _STEP),
            "prediction": (2, 0, _DATA),
            "ground truth": (0, 1, _SUPERVISION),
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
            "image-level labels": (0, 1, _SUPERVISION),
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
            "image-level labels": (0, 0, _SUPERVISION),
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
            "ground truth": (3, 0, _SUPERVISION),
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


_SHOWN = {"facecolor": "#dbe9f6", "edgecolor": "#08519c"}
_NOT_SHOWN = {"facecolor": "white", "edgecolor": "0.6", "linestyle": "--"}


@dataclass(frozen=True)
class Part:
    """A part of the library.

    Attributes
    ----------
    name : str
    gives : str
        What comes out of it.
    numbers : str
        Of the notebooks that show it.
    """

    name: str
    gives: str
    numbers: str


PARTS = (
    Part("datasets", "photographs, masks, image-level labels", "01"),
    Part("classify", "a network that knows what an image shows, and its CAMs", "02"),
    Part("features", "what the network sees of each place: F1 to F5", "03"),
    Part("expand", "a mask from a few labelled pixels: one SVM an image", "04 05 06 16"),
    Part("refine", "a mask that follows the edges in the photograph", "13"),
    Part("segment", "a segmentation network that learnt from such masks", "14"),
    Part("evaluate", "IoU per class: Table 1 and the studies", "07 08 09 10 11 12"),
    Part("show", "the figures and tables of the paper", "15"),
)


def map_table(notebooks: Iterable[str]) -> pd.DataFrame:
    """Which notebooks show which part.

    Parameters
    ----------
    notebooks : iterable of str
        Names of the notebooks that there are, such as ``01_data``.

    Returns
    -------
    DataFrame
        Indexed by ``part``: what it ``gives`` and its ``notebooks`` (empty where there is none).
    """
    titles = {name[:2]: f"{name[:2]} {name[3:].replace('_', ' ')}" for name in notebooks}
    rows = []
    for part in PARTS:
        there = [titles[number] for number in part.numbers.split() if number in titles]
        rows.append((part.name, part.gives, ", ".join(there)))
    return pd.DataFrame(rows, columns=["part", "gives", "notebooks"]).set_index("part")


def kit_map(notebooks: Iterable[str], ax: Axes | None = None) -> Axes:
    """Draw the parts of the kit from top to bottom, as the data goes.

    A part that no notebook shows is dashed.

    Parameters
    ----------
    notebooks : iterable of str
        Names of the notebooks that there are.
    ax : Axes, optional
        Wants about 8 x 5.5 inches.
    """
    ax = ax or plt.gca()
    table = map_table(notebooks)
    for y, (name, row) in enumerate(table.iterrows()):
        _part(ax, y, name, row["gives"], row["notebooks"])
        if y:
            arrow(ax, (0.7, y - 0.67), (0.7, y - 0.33))
    ax.text(0.7, -0.6, "part", ha="center", color="0.35")
    ax.text(1.55, -0.6, "what comes out, and the notebooks that show it", color="0.35")
    ax.set(xlim=(0, 6.2), ylim=(len(table) - 0.4, -0.9))
    ax.set_axis_off()
    return ax


def _part(ax: Axes, y: int, name: str, gives: str, notebooks: str) -> None:
    shown = bool(notebooks)
    look = _SHOWN if shown else _NOT_SHOWN
    colour = "k" if shown else "0.45"
    box(ax, (0.7, y), (1.3, 0.6), name, weight="bold", color=colour, **look)
    ax.text(1.55, y - 0.05, gives, va="bottom", color=colour)
    ax.text(1.55, y + 0.05, fill(notebooks, 72), va="top", color="#08519c", style="italic", size=9)
