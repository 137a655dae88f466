"""Decision functions: what a fit leaves behind, and their values by plain NumPy.

The linear kernel needs no more than this. Of the RBF kernel these are the plain functions, which
take the place of the compiled ones (`predict_compiled`) where numba is missing.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from wsss_lib.expand.engine.interpolation import Grid
from wsss_lib.expand.engine.threads import slices
from wsss_lib.features import FeatureMap

#: Up to this estimate of the rounding of a decision, float32 will do. Measured over features, C and
#: gamma on photographs, the largest error is at most 0.6 times the estimate.
ROUNDING = 1.5e-3
#: Support vectors and pixels that are worked on at once: some ten megabytes of kernel values.
BLOCK = 512
PIXELS = 4096


@dataclass(frozen=True)
class Duals:
    """The decision functions ``f_k(z) = sum_i coef[i, k] * kernel(z, support[i]) + intercept[k]``.

    The one-vs-rest problems share their support vectors: a vector that supports only some of them
    has a zero for the others.

    Attributes
    ----------
    gamma : float
        Of the RBF kernel ``exp(-gamma * |z - s|^2)``; unused by the linear one, ``<z, s>``.
    support : ndarray, shape (n_sv, d), float32 or float64
    coef : ndarray, shape (n_sv, k), float64
        Dual coefficient times label (+1 or -1), a column for each problem.
    intercept : ndarray, shape (k,), float64
    """

    gamma: float
    support: np.ndarray
    coef: np.ndarray
    intercept: np.ndarray

    @property
    def weights(self) -> np.ndarray:
        """The normal vectors of the linear kernel, shape (d, k), float64."""
        return self.support.T.astype(np.float64) @ self.coef

    @property
    def dtype(self) -> np.dtype:
        """The type in which kernel values must be computed: float64 where rounding would show.

        Two things round. Sums: with C = 100 and many bounded support vectors, decision values of a
        few units are the difference of sums of a hundred thousand. And exponents: squared norms
        cancel in a distance, and what their rounding leaves is a relative error of each kernel
        value; these errors are independent, so that their squares add.
        """
        sums = np.abs(self.coef).sum(0).max(initial=0)
        centred = self.support - self.support.mean(0)
        largest = np.einsum("nd,nd->n", centred, centred).max(initial=0)
        exponents = np.sqrt((self.coef**2).sum(0)).max(initial=0) * self.gamma * largest
        estimate = np.finfo(np.float32).eps * max(sums, exponents * np.log2(np.e))
        return np.dtype(np.float64 if estimate > ROUNDING else np.float32)


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
    for part in slices(len(X), PIXELS):
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
    grids = [Grid.of(map_) for map_ in maps]
    norms = sum(grid.squared_norms() for grid in grids)
    ends = np.cumsum([map_.channels for map_ in maps])[:-1]
    result = np.tile(duals.intercept, (height, width, 1))
    for strip in slices(height, max(1, PIXELS // width)):
        strips = [grid.strip(strip) for grid in grids]
        for support, coef in _blocks(duals):
            parts = np.split(support, ends, axis=1)
            products = sum(
                grid.interpolated(grid.cells @ part.T)
                for grid, part in zip(strips, parts, strict=True)
            )
            result[strip] += _kernel(products, norms[strip], support, duals.gamma) @ coef
    return result


def linear_maps(maps: Sequence[FeatureMap], duals: Duals) -> np.ndarray:
    """The linear decision functions of every pixel: those of the cells, interpolated.

    Parameters and result are those of `decide_maps`.
    """
    grids = [Grid.of(map_) for map_ in maps]
    ends = np.cumsum([map_.channels for map_ in maps])[:-1]
    result = duals.intercept
    for grid, weights in zip(grids, np.split(duals.weights, ends), strict=True):
        result = result + grid.interpolated(grid.cells @ weights)
    return result


def _blocks(duals: Duals) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Some support vectors and their duals at a time."""
    for part in slices(len(duals.support), BLOCK):
        yield duals.support[part], duals.coef[part]


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
