"""Tables of IoU: best of each class in bold, and the same as a heat map."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from pandas.io.formats.style import Styler


def styled_table(table: pd.DataFrame, caption: str) -> Styler:
    """A table of IoU in % with the best of each column in bold, as in the paper's Table 1.

    Parameters
    ----------
    table : DataFrame
        One row a feature, one column a class; NaN where a class is absent.
    caption : str
        Which data set, network and setting it is of.

    Returns
    -------
    Styler
        Shown as HTML in a notebook; ``to_latex(convert_css=True)`` and ``to_html()`` write it.
    """
    return (
        table.style.format("{:.2f}", na_rep="")
        .highlight_max(axis=0, props="font-weight: bold;")
        .set_caption(caption)
    )


def iou_heatmap(
    table: pd.DataFrame, ax: Axes | None = None, *, difference: bool = False, label: str = "IoU (%)"
) -> Axes:
    """Draw a table of IoU (or of differences of IoU, round 0) as a heat map with its numbers.

    Parameters
    ----------
    table : DataFrame
        One row a feature, one column a class.
    ax : Axes, optional
    difference : bool
        Colours diverge from 0 instead of running from 0 to 100.
    label : str
        Of the colour bar.
    """
    ax = ax or plt.gca()
    if difference:
        bound = max(float(np.nanmax(np.abs(table.to_numpy()))), 0.1)
        colours = {"cmap": "RdBu", "vmin": -bound, "vmax": bound}
    else:
        colours = {"cmap": "cividis", "vmin": 0, "vmax": 100}
    sns.heatmap(
        table, ax=ax, annot=True, fmt=".1f", linewidths=0.5, cbar_kws={"label": label}, **colours
    )
    ax.set(xlabel="", ylabel="")
    ax.tick_params(axis="x", rotation=45)
    ax.tick_params(axis="y", rotation=0)
    return ax
