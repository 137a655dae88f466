"""A data set as pictures: its palette, and how large its classes are shown."""

import matplotlib.pyplot as plt
import numpy as np
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
