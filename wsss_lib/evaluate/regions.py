"""Which pixels are scored: all, held-out ones, those far from samples or near boundaries."""

import numpy as np
from scipy.ndimage import distance_transform_edt

from wsss_lib.datasets.classes import VOID
from wsss_lib.errors import ParameterError
from wsss_lib.metrics import sparse

#: Distances from the nearest sample beyond which pixels are scored, in pixels.
FAR = (1, 2, 4, 8, 16, 32, 64)
#: Widths of bands along true boundaries within which pixels are scored, in pixels.
NEAR = (2, 4, 8, 16, 32)


def sample_distance(label_image: np.ndarray) -> np.ndarray:
    """The distance of each pixel from the nearest sampled one, (H, W) float64; 0 on a sample.

    Parameters
    ----------
    label_image : ndarray, shape (H, W), uint8
        The samples, see `wsss_lib.expand.sampling.PixelSamples.label_image`.
    """
    return distance_transform_edt(label_image == VOID)


def boundary_distance(mask: np.ndarray) -> np.ndarray:
    """The distance of each pixel from the nearest pixel of another label, void being one.

    VOC's masks draw a line of void along most boundaries: the distance is to that line.

    Parameters
    ----------
    mask : ndarray, shape (H, W), uint8

    Returns
    -------
    ndarray, shape (H, W), float64
        1 beside another label; infinite if the mask has only one label.
    """
    labels = np.unique(mask)
    if len(labels) == 1:
        return np.full(mask.shape, np.inf)
    return sum(distance_transform_edt(mask == label) for label in labels)


def count_regions(
    truth: np.ndarray,
    prediction: np.ndarray,
    held_out: np.ndarray,
    distances: tuple[np.ndarray, np.ndarray],
    n_classes: int,
) -> dict[str, object]:
    """Confusion matrices of an image's regions.

    Parameters
    ----------
    truth, prediction : ndarray, shape (H, W), uint8
        Pixels whose truth is void are not counted.
    held_out : ndarray, shape (H, W), bool
    distances : pair of ndarray, shape (H, W)
        As `sample_distance` and `boundary_distance` give them.
    n_classes : int

    Returns
    -------
    dict
        As `wsss_lib.metrics.sparse` writes them: ``confusion`` (all pixels) and ``held_out``;
        ``far``: by each distance of `FAR`, held-out pixels farther than that from every sample;
        ``near`` and ``near_held_out``: by each width of `NEAR`, pixels at most that far from a
        boundary, all and held-out ones.
    """
    from_sample, from_boundary = distances
    beyond = np.searchsorted(FAR, from_sample, side="left")
    held = np.where(held_out, truth, VOID).astype(np.uint8)
    far = _count_by(beyond, held, prediction, n_classes, len(FAR) + 1)
    return {
        **count_bands(truth, prediction, from_boundary, n_classes),
        "held_out": sparse(far.sum(0)),
        "far": {str(r): sparse(far[i + 1 :].sum(0)) for i, r in enumerate(FAR)},
        "near_held_out": count_bands(held, prediction, from_boundary, n_classes)["near"],
    }


def count_bands(
    truth: np.ndarray, prediction: np.ndarray, from_boundary: np.ndarray, n_classes: int
) -> dict[str, object]:
    """Confusion matrices of an image and of bands along its true boundaries.

    Parameters
    ----------
    truth, prediction : ndarray, shape (H, W), uint8
    from_boundary : ndarray, shape (H, W)
        As `boundary_distance` gives it.
    n_classes : int

    Returns
    -------
    dict
        ``confusion`` and ``near`` as `count_regions` gives them.
    """
    within = np.searchsorted(NEAR, from_boundary, side="left")
    near = _count_by(within, truth, prediction, n_classes, len(NEAR) + 1)
    return {
        "confusion": sparse(near.sum(0)),
        "near": {str(w): sparse(near[: i + 1].sum(0)) for i, w in enumerate(NEAR)},
    }


def _count_by(
    region: np.ndarray, truth: np.ndarray, prediction: np.ndarray, n_classes: int, regions: int
) -> np.ndarray:
    """One confusion matrix for each number in `region`: (regions, K, K)."""
    counted = truth < n_classes
    place = region[counted] * n_classes + truth[counted]
    place = place * n_classes + prediction[counted]
    return np.bincount(place, minlength=regions * n_classes**2).reshape(-1, n_classes, n_classes)


def region_of(row: dict, region: str) -> list:
    """The sparse confusion matrix of a region of one image.

    Parameters
    ----------
    row : dict
        As `wsss_lib.evaluate.image.evaluate_image` gives it.
    region : str
        ``confusion`` (all pixels), ``held_out``, ``far8``, ``near8`` or ``near_held_out8``, with a
        distance of `FAR` or `NEAR`; ``away8`` and ``away_held_out8`` are the pixels that ``near8``
        and ``near_held_out8`` leave out.

    Raises
    ------
    ParameterError
        If the rows have no such region.
    """
    if region.startswith("away"):
        whole = "held_out" if region.startswith("away_held_out") else "confusion"
        return _without(row[whole], region_of(row, region.replace("away", "near", 1)))
    name = region.rstrip("0123456789")
    found = row.get(name)
    if name != region and isinstance(found, dict):
        found = found.get(region.removeprefix(name))
    if not isinstance(found, list):
        raise ParameterError(
            f"No region {region!r}; expected confusion, held_out, or far, near, near_held_out, "
            "away or away_held_out with a distance such as far8."
        )
    return found


def _without(whole: list, part: list) -> list:
    """A sparse confusion matrix less a part of it."""
    left = {(true, predicted): pixels for true, predicted, pixels in whole}
    for true, predicted, pixels in part:
        left[true, predicted] -= pixels
    return [[*pair, pixels] for pair, pixels in left.items() if pixels]
