"""Decision functions in plain NumPy: the reference of the faster paths, and their fallback."""

from collections.abc import Sequence

import numpy as np

from wsss_lib.expand.engine.duals import Duals
from wsss_lib.expand.engine.interpolation import Axis, axes, cells, squared_norms
from wsss_lib.features import FeatureMap

#: Support vectors and pixels that are worked on at once: some ten megabytes of kernel values.
BLOCK = 512
PIXELS = 4096


def decide_rows(X: np.ndarray, duals: Duals, threads: int | None = None) -> np.ndarray:
    """The RBF decision functions of feature vectors.

    Parameters
    ----------
    X : ndarray, shape (n, d)
    duals : Duals
    threads : int, optional
        Left to BLAS.

    Returns
    -------
    ndarray, shape (n, k), float64
    """
    result = np.tile(duals.intercept, (len(X), 1))
    for start in range(0, len(X), PIXELS):
        part = slice(start, start + PIXELS)
        norms = np.einsum("nd,nd->n", X[part], X[part], dtype=np.float64)
        for support, coef in _blocks(duals):
            result[part] += _kernel(X[part] @ support.T, norms, support, duals.gamma) @ coef
    return result


def decide_maps(maps: Sequence[FeatureMap], duals: Duals, threads: int | None = None) -> np.ndarray:
    """The RBF decision functions of every pixel, from inner products on the small maps.

    Parameters
    ----------
    maps : sequence of FeatureMap
        Their channels one after the other are the feature.
    duals : Duals
    threads : int, optional
        Left to BLAS.

    Returns
    -------
    ndarray, shape (H, W, k), float64
    """
    height, width = maps[0].image_size
    grids = [(cells(feature), *axes(feature)) for feature in maps]
    norms = sum(squared_norms(*grid) for grid in grids)
    ends = np.cumsum([feature.channels for feature in maps])[:-1]
    result = np.tile(duals.intercept, (height, width, 1))
    step = max(1, PIXELS // width)
    for start in range(0, height, step):
        strip = slice(start, start + step)
        for support, coef in _blocks(duals):
            parts = np.split(support, ends, axis=1)
            products = sum(
                _interpolated(grid, rows[strip], cols, part)
                for (grid, rows, cols), part in zip(grids, parts, strict=True)
            )
            result[strip] += _kernel(products, norms[strip], support, duals.gamma) @ coef
    return result


def linear_maps(maps: Sequence[FeatureMap], duals: Duals) -> np.ndarray:
    """The linear decision functions of every pixel: those of the cells, interpolated.

    Parameters and result are those of `decide_maps`.
    """
    ends = np.cumsum([feature.channels for feature in maps])[:-1]
    result = duals.intercept
    for feature, weights in zip(maps, np.split(duals.weights, ends), strict=True):
        rows, cols = axes(feature)
        result = result + cols.apply(rows.apply(cells(feature) @ weights, 0), 1)
    return result


def _blocks(duals: Duals):
    for start in range(0, len(duals.support), BLOCK):
        yield duals.support[start : start + BLOCK], duals.coef[start : start + BLOCK]


def _interpolated(grid: np.ndarray, rows: Axis, cols: Axis, support: np.ndarray) -> np.ndarray:
    """Inner products of a strip of pixels with some support vectors, shape (rows, W, n_sv)."""
    top, bottom = rows.first.min(), rows.second.max() + 1
    products = grid[top:bottom] @ support.T
    rows = Axis(rows.first - top, rows.second - top, rows.weight)
    return cols.apply(rows.apply(products, 0), 1)


def _kernel(
    products: np.ndarray, norms: np.ndarray, support: np.ndarray, gamma: float
) -> np.ndarray:
    """Inner products (..., n_sv) and squared norms (...) to kernel values."""
    own = np.einsum("nd,nd->n", support, support, dtype=np.float64)
    return gaussian(products, norms[..., None], own, gamma)


def gaussian(products: np.ndarray, norms: np.ndarray, own: np.ndarray, gamma: float) -> np.ndarray:
    """Inner products to kernel values, as float64; the norms are spread over the products.

    Both norms are subtracted before the exponential: a product of two exponentials would overflow.
    """
    exponents = products.astype(np.float64)
    exponents *= 2
    exponents -= norms
    exponents -= own
    exponents *= gamma
    return np.exp(np.minimum(exponents, 0, out=exponents), out=exponents)
