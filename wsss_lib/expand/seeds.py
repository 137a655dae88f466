"""Seeds: the first masks of weak supervision, where each pixel has the class that scores most.

The paper calls interpolation and argmax the classic expansion (section 1). Class activation maps
(CAMs) know objects only, so the background has to come from elsewhere: from a constant, as here and
in IRN (Ahn et al., CVPR 2019), or as a channel of its own, as in SIPE (Chen et al., CVPR 2022),
whose scores are used as they are. The seed is `ClassScores.mask` of either. It has no class but
the background and the image-level labels; a label may lose all its pixels.
"""

from collections.abc import Sequence

import numpy as np

from wsss_lib.errors import ParameterError
from wsss_lib.scores import ClassScores


def with_background(cams: np.ndarray, labels: Sequence[int], threshold: float) -> ClassScores:
    """Class activation maps and a constant background, which wins where no map is above it.

    Parameters
    ----------
    cams : ndarray, shape (k, H, W), float
        0..1, each class divided by its greatest value.
    labels : sequence of int, length k
        The classes of the maps: image-level labels, rising, from 1.
    threshold : float
        0..1, compared in float32 as the maps are; 0.15 in IRN.

    Returns
    -------
    ClassScores
        Of the background (0) and the labels, not normalised over the classes.

    Raises
    ------
    ParameterError
        If the threshold or a map is out of range, or maps and labels do not agree.
    """
    cams = np.asarray(cams, np.float32)
    if not 0 <= threshold <= 1:
        raise ParameterError(f"threshold={threshold}; a number from 0 to 1 was expected.")
    if cams.size and not (cams.min() >= 0 and cams.max() <= 1):  # NaN is in no range
        raise ParameterError(
            f"CAMs from {cams.min():g} to {cams.max():g}; expected 0 to 1, each class divided by "
            "its greatest value."
        )
    background = np.full((1, *cams.shape[1:]), threshold, np.float32)
    return ClassScores(np.concatenate([background, cams]), (0, *labels))
