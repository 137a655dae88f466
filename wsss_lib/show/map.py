"""The map of the kit: its parts in the order of the data, and the notebooks that show them."""

from collections.abc import Iterable
from dataclasses import dataclass
from textwrap import fill

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

from wsss_lib.show.diagram import arrow, box

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
