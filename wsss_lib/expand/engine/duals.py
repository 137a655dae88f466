"""Decision functions: what a fit leaves behind, and the values of linear ones.

Those of the RBF kernel are computed by compiled loops, see `wsss_lib.expand.engine.predict`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wsss_lib.expand.engine.interpolation import Grid
from wsss_lib.features import FeatureMap

#: Up to this estimate of the rounding of a decision, float32 will do. Measured over features, C and
#: gamma on photographs, the largest error is at most 0.6 times the estimate.
ROUNDING = 1.5e-3


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


def linear_maps(maps: Sequence[FeatureMap], duals: Duals) -> np.ndarray:
    """The linear decision functions of every pixel: those of the cells, interpolated.

    Parameters and result are those of `wsss_lib.expand.engine.predict.decide_maps`.
    """
    grids = [Grid.of(map_) for map_ in maps]
    ends = np.cumsum([map_.channels for map_ in maps])[:-1]
    result = duals.intercept
    for grid, weights in zip(grids, np.split(duals.weights, ends), strict=True):
        result = result + grid.interpolated(grid.cells @ weights)
    return result
