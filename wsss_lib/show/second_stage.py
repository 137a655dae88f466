"""The second stage as pictures: trainings side by side, and scores along boundaries."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from wsss_lib.errors import ParameterError
from wsss_lib.show.scores import by_distance

#: Colour and marker of each kind of masks, in the order in which they are compared.
_LOOKS = (
    ("#08519c", "o"),
    ("#d95f02", "s"),
    ("#1b7837", "^"),
    ("#cc79a7", "D"),
    ("#56b4e9", "v"),
    ("0.0", "X"),
)


def training_curves(
    curves: Mapping[str, pd.Series], ax: Axes | None = None, label: str = ""
) -> Axes:
    """Draw a number of several trainings against the epoch.

    Parameters
    ----------
    curves : mapping of str to Series
        At most six, by the masks that are learnt from, indexed by the epoch.
    ax : Axes, optional
    label : str
        Of the vertical axis.

    Raises
    ------
    ParameterError
        If there are too many.
    """
    ax = ax or plt.gca()
    for (name, curve), (colour, marker) in zip(curves.items(), _looks(curves), strict=True):
        ax.plot(curve, marker + "-", color=colour, markersize=5, label=name)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.set(xlabel="epoch", ylabel=label)
    ax.grid(axis="y", color="0.9")
    ax.legend(frameon=False, title="learnt from")
    return ax


def band_curves(scores: pd.DataFrame, region: str, ax: Axes | None = None) -> Axes:
    """Draw the mean IoU in bands along boundaries, or beyond them, against the width of the band.

    Parameters
    ----------
    scores : DataFrame
        Lines of `wsss_lib.evaluate.boundary.band_table`, and in ``of`` what each scores:
        ``network``, or ``masks``, which are drawn hollow and dashed.
    region : {"near", "away"}
    ax : Axes, optional

    Raises
    ------
    ParameterError
        If there are more than six names.
    """
    ax = ax or plt.gca()
    lines = by_distance(scores, region)
    names = lines["name"].unique()
    looks = dict(zip(names, _looks(names), strict=True))
    for (of, name), curve in lines.groupby(["of", "name"], sort=False):
        colour, marker = looks[name]
        how = {"color": colour, "marker": marker, "markersize": 5, "label": f"{of}, {name}"}
        if of == "masks":
            how |= {"linestyle": "--", "markerfacecolor": "white"}
        ax.plot(curve["distance"], curve["mean"], **how)
        ends = curve["mean_low"], curve["mean_high"]
        ax.fill_between(curve["distance"], *ends, color=colour, alpha=0.12, lw=0)
    widths = np.unique(lines["distance"]).astype(int)
    ax.set(xscale="log", ylabel="mean IoU (%)")
    ax.set_xticks(widths, widths)
    ax.minorticks_off()
    ax.grid(axis="y", color="0.9")
    return ax


def _looks(names: Sequence[str]) -> Sequence[tuple[str, str]]:
    if len(names) > len(_LOOKS):
        raise ParameterError(f"{len(names)} of {list(names)}; at most {len(_LOOKS)} were expected.")
    return _LOOKS[: len(names)]
