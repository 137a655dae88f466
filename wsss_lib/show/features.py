"""Feature maps as pictures."""

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from sklearn.decomposition import PCA


def pca_rgb(values: np.ndarray) -> np.ndarray:
    """The first three principal components of a feature map as red, green and blue.

    Parameters
    ----------
    values : ndarray, shape (C, h, w)

    Returns
    -------
    ndarray, shape (h, w, 3), uint8
        Each component stretched between its 2nd and 98th percentile; with fewer than three
        channels the rest is 0.
    """
    channels, height, width = values.shape
    cells = values.reshape(channels, -1).T
    solver = "full" if channels < 4 else "randomized"
    pca = PCA(min(3, channels), svd_solver=solver, random_state=0)
    components = pca.fit_transform(cells)
    low, high = np.percentile(components, [2, 98], axis=0)
    stretched = np.clip((components - low) / np.maximum(high - low, 1e-12), 0, 1)
    picture = np.zeros((height * width, 3))
    picture[:, : stretched.shape[1]] = stretched
    return (255 * picture).round().astype(np.uint8).reshape(height, width, 3)


def channel_mosaic(
    values: np.ndarray, columns: int = 8, rows: int = 4, ax: Axes | None = None
) -> Axes:
    """Draw the channels of largest spatial variance side by side, each stretched to its own range.

    Parameters
    ----------
    values : ndarray, shape (C, h, w)
        Not z-scored: afterwards all channels have the same variance.
    columns, rows : int
    ax : Axes, optional
    """
    ax = ax or plt.gca()
    _, height, width = values.shape
    strongest = np.argsort(values.var((1, 2)))[::-1][: columns * rows]
    mosaic = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), np.nan)
    for place, channel in enumerate(strongest):
        low, high = values[channel].min(), values[channel].max()
        top, left = (place // columns) * (height + 1), (place % columns) * (width + 1)
        cell = (values[channel] - low) / max(high - low, 1e-12)
        mosaic[top : top + height, left : left + width] = cell
    ax.imshow(mosaic, cmap="viridis", interpolation="nearest")
    ax.set_axis_off()
    return ax
