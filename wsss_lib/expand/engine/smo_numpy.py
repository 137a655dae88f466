"""The solver of `smo` in plain NumPy: the same steps, a few times slower."""

import numpy as np

from wsss_lib.expand.engine.solution import MAX_STEPS, TAU, Solution, finish


def solve(gram: np.ndarray, target: np.ndarray, C: float, tol: float) -> Solution:
    """Solve one binary problem; parameters and result are those of `smo.solve`."""
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
