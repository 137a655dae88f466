"""Pipelines as pictures: boxes on a grid, arrows for training and for inference.

`wsss_lib.show.paper_pipelines` has those of the paper.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from wsss_lib.show.diagram import arrow, box

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
        Such as `wsss_lib.show.paper_pipelines.FIGURE1`.
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
