"""How much each layer counts where several are combined, as bars."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from wsss_lib.show.scores import LOOKS

#: Shares in % from which a number fits into its part of a bar.
_ROOM = 5
#: The brightness from which black is read better than white.
_BRIGHT = 0.5


def share_bars(shares: pd.DataFrame, ax: Axes | None = None, *, legend: bool = True) -> Axes:
    """Draw shares of layers as a bar a row, a part a layer, with their numbers.

    Parameters
    ----------
    shares : DataFrame
        In %, one row a bar from top to bottom, one column a layer; NaN where a layer has no share.
    ax : Axes, optional
    legend : bool
        Whether to name the layers, beside the axes.

    Notes
    -----
    Parts that are too short for a number have none.
    """
    ax = ax or plt.gca()
    ends = shares.fillna(0).cumsum(axis=1)
    places = range(len(shares))
    for layer in shares:
        widths, colour = shares[layer].fillna(0), LOOKS[layer]["color"]
        bars = ax.barh(
            places, widths, left=ends[layer] - widths, color=colour, edgecolor="white", label=layer
        )
        texts = [f"{width:.0f}" if width >= _ROOM else "" for width in widths]
        red, green, blue = to_rgb(colour)
        bright = 0.3 * red + 0.59 * green + 0.11 * blue > _BRIGHT
        ax.bar_label(bars, texts, label_type="center", color="black" if bright else "white")
    ax.set(yticks=places, ylim=(len(shares) - 0.5, -0.5), xlim=(0, 100), xlabel="share (%)")
    ax.set_yticklabels(shares.index)
    if legend:
        ax.legend(loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False)
    return ax
