"""Class activation maps: over photographs, and where they lie."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes


def cam_overlay(image: np.ndarray, cam: np.ndarray, share: float = 0.6) -> np.ndarray:
    """A class activation map as colours over its photograph turned grey.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3), uint8
    cam : ndarray, shape (H, W)
        0 (dark violet) to 1 (yellow).
    share : float
        Of the colours in the mixture, 0 to 1.

    Returns
    -------
    ndarray, shape (H, W, 3), uint8
    """
    grey = image.mean(2, keepdims=True)
    colours = 255 * plt.get_cmap("inferno")(np.clip(cam, 0, 1))[..., :3]
    return (share * colours + (1 - share) * grey).round().astype(np.uint8)


def share_bars(shares: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw shares that add up to 100 % as one divided bar a row.

    Parameters
    ----------
    shares : DataFrame
        One row a class, one column a share in %.
    ax : Axes, optional
    """
    ax = ax or plt.gca()
    shares.plot.barh(
        stacked=True, ax=ax, color=["#08519c", "#d95f02", "0.8"], edgecolor="white", width=0.75
    )
    ax.invert_yaxis()
    ax.set(xlim=(0, 100), xlabel="share of the activation (%)", ylabel="")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=shares.shape[1], frameon=False)
    return ax
