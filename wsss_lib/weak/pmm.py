"""Proportional pseudo masks: every class has its own background, its own CRF and its own scale.

PMM (Li et al., "Pseudo-mask Matters in Weakly-supervised Semantic Segmentation", ICCV 2021) takes
each class activation map for itself. The map is smoothed by how uneven it is, so that a class that
is seen in a few spots grows as one that is seen evenly does; a dense CRF of this class and its
background decides which pixels it may have; where several may, that class wins for which the pixel
is the larger part of the whole, so that small objects are not swallowed by big ones. Formulas and
values are those of the released code.
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


def proportional_scores(image: np.ndarray, before: ClassScores) -> ClassScores:
    """How large a part of its class each pixel is, where the class may be.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3), uint8
    before : ClassScores, at (H, W)
        In 0..1, each class divided by its greatest value, as CAMs and SIPE's maps are. Only objects
        count: a background among them, such as SIPE's, plays no part.

    Returns
    -------
    ClassScores
        Of the background (0) and the object labels. The background is 1 where no class may be, else
        0; a class is 0 where it may not be, and else the pixel's part of the sum over all its
        pixels. The mask is the method's.
    """
    objects = [place for place, label in enumerate(before.labels) if label != 0]
    crf = DenseCRF(image, PRESETS["pmm"])
    allowed = np.array([foreground(crf, before.values[place]) for place in objects], bool)
    allowed = allowed.reshape(-1, *before.image_size)
    kept = before.values[objects] * allowed
    parts = kept / (1 + kept.sum((1, 2), keepdims=True))
    values = np.concatenate([~allowed.any(0, keepdims=True), parts]).astype(np.float32)
    return ClassScores(values, (0, *(before.labels[place] for place in objects)))


def foreground(crf: DenseCRF, cam: np.ndarray) -> np.ndarray:
    """Where a class may be: a dense CRF of its smoothed map and the background that this leaves.

    Parameters
    ----------
    crf : DenseCRF
        Of the image.
    cam : ndarray, shape (H, W), float32
        0..1.

    Returns
    -------
    ndarray, shape (H, W), bool

    Notes
    -----
    Probabilities are brought to the sum 1, which PMM's code does not do; but for those below 1e-5
    the marginals are the same.
    """
    own = smoothed(cam)
    unary = unary_from_probabilities(np.stack([(1 - own) ** POWER, own]))
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
