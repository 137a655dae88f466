"""A Gaussian filter over points of several dimensions, in time linear in their number.

Every point spreads its value over the corners of the cell of the permutohedral lattice that it lies
in (splat), neighbouring corners of the lattice are mixed along each of its axes (blur), and every
point reads its own corners again (slice). Only corners of cells with a point in them are kept, so
what would go through empty space is lost. Adams, Baek and Davis, "Fast high-dimensional filtering
using the permutohedral lattice", Eurographics 2010; their pages are named below.
"""

import numpy as np
from scipy import sparse

from wsss_lib.errors import ParameterError


class PermutohedralLattice:
    """The lattice of a set of points: filters any values that these points have.

    Parameters
    ----------
    features : ndarray, shape (n, d), float32
        The points, in standard deviations of the Gaussian along each dimension.

    Raises
    ------
    ParameterError
        If the points are so far apart that corners cannot be numbered.
    """

    def __init__(self, features: np.ndarray) -> None:
        features = np.asarray(features, np.float32)
        n, d = features.shape
        origin, rank, weights = _enclosing_cells(_elevate(features.T))
        corners, steps = _number_corners(origin, rank)
        keys, vertices = np.unique(corners, return_inverse=True)
        row_ends = np.arange(0, n * (d + 1) + 1, d + 1)
        self._slice = sparse.csr_array(
            (weights.T.ravel(), vertices.reshape(d + 1, n).T.ravel(), row_ends),
            shape=(n, len(keys)),
        )
        self._splat = self._slice.T.tocsr()
        self._blurs = [_blur(keys, step) for step in steps]

    def filter(self, values: np.ndarray) -> np.ndarray:
        """Sum the values of all points, weighted by (roughly) a Gaussian of their distance.

        ``out[i] = c * sum_j exp(-|f_i - f_j|^2 / 2) values[j]``, up to a factor c > 0: divide by
        the filtered ones, or their square root on both sides, where the size matters.

        Parameters
        ----------
        values : ndarray, shape (n, k), float32

        Returns
        -------
        ndarray, shape (n, k), float32
        """
        on_lattice = self._splat @ np.asarray(values, np.float32)
        for blur in self._blurs:
            on_lattice = blur @ on_lattice
        return self._slice @ on_lattice


def _elevate(points: np.ndarray) -> np.ndarray:
    """Put points (d, n) into the plane of d + 1 coordinates that sum to 0 (page 5).

    The scale makes splat, blur and slice together a Gaussian of variance 1 (page 6).
    """
    d = len(points)
    i = np.arange(1, d + 1)
    scale = (d + 1) * np.sqrt(2 / 3) / np.sqrt(i * (i + 1))
    scaled = points * scale[:, None].astype(np.float32)
    elevated = np.zeros((d + 1, points.shape[1]), np.float32)
    elevated[:d] = np.cumsum(scaled[::-1], axis=0)[::-1]
    elevated[1:] -= i[:, None].astype(np.float32) * scaled
    return elevated


def _enclosing_cells(elevated: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the cell that each point lies in, and its place there (pages 8 to 10).

    Returns
    -------
    origin : ndarray, shape (d + 1, n), int64
        The cell's corner of remainder 0: multiples of d + 1 that sum to 0.
    rank : ndarray, shape (d + 1, n), int64
        Of each coordinate among the differences from the origin, 0 = largest.
    weights : ndarray, shape (d + 1, n), float32
        Barycentric, of the corners of remainder 0, ..., d; they sum to 1.
    """
    size = len(elevated)
    multiple = np.rint(elevated * np.float32(1 / size))
    rank = _descending_rank(elevated - multiple * np.float32(size))
    # rounding left the plane by so many steps: the coordinates rounded furthest take them back
    rank += multiple.sum(0).astype(np.int64)
    back = (rank < 0).astype(np.int64) - (rank >= size)
    rank += size * back
    origin = size * (multiple.astype(np.int64) + back)
    rest = (elevated - origin.astype(np.float32)) * np.float32(1 / size)
    ascending = np.empty_like(rest)
    np.put_along_axis(ascending, size - 1 - rank, rest, axis=0)
    weights = np.diff(ascending, axis=0, prepend=ascending[-1:] - np.float32(1))
    return origin, rank, weights


def _descending_rank(values: np.ndarray) -> np.ndarray:
    """The rank of each value in its column, 0 = largest; equal ones in their order."""
    rank = np.zeros(values.shape, np.int64)
    for i in range(len(values)):
        for j in range(i + 1, len(values)):
            smaller = values[i] < values[j]
            rank[i] += smaller
            rank[j] += ~smaller
    return rank


def _number_corners(origin: np.ndarray, rank: np.ndarray) -> tuple[np.ndarray, list[int]]:
    """Give each corner of each cell one number, linear in its coordinates.

    The last coordinate follows from the others. Along an axis of the lattice, the next corner is +1
    away in every coordinate but one, which makes up for them: a fixed step of the number.

    Returns
    -------
    corners : ndarray, shape (d + 1, n), int64
        Of the corners of remainder 0, ..., d.
    steps : list of int
        To the next corner along each of the d + 1 axes.
    """
    d = len(origin) - 1
    # coordinates of corners reach d past their origin's, those of their neighbours twice as far
    spans = np.ptp(origin[:d], axis=1) + 4 * d + 1
    place = [1]
    for span in spans.tolist():
        place.append(place[-1] * span)
    if place.pop() >= 2**62:
        raise ParameterError(
            f"Points spread over {spans.tolist()} steps of the lattice, more than can be numbered; "
            "expected a wider Gaussian (larger sxy or srgb), or fewer pixels."
        )
    places = np.array(place)[:, None]
    along_all = sum(place)
    corners = np.empty(origin.shape, np.int64)
    corners[0] = (places * (origin[:d] - origin[:d].min(1, keepdims=True))).sum(0)
    for remainder in range(1, d + 1):
        turned = (places * (rank[:d] == d + 1 - remainder)).sum(0)
        corners[remainder] = corners[remainder - 1] + along_all - (d + 1) * turned
    return corners, [along_all - (d + 1) * one for one in [*place, 0]]


def _blur(keys: np.ndarray, step: int) -> sparse.csr_array:
    """Half of each neighbour along one axis, and the corner itself."""
    there = np.minimum(np.searchsorted(keys, keys + step), len(keys) - 1)
    here = np.flatnonzero(keys[there] == keys + step)
    halves = np.full(len(here), 0.5, np.float32)
    towards = sparse.csr_array((halves, (here, there[here])), shape=(len(keys),) * 2)
    return sparse.eye_array(len(keys), dtype=np.float32, format="csr") + towards + towards.T
