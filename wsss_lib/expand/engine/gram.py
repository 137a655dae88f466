"""The kernel between all samples: one Gram matrix for all one-vs-rest problems."""

import numpy as np

#: Rows that are worked on at once.
BLOCK = 512


def gram(X: np.ndarray, kernel: str, gamma: float) -> np.ndarray:
    """The kernel between all pairs of samples.

    Parameters
    ----------
    X : ndarray, shape (n, d), float32
    kernel : str
        ``"rbf"`` or ``"linear"``.
    gamma : float

    Returns
    -------
    ndarray, shape (n, n), float32
    """
    result = X @ X.T
    if kernel == "linear":
        return result
    norms = np.einsum("nd,nd->n", X, X, dtype=np.float64)
    for start in range(0, len(X), BLOCK):
        part = slice(start, start + BLOCK)
        distances = norms[part, None] + norms - 2.0 * result[part]
        result[part] = np.exp(-gamma * np.maximum(distances, 0))
    np.fill_diagonal(result, 1)
    return result
