"""Claims beside what was measured: differences in points with intervals, and a verdict for each."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator

#: A difference and its interval, lower end first: (points, low, high).
Difference = tuple[float, float, float]


def apart(one: pd.Series, other: pd.Series, value: str = "mean") -> Difference:
    """The difference of two scores of which only each one's own interval is stored.

    The bounds are the widest that the two intervals allow, so they hold in at least as many cases
    as an interval of paired draws would.

    Parameters
    ----------
    one, other : Series
        With `value` and its interval, ``<value>_low`` and ``<value>_high``.
    value : str
    """
    low, high = f"{value}_low", f"{value}_high"
    return one[value] - other[value], one[low] - other[high], one[high] - other[low]


def verdict_table(claims: Mapping[str, Mapping[str, Difference]]) -> pd.DataFrame:
    """A line for each claim and data set.

    Parameters
    ----------
    claims : mapping of str to mapping of str to Difference
        By claim, then by data set; a positive difference speaks for the claim.

    Returns
    -------
    DataFrame
        ``claim``, ``data``, ``difference``, ``low``, ``high`` and the ``verdict``: *holds* where
        the interval is above 0, *does not hold* where it is below, else *open*.
    """
    lines = [
        (claim, data, *difference)
        for claim, measured in claims.items()
        for data, difference in measured.items()
    ]
    table = pd.DataFrame(lines, columns=["claim", "data", "difference", "low", "high"])
    sides = [table["low"] > 0, table["high"] < 0]
    table["verdict"] = np.select(sides, ["holds", "does not hold"], "open")
    return table


def verdict_plot(table: pd.DataFrame, colours: Mapping[str, str], ax: Axes | None = None) -> Axes:
    """The differences of a `verdict_table` as dots with their intervals, claim by claim.

    Parameters
    ----------
    table : DataFrame
    colours : mapping of str to str
        Of each data set.
    ax : Axes, optional
    """
    ax = ax or plt.gca()
    names = list(table["claim"].unique())
    shifts = dict(zip(colours, np.linspace(-0.15, 0.15, len(colours)), strict=True))
    ax.axvline(0, color="0.6", linewidth=1)
    for data, lines in table.groupby("data"):
        places = [names.index(name) + shifts[data] for name in lines["claim"]]
        ends = [lines["difference"] - lines["low"], lines["high"] - lines["difference"]]
        ax.errorbar(
            lines["difference"], places, xerr=ends, fmt="o", color=colours[data], label=data
        )
    ax.set_yticks(range(len(names)), names)
    ax.invert_yaxis()
    ax.set_xscale("symlog", linthresh=5)  # points near 0 decide
    ax.xaxis.set_major_locator(FixedLocator([-40, -20, -10, -5, -2, 0, 2, 5, 10, 20, 40]))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set(xlabel="points for the claim (right of 0) or against it")
    ax.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=len(colours))
    return ax
