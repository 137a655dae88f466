"""Class activation maps over photographs."""

import matplotlib.pyplot as plt
import numpy as np


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
