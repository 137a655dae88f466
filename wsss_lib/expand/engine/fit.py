"""What a fit is made of: the samples of an image, and their Gram matrix."""

from collections.abc import Sequence
from itertools import combinations_with_replacement

import numpy as np

from wsss_lib.expand import engine
from wsss_lib.expand.engine.samples import CellSamples, JoinedSamples, Samples, VectorSamples
from wsss_lib.expand.engine.threads import run, slices
from wsss_lib.features import FeatureMap

#: Samples on a side of a tile of the Gram matrix.
TILE = 512
#: Up to so many features inner products in float64 cost nothing, ...
FEW_FEATURES = 4
#: ... and from so large a C on their rounding would show in the optimum.
LARGE_C = 10


def pixel_samples(
    maps: Sequence[FeatureMap],
    rows: np.ndarray,
    cols: np.ndarray,
    C: float,
    threads: int | None = None,
) -> Samples:
    """The samples at some pixels, (n,) rows and columns, of feature maps."""

    def part(map_: FeatureMap) -> VectorSamples | CellSamples:
        if 2 * np.prod(map_.size) < len(rows):
            dtype = _product_dtype(map_.channels, C)
            return CellSamples(map_, rows, cols, dtype, threads)
        return vector_samples(map_.at(rows, cols), C)

    parts = [part(map_) for map_ in maps]
    return parts[0] if len(parts) == 1 else JoinedSamples(parts)


def vector_samples(X: np.ndarray, C: float) -> VectorSamples:
    """The samples of an (n, d) array."""
    dtype = np.promote_types(X.dtype, _product_dtype(X.shape[1], C))
    return VectorSamples(X.astype(dtype, copy=False))


def _product_dtype(features: int, C: float) -> np.dtype:
    """The least precise type for inner products of samples."""
    return np.dtype(np.float64 if features <= FEW_FEATURES or C >= LARGE_C else np.float32)


def gram(samples: Samples, kernel: str, gamma: float, threads: int | None = None) -> np.ndarray:
    """The kernel between all pairs of samples, computed in tiles on and above the diagonal.

    Parameters
    ----------
    samples : Samples
    kernel : str
        ``"rbf"`` or ``"linear"``.
    gamma : float
    threads : int, optional

    Returns
    -------
    ndarray, shape (n, n), float32
    """
    result = np.empty((len(samples), len(samples)), np.float32)
    norms, gaussian = samples.squared_norms, engine.compiled.gaussian

    def work(tile: tuple[slice, slice]) -> None:
        a, b = tile
        values = samples.products(a, b)
        if kernel == "rbf":
            values = gaussian(values, norms[a, None], norms[b], gamma)
        result[a, b] = values
        result[b, a] = values.T

    run(work, combinations_with_replacement(slices(len(samples), TILE), 2), threads)
    if kernel == "rbf":
        np.fill_diagonal(result, 1)
    return result
