"""Fits by scikit-learn's libsvm: the oracle of the engine's own solver."""

import numpy as np
from sklearn.svm import SVC

from wsss_lib.expand.engine.gram import gram

#: From so many features on a shared Gram matrix is faster than libsvm's own kernel.
PRECOMPUTE_FROM = 512


def solve(
    X: np.ndarray, targets: np.ndarray, kernel: str, gamma: float, C: float, tol: float
) -> tuple[np.ndarray, np.ndarray]:
    """Fit the one-vs-rest problems one after the other.

    Parameters
    ----------
    X : ndarray, shape (n, d), float32
    targets : ndarray, shape (n, k), bool
        For each problem, which samples are positive.
    kernel, gamma, C, tol
        As in `wsss_lib.expand.svm.ImageSVM`, gamma as a number.

    Returns
    -------
    coef : ndarray, shape (n, k), float64
        Dual coefficient times label.
    intercept : ndarray, shape (k,), float64
    """
    if X.shape[1] >= PRECOMPUTE_FROM:
        X, kernel = gram(X, kernel, gamma), "precomputed"
    coef, intercept = np.zeros(targets.shape), np.zeros(targets.shape[1])
    for column, target in enumerate(targets.T):
        svc = SVC(kernel=kernel, gamma=gamma, C=C, tol=tol).fit(X, target)
        coef[svc.support_, column] = svc.dual_coef_[0]
        intercept[column] = svc.intercept_[0]
    return coef, intercept
