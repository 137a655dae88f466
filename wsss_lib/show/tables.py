"""Tables of IoU: best of each class in bold, and the same as a heat map."""

import re
from copy import copy
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from pandas.io.formats.style import Styler

from wsss_lib import paper
from wsss_lib.files import write_text


def styled_table(table: pd.DataFrame, caption: str) -> Styler:
    """A table of IoU in % with the best of each column in bold, as in the paper's Table 1.

    Parameters
    ----------
    table : DataFrame
        One row a feature, one column a class; NaN where a class is absent. Of a table by
        `beside_paper` the best of each source is bold.
    caption : str
        Which data set, network and setting it is of.

    Returns
    -------
    Styler
        Shown as HTML in a notebook; `write_styled` writes it.
    """
    grouped = table.groupby(level="source") if "source" in table.index.names else None
    best = table.eq(table.max() if grouped is None else grouped.transform("max"))
    bold = best.replace({True: "font-weight: bold;", False: ""})
    return (
        table.style.format("{:.2f}", na_rep="")
        .apply(lambda _: bold, axis=None)
        .set_caption(caption)
    )


def write_styled(styled: Styler, folder: Path, name: str) -> list[Path]:
    """Write a styled table as ``<name>.html`` (a whole page) and ``<name>.tex`` (a table).

    Returns
    -------
    list of Path
        The two files.
    """
    escaped = copy(styled).set_caption(re.sub(r"([&%$#_{}])", r"\\\1", styled.caption))
    text = escaped.to_latex(convert_css=True, hrules=True, position_float="centering")
    return [
        write_text(folder / f"{name}.html", styled.to_html(doctype_html=True)),
        write_text(folder / f"{name}.tex", text),
    ]


def beside_paper(table: pd.DataFrame, dataset: str) -> pd.DataFrame:
    """Put the paper's Table 1 below each of our rows, for the classes that the run covered.

    Parameters
    ----------
    table : DataFrame
        IoU in %, one row a feature, one column a class, and ``mean``.
    dataset : str
        On ``"voc"`` the paper's rows are added; other data sets have other classes, and nothing
        that could be compared.

    Returns
    -------
    DataFrame
        Indexed by ``feature`` and ``source`` (``this run``, ``paper``). ``mean`` is taken over the
        columns that are left, for both.
    """
    sources = {"this run": table}
    if dataset == "voc":
        sources["paper"] = paper.table1()
    covered = table.columns[table.notna().any()].drop("mean", errors="ignore")
    stacked = pd.concat(
        {
            source: rows.loc[[feature for feature in table.index if feature in rows.index], covered]
            for source, rows in sources.items()
        },
        names=["source", "feature"],
    )
    stacked["mean"] = stacked.mean(axis=1)
    order = [(f, source) for f in table.index for source in sources]
    stacked = stacked.swaplevel()
    return stacked.loc[[key for key in order if key in stacked.index]]


def iou_heatmap(
    table: pd.DataFrame, ax: Axes | None = None, *, difference: bool = False, label: str = "IoU (%)"
) -> Axes:
    """Draw a table of IoU (or of differences of IoU, round 0) as a heat map with its numbers.

    Parameters
    ----------
    table : DataFrame
        One row a feature, one column a class.
    ax : Axes, optional
        When left out, a new figure of a size that fits the table.
    difference : bool
        Colours diverge from 0 instead of running from 0 to 100.
    label : str
        Of the colour bar.
    """
    if ax is None:
        size = (2 + 0.65 * table.shape[1], 1 + 0.45 * len(table))
        ax = plt.figure(figsize=size, layout="constrained").add_subplot()
    if difference:
        bound = max(float(np.nanmax(np.abs(table.to_numpy()))), 0.1)
        colours = {"cmap": "RdBu", "vmin": -bound, "vmax": bound}
    else:
        colours = {"cmap": "cividis", "vmin": 0, "vmax": 100}
    shown = table.round(1) + 0.0  # no "-0.0"
    sns.heatmap(
        shown, ax=ax, annot=True, fmt=".1f", linewidths=0.5, cbar_kws={"label": label}, **colours
    )
    ax.set(xlabel="", ylabel="")
    ax.tick_params(axis="x", rotation=45)
    ax.tick_params(axis="y", rotation=0)
    return ax
