"""Proportional pseudo masks: every class has its own background, its own CRF and its own scale.

PMM (Li et al., "Pseudo-mask Matters in Weakly-supervised Semantic Segmentation", ICCV 2021) takes
each class activation map for itself. The map is smoothed by how uneven it is, so that a class that
is seen in a few spots grows as one that is seen evenly does; a dense CRF of this class and its
background decides which pixels it may have; where several may, that class wins for which the pixel
is the larger part of the whole, so that small objects are not swallowed by big ones. Formulas and
values are those of the released code.

PMM's background is a high power of 1 - the map, since CAMs are nearly 0 away from objects. Maps of
SIPE are not: they are cosines, of which that power leaves no background at all. Where the scores
have a background of the image's own, it can take this place; that is not PMM's.
"""

import numpy as np

from wsss_lib.scores import ClassScores
from wsss_lib.weak.crf import PRESETS, DenseCRF, unary_from_probabilities

#: Values of a map that are not above it count as nothing.
LEAST = 0.05
#: What the coefficient of variation is multiplied by before it smooths the map.
SMOOTHING = 0.3
#: The power of the background: the higher, the less there is of it. The released code takes 11 for
#: the masks of the second stage.
POWER = 11


def proportional_scores(
    image: np.ndarray, before: ClassScores, *, own_background: bool = False
) -> ClassScores:
    """How large a part of its class each pixel is, where the class may be.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3), uint8
    before : ClassScores, at (H, W)
        In 0..1, each class divided by its greatest value, as CAMs and SIPE's maps are.
    own_background : bool
        Whether the background's score comes from the image, as SIPE's does, so that it is every
        class's background; a constant plays no part.

    Returns
    -------
    ClassScores
        Of the background (0) and the object labels. The background is 1 where no class may be, else
        0; a class is 0 where it may not be, and else the pixel's part of the sum over all its
        pixels. The mask is the method's.
    """
    objects = [place for place, label in enumerate(before.labels) if label != 0]
    crf, background, maps = DenseCRF(image, PRESETS["pmm"]), None, before.values[objects]
    if own_background:
        background = before.values[0] * (before.labels[0] == 0)  # none where it was lost
    allowed = np.array([foreground(crf, cam, background) for cam in maps], bool)
    allowed = allowed.reshape(maps.shape)  # where there is no class, too
    kept = maps * allowed
    parts = kept / (1 + kept.sum((1, 2), keepdims=True))
    values = np.concatenate([~allowed.any(0, keepdims=True), parts]).astype(np.float32)
    return ClassScores(values, (0, *(before.labels[place] for place in objects)))


def foreground(crf: DenseCRF, cam: np.ndarray, background: np.ndarray | None = None) -> np.ndarray:
    """Where a class may be: a dense CRF of its smoothed map and a background.

    Parameters
    ----------
    crf : DenseCRF
        Of the image.
    cam : ndarray, shape (H, W), float32
        0..1.
    background : ndarray, shape (H, W), float32, optional
        0..1; what the smoothed map leaves, to the power of 11, by default.

    Returns
    -------
    ndarray, shape (H, W), bool

    Notes
    -----
    Probabilities are brought to the sum 1, which PMM's code does not do; but for those below 1e-5
    the marginals are the same.
    """
    own = smoothed(cam)
    if background is None:
        background = (1 - own) ** POWER
    unary = unary_from_probabilities(np.stack([background, own]))
    return crf.marginals(unary)[1] > 0.5


def smoothed(cam: np.ndarray) -> np.ndarray:
    """A map raised to a power below 1: the more uneven it is, the lower the power.

    Parameters
    ----------
    cam : ndarray, shape (H, W), float32
        0..1.

    Returns
    -------
    ndarray, shape (H, W), float32
        ``cam ** (1 - 0.3 * deviation / mean)``, both over the values above 0.05; 0 below it.
    """
    seen = cam[cam > LEAST]
    variation = SMOOTHING * seen.std() / seen.mean() if seen.size else 0.0
    return np.where(cam < LEAST, 0, cam) ** (1 - variation)
