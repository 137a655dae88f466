"""A data set as pictures: its palette, and how often and how large its classes are shown."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from wsss_lib.datasets.classes import VOID, ClassSet, palette


def class_colours(labels: np.ndarray | range) -> np.ndarray:
    """The palette's colours of some labels as (n, 3) float64 in 0..1, for matplotlib."""
    return palette()[np.asarray(labels)] / 255


def palette_chart(classes: ClassSet, ax: Axes | None = None) -> Axes:
    """Draw a swatch for every label, void last, with its number and name."""
    ax = ax or plt.gca()
    labels = [*range(len(classes)), VOID]
    names = [*classes.names, "void"]
    columns = -(-len(labels) // 8)
    for place, (label, name) in enumerate(zip(labels, names, strict=True)):
        x, y = divmod(place, 8)
        swatch = plt.Rectangle((x, y + 0.1), 0.22, 0.8, facecolor=palette()[label] / 255, ec="0.4")
        ax.add_patch(swatch)
        ax.text(x + 0.28, y + 0.5, f"{label}  {name}", va="center")
    ax.set(xlim=(-0.02, max(columns, 3)), ylim=(min(len(labels), 8), 0))
    ax.set_axis_off()
    return ax


def class_bars(values: pd.Series, labels: range, ax: Axes | None = None) -> Axes:
    """Draw a number for each class as a bar in the class's colour.

    Parameters
    ----------
    values : Series
        One number a class, indexed by its name.
    labels : range
        The classes' labels, for the colours.
    ax : Axes, optional
    """
    ax = ax or plt.gca()
    ax.barh(values.index, values, color=class_colours(labels), edgecolor="0.4", linewidth=0.6)
    ax.invert_yaxis()
    ax.set_xlim(0)
    return ax


def area_boxes(counts: np.ndarray, classes: ClassSet, ax: Axes | None = None) -> Axes:
    """Draw, for each class, how many pixels it has in the images that show it (log axis).

    Parameters
    ----------
    counts : ndarray, shape (images, K + 1), int
        As `wsss_lib.datasets.statistics.pixel_counts` gives them.
    classes : ClassSet
    ax : Axes, optional

    Notes
    -----
    Box: quartiles and median. Whiskers: all images.
    """
    ax = ax or plt.gca()
    areas = [column[column > 0] for column in counts[:, :-1].T]
    boxes = ax.boxplot(
        areas,
        orientation="horizontal",
        tick_labels=classes.short,
        whis=(0, 100),
        patch_artist=True,
        widths=0.6,
        medianprops={"color": "white", "linewidth": 2.5},
    )
    for box, colour in zip(boxes["boxes"], class_colours(range(len(classes))), strict=True):
        box.set(facecolor=colour, edgecolor="0.4")
    ax.set(xscale="log", xlabel="pixels in an image that shows the class")
    ax.invert_yaxis()
    return ax


def cooccurrence_map(table: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw how many images show two classes together, as a heat map; zeros stay blank."""
    ax = ax or plt.gca()
    numbers = table.astype(str).where(table > 0, "")
    sns.heatmap(
        table, ax=ax, annot=numbers, fmt="", cmap="cividis", cbar=False, square=True, linewidths=0.5
    )
    ax.set(xlabel="", ylabel="")
    ax.tick_params(axis="x", rotation=90)
    ax.tick_params(axis="y", rotation=0)
    return ax
