"""Labels painted by hand: strokes on a photograph in the place of sampled ground truth.

The paper draws its labelled pixels from a mask, or takes them from a seed (sections 3.1, 3.2). A
few strokes of a brush are a third source, which needs neither (scribbles, as in Lin et al.,
"ScribbleSup", CVPR 2016).
"""

from collections.abc import Sequence

import numpy as np

from wsss_lib.datasets.classes import VOID
from wsss_lib.errors import MaskError, ParameterError
from wsss_lib.expand.sampling import PixelSamples, sample_mask


def paint_stroke(
    strokes: np.ndarray, points: Sequence[tuple[float, float]], label: int, width: float
) -> np.ndarray:
    """A label image with one more stroke: a line through points, drawn with a round brush.

    Parameters
    ----------
    strokes : ndarray, shape (H, W), uint8
        255 = not labelled. It stays as it is.
    points : sequence of (x, y)
        In pixels, from the top left one's centre; a single one is a dot. They may lie outside.
    label : int
        0 to 254 is a class; 255 rubs out.
    width : float
        Of the brush in pixels.

    Returns
    -------
    ndarray, shape (H, W), uint8
        With the label wherever the line is at most half the width away.

    Raises
    ------
    ParameterError
        If there is no point, the width is not positive, or the label is not in 0..255.
    """
    points = np.asarray(points, float).reshape(-1, 2)
    if not len(points) or not width > 0 or label not in range(256):
        raise ParameterError(
            f"A stroke of {len(points)} points, width {width}, label {label}; expected a point or "
            "more, a width above 0 and a label from 0 to 255."
        )
    painted = strokes.copy()
    for start, end in zip(points, [*points[1:], points[-1]], strict=True):
        _paint_segment(painted, start, end, label, width / 2)
    return painted


def shrink_strokes(strokes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The strokes at the size of a scaled photograph; not even the thinnest is lost.

    Parameters
    ----------
    strokes : ndarray, shape (H, W), uint8
        255 = not labelled.
    size : tuple of int
        (h, w). A pixel with several labels takes one of them.

    Returns
    -------
    ndarray, shape (h, w), uint8
    """
    rows, cols = np.nonzero(strokes != VOID)
    small = np.full(size, VOID, np.uint8)
    places = rows * size[0] // strokes.shape[0], cols * size[1] // strokes.shape[1]
    small[places] = strokes[rows, cols]
    return small


def stroke_samples(strokes: np.ndarray, n: int, seed: int = 0) -> PixelSamples:
    """At most n pixels of the strokes of each class, drawn as `sample_mask` draws them.

    Parameters
    ----------
    strokes : ndarray, shape (H, W), uint8
        255 = not labelled.
    n : int
        Pixels per class: strokes hold tens of thousands, and from neighbours an SVM learns nothing
        new.
    seed : int

    Raises
    ------
    MaskError
        If fewer than two classes are labelled: there is nothing to tell apart.
    ParameterError
        If `n` is not positive.
    """
    labels = np.unique(strokes)
    labels = labels[labels != VOID].tolist()
    if len(labels) < 2:
        found = f"only the class {labels[0]}" if labels else "no labels at all"
        raise MaskError(
            f"The strokes hold {found}; two classes or more were expected. Paint some of the "
            f"object and some of what is not the object; {VOID} or white is not labelled."
        )
    return sample_mask(strokes, n, seed)


def _paint_segment(
    painted: np.ndarray, start: np.ndarray, end: np.ndarray, label: int, radius: float
) -> None:
    """Label, in place, all that lies within the radius of a line from start to end."""
    low = np.ceil(np.minimum(start, end) - radius).astype(int).clip(0)
    high = np.floor(np.maximum(start, end) + radius).astype(int).clip(-1)
    part = painted[low[1] : high[1] + 1, low[0] : high[0] + 1]
    across, down = np.meshgrid(*(low[axis] + np.arange(part.shape[1 - axis]) for axis in (0, 1)))
    away, along = np.stack([across, down], -1) - start, end - start
    share = (away @ along / max(along @ along, 1e-12)).clip(0, 1)
    part[((away - share[..., None] * along) ** 2).sum(-1) <= radius**2] = label
