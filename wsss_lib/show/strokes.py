"""Strokes and the mask that was learnt from them, over the photograph."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from scipy.ndimage import binary_dilation

from wsss_lib.datasets.classes import VOID, ClassSet, palette
from wsss_lib.show.masks import class_legend, picture_grid

_WHITE = 255


def strokes_overlay(
    image: np.ndarray,
    strokes: np.ndarray | None = None,
    mask: np.ndarray | None = None,
    opacity: float = 0.5,
) -> np.ndarray:
    """A photograph under its mask, and both under the strokes.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3), uint8
    strokes : ndarray, shape (H, W), uint8, optional
        Drawn in the colours of their classes with a white outline; 255 is left out.
    mask : ndarray, shape (H, W), uint8, optional
        Drawn in the colours of its classes with white borders between them.
    opacity : float
        Of the mask, from 0 (nothing but its borders) to 1.

    Returns
    -------
    ndarray, shape (H, W, 3), uint8
    """
    picture = image.copy()
    if mask is not None:
        mixed = (1 - opacity) * image + opacity * palette()[mask]
        picture = mixed.round().astype(np.uint8)
        picture[_borders(mask)] = _WHITE
    if strokes is not None:
        painted = strokes != VOID
        picture[binary_dilation(painted, iterations=2)] = _WHITE
        picture[painted] = palette()[strokes[painted]]
    return picture


def strokes_figure(
    image: np.ndarray,
    strokes: np.ndarray,
    masks: dict[str, np.ndarray],
    names: Sequence[str],
    credit: str = "",
    width: float = 3.2,
) -> Figure:
    """Draw a photograph with its strokes, and beside it each mask that was learnt from them.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3), uint8
    strokes : ndarray, shape (H, W), uint8
        255 = not labelled.
    masks : dict of str to ndarray, shape (H, W), uint8
        By their titles.
    names : sequence of str
        Of the classes 0, 1, 2, ...
    credit : str
        Who took the photograph, and its licence; stands below it.
    width : float
        Inches a picture.
    """
    row = [strokes_overlay(image, strokes)]
    row += [strokes_overlay(image, mask=mask, opacity=0.6) for mask in masks.values()]
    figure = picture_grid([row], ["strokes", *masks], width)
    if credit:
        place = {"transform": figure.axes[0].transAxes, "va": "top", "size": "x-small"}
        figure.axes[0].text(0, -0.02, f"Photograph: {credit}", **place)
    painted = np.setdiff1d(strokes, [VOID]).tolist()
    class_legend(figure, ClassSet(tuple(names), tuple(names)), painted)
    return figure


def _borders(mask: np.ndarray) -> np.ndarray:
    """(H, W) bool, true where the next pixel to the right or below has another class."""
    borders = np.zeros(mask.shape, bool)
    borders[:, :-1] |= mask[:, :-1] != mask[:, 1:]
    borders[:-1] |= mask[:-1] != mask[1:]
    return borders
