"""The optimum of a binary SVM, and the solver that finds it by plain NumPy.

`smo` is the compiled solver, with the same steps; this one takes its place where numba is missing.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning

#: libsvm's curvature of a pair of equal samples.
TAU = 1e-12
#: libsvm's limit.
MAX_STEPS = 10_000_000


@dataclass(frozen=True)
class Solution:
    """The optimum of one binary problem.

    Attributes
    ----------
    beta : ndarray, shape (n,), float64
        Dual coefficients times labels.
    intercept : float
    objective : float
        Of the dual, as libsvm counts it (negative; it is minimised).
    steps : int
    """

    beta: np.ndarray
    intercept: float
    objective: float
    steps: int


def movable(beta: np.ndarray, y: np.ndarray, C: float) -> tuple[np.ndarray, np.ndarray]:
    """Which samples can rise and which can fall: those that are not at that bound."""
    return beta < np.maximum(y, 0) * C, beta > np.minimum(y, 0) * C


def finish(beta: np.ndarray, gradient: np.ndarray, y: np.ndarray, C: float, steps: int) -> Solution:
    """Intercept and objective of an optimum, given ``gradient = y - K beta``.

    The intercept is the mean over the free support vectors, on whose margin the decision function
    is known; without any, the middle of what the bounded ones allow.
    """
    if steps >= MAX_STEPS:
        warnings.warn(
            f"The SVM stopped after {steps} steps before reaching its tolerance. Lower C, or "
            "z-score the features.",
            ConvergenceWarning,
            stacklevel=2,
        )
    rise, fall = movable(beta, y, C)
    if (rise & fall).any():
        intercept = gradient[rise & fall].mean()
    else:
        intercept = (gradient[rise].max() + gradient[fall].min()) / 2
    return Solution(beta, float(intercept), float(-0.5 * beta @ (y + gradient)), steps)


def solve(gram: np.ndarray, target: np.ndarray, C: float, tol: float) -> Solution:
    """Solve one binary problem as `smo.solve` does, without shrinking it."""
    y = np.where(target, 1.0, -1.0)
    top, bottom = np.maximum(y, 0) * C, np.minimum(y, 0) * C
    beta, gradient = np.zeros(len(y)), y.copy()
    diagonal = gram.diagonal().astype(np.float64)
    steps = 0
    while steps < MAX_STEPS:
        i = np.where(beta < top, gradient, -np.inf).argmax()
        gap = np.where(beta > bottom, np.maximum(gradient[i] - gradient, 0), 0)
        if gap.max() < tol:
            break
        curvature = np.maximum(diagonal[i] + diagonal - 2.0 * gram[i], TAU)
        j = (gap**2 / curvature).argmax()
        rise, fall = top[i] - beta[i], beta[j] - bottom[j]
        move = min(gap[j] / curvature[j], rise, fall)
        beta[i] = top[i] if move == rise else beta[i] + move
        beta[j] = bottom[j] if move == fall else beta[j] - move
        gradient -= move * (gram[i].astype(np.float64) - gram[j])
        steps += 1
    return finish(beta, gradient, y, C, steps)
