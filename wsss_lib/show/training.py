"""A training as pictures: losses by epoch, and how well each class is told."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from wsss_lib.show.data import class_bars


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
