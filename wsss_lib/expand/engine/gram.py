"""The kernel between all samples: one Gram matrix for all one-vs-rest problems."""

from itertools import combinations_with_replacement

import numpy as np

from wsss_lib.expand.engine.samples import Samples
from wsss_lib.expand.engine.threads import run, slices

#: Samples on a side of a tile.
TILE = 512


def gram(samples: Samples, kernel: str, gamma: float, gaussian, threads=None) -> np.ndarray:
    """The kernel between all pairs of samples, computed in tiles on and above the diagonal.

    Parameters
    ----------
    samples : Samples
    kernel : str
        ``"rbf"`` or ``"linear"``.
    gamma : float
    gaussian : callable
        ``gaussian(products, norms_a, norms_b, gamma)`` turns inner products (a, b) into kernel
        values, given squared norms (a, 1) and (b,).
    threads : int, optional

    Returns
    -------
    ndarray, shape (n, n), float32
    """
    result = np.empty((len(samples), len(samples)), np.float32)
    norms = samples.squared_norms

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
