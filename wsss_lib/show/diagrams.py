"""Boxes and arrows: pipelines as in Figures 1 and 5 of the paper, and the map of the kit."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import yaml
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch, Patch

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
    """The arrows of pipelines, as data.

    Parameters
    ----------
    pipelines : sequence of Pipeline

    Returns
    -------
    DataFrame
        One row per arrow: ``pipeline``, ``from``, ``to`` and ``phase``, which is ``training`` or
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
        Such as `wsss_lib.show.paper.FIGURE1`.
    ax : Axes, optional
        Wants about 7 x 4.4 inches for Figure 1, and 7 x 5.2 for Figure 5.

    Returns
    -------
    Axes

    Notes
    -----
    Solid arrows are the training phase, dotted ones the inference.
    """
    ax = ax or plt.gca()
    columns = 1 + max(column for one in pipelines for column, _, _ in one.boxes.values())
    top = 0.0
    for pipeline in pipelines:
        _draw(ax, pipeline, top, _WIDTH / columns)
        rows = 1 + max(row for _, row, _ in pipeline.boxes.values())
        top += _TITLE + rows * _ROW + _GAP
    ax.set(xlim=(0, _WIDTH), ylim=(top - _GAP, -0.1))
    ax.set_axis_off()
    keys = [Line2D([], [], label=name, **look) for name, look in _PHASES.items()]
    keys += [Patch(label=name, **look) for name, look in _KINDS.items()]
    ax.legend(
        handles=keys,
        ncols=len(keys),
        frameon=False,
        fontsize=8,
        loc="upper center",
        bbox_to_anchor=(0.5, 0.0),
    )
    return ax


def _draw(ax: Axes, pipeline: Pipeline, top: float, pitch: float) -> None:
    size = 0.79 * pitch, _HEIGHT
    ax.text(0.105 * pitch, top, pipeline.title, va="top", weight="bold", fontsize=9)
    centres = {}
    for name, (column, row, kind) in pipeline.boxes.items():
        centres[name] = (column + 0.5) * pitch, top + _TITLE + (row + 0.5) * _ROW
        _box(ax, centres[name], size, _KINDS[kind])
        ax.text(*centres[name], fill(name, 14), ha="center", va="center", fontsize=7.2)
    for source, target, phases in pipeline.arrows:
        shifts = (0.05, -0.05) if len(phases) == 2 else (0.0,)
        for phase, shift in zip(phases, shifts, strict=True):
            start, end, bent = _ends(centres[source], centres[target], size, shift)
            _arrow(ax, start, end, _PHASES[phase], bent=bent)


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


#: The parts of the library in the order of the data: what comes out of each, and the notebooks that
#: show it.
PARTS = yaml.safe_load(Path(__file__).with_name("parts.yaml").read_text(encoding="utf-8"))
_NOT_SHOWN = {"facecolor": "white", "edgecolor": "0.6", "linestyle": "--"}


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
    rows = {
        part: (gives, ", ".join(titles[number] for number in numbers.split() if number in titles))
        for part, (gives, numbers) in PARTS.items()
    }
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["gives", "notebooks"])
    return table.rename_axis("part")


def kit_map(notebooks: Iterable[str], ax: Axes | None = None) -> Axes:
    """Draw the parts of the kit from top to bottom, as the data goes.

    A part that no notebook shows is dashed.

    Parameters
    ----------
    notebooks : iterable of str
        Names of the notebooks that there are.
    ax : Axes, optional
        Wants about 8 x 6 inches.

    Returns
    -------
    Axes
    """
    ax = ax or plt.gca()
    table = map_table(notebooks)
    for y, (name, part) in enumerate(table.iterrows()):
        shown = bool(part["notebooks"])
        colour = "k" if shown else "0.45"
        _box(ax, (0.7, y), (1.3, 0.6), _KINDS["data"] if shown else _NOT_SHOWN)
        ax.text(0.7, y, name, ha="center", va="center", weight="bold", color=colour)
        ax.text(1.55, y - 0.05, part["gives"], va="bottom", color=colour)
        titles = {"color": "#08519c", "style": "italic", "size": 9}
        ax.text(1.55, y + 0.05, fill(part["notebooks"], 72), va="top", **titles)
        if y:
            _arrow(ax, (0.7, y - 0.67), (0.7, y - 0.33), {"color": "0.3"})
    ax.text(0.7, -0.6, "part", ha="center", color="0.35")
    ax.text(1.55, -0.6, "what comes out, and the notebooks that show it", color="0.35")
    ax.set(xlim=(0, 6.2), ylim=(len(table) - 0.4, -0.9))
    ax.set_axis_off()
    return ax


def _box(
    ax: Axes, centre: tuple[float, float], size: tuple[float, float], look: Mapping[str, object]
) -> None:
    """Draw a box with round corners; centre and size are in the units of the axes."""
    (x, y), (width, height) = centre, size
    corner = x - width / 2, y - height / 2
    style = "round,pad=0,rounding_size=0.1"
    ax.add_patch(FancyBboxPatch(corner, width, height, boxstyle=style, linewidth=1.4, **look))


def _arrow(
    ax: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    look: Mapping[str, object],
    *,
    bent: bool = False,
) -> None:
    """Draw an arrow, straight, or with one corner: it leaves upright and arrives level."""
    way = "angle,angleA=90,angleB=0" if bent else "arc3"
    style = {"arrowstyle": "-|>", "connectionstyle": way, "linewidth": 1.5}
    ax.annotate("", end, start, arrowprops=style | dict(look))
