"""What a fit leaves behind, and all that a prediction needs: support vectors and their duals."""

from dataclasses import dataclass

import numpy as np

#: The error of a decision that rounding kernel values to float32 may cause at worst.
ROUNDING = 1e-3


@dataclass(frozen=True)
class Duals:
    """The decision functions ``f_k(z) = sum_i coef[i, k] * kernel(z, support[i]) + intercept[k]``.

    The one-vs-rest problems share their support vectors: a vector that supports only some of them
    has a zero for the others.

    Attributes
    ----------
    kernel : str
        ``"rbf"`` (``exp(-gamma * |z - s|^2)``) or ``"linear"`` (``<z, s>``).
    gamma : float
        Unused by the linear kernel.
    support : ndarray, shape (n_sv, d), float32 or float64
    coef : ndarray, shape (n_sv, k), float64
        Dual coefficient times label (+1 or -1), a column for each problem.
    intercept : ndarray, shape (k,), float64
    """

    kernel: str
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
        """The type in which kernel values must be computed: float64 where the duals are large.

        With C = 100 and many bounded support vectors, decision values of a few units are the
        difference of sums of a hundred thousand.
        """
        largest = np.abs(self.coef).sum(0).max(initial=0) * np.finfo(np.float32).eps
        return np.dtype(np.float64 if largest > ROUNDING else np.float32)
