"""Sequential minimal optimisation of one binary SVM over a given Gram matrix, compiled.

With ``beta_i = y_i alpha_i`` the dual problem is to minimise

    1/2 beta' K beta - y' beta   with   sum(beta) = 0   and   0 <= y_i beta_i <= C,

and the labels vanish from everything but the bounds. Each step moves one pair, chosen by the
second-order rule of Fan, Chen and Lin (JMLR 6, 2005), and stops as libsvm does: when no pair
violates the optimality conditions by `tol`.

A problem that is not solved soon is shrunk (Joachims 1999): samples at a bound that no pair would
move are left out for a while, on a smaller Gram matrix. The end is always judged on all samples.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from wsss_lib.expand.engine.compiled import compiled

#: libsvm's curvature of a pair of equal samples.
TAU = 1e-12
#: libsvm's limit.
MAX_STEPS = 10_000_000
#: Samples that are searched at once: a maximum is found by block first, its place afterwards.
BLOCK = 128
#: Steps per sample after which a problem is shrunk.
STEPS = 2
#: A smaller Gram matrix is worth its copy when at most this share of the samples is left.
WORTHWHILE = 0.9
#: Put beside a gradient to take its sample out of a search.
NEVER = np.float32(1e30)


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


def solve(gram: np.ndarray, target: np.ndarray, C: float, tol: float) -> Solution:
    """Solve one binary problem.

    Parameters
    ----------
    gram : ndarray, shape (n, n), float32, C-contiguous
    target : ndarray, shape (n,), bool
        Positive samples.
    C, tol : float

    Returns
    -------
    Solution
    """
    y = np.where(target, 1.0, -1.0)
    beta, gradient, steps = np.zeros(len(y)), y.copy(), 0
    active, part = np.arange(len(y)), gram
    while True:
        whole = len(active) == len(y)
        inner, slope = beta[active], gradient[active]
        budget = min(STEPS * len(active), MAX_STEPS - steps)
        taken = _minimise(part, y[active], inner, slope, float(C), float(tol), budget)
        beta[active], gradient[active] = inner, slope
        steps += taken
        stopped = taken < budget or steps == MAX_STEPS
        if stopped and not whole:
            others = np.setdiff1d(np.arange(len(y)), active, assume_unique=True)
            gradient[others] = y[others] - _products(gram, others, beta)
        if stopped and (whole or steps == MAX_STEPS or _violation(y, beta, gradient, C) < tol):
            return _finish(beta, gradient, y, C, steps)
        kept = np.arange(len(y)) if stopped else active
        if taken:  # else what is left is rounding, and the whole problem decides
            kept = kept[_undecided(y[kept], beta[kept], gradient[kept], C)]
        if stopped or len(kept) < WORTHWHILE * len(active):
            active, part = kept, gram if len(kept) == len(y) else gram[np.ix_(kept, kept)]


def _finish(
    beta: np.ndarray, gradient: np.ndarray, y: np.ndarray, C: float, steps: int
) -> Solution:
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
    rise, fall = _movable(beta, y, C)
    if (rise & fall).any():
        intercept = gradient[rise & fall].mean()
    else:
        intercept = (gradient[rise].max() + gradient[fall].min()) / 2
    return Solution(beta, float(intercept), float(-0.5 * beta @ (y + gradient)), steps)


def _movable(beta: np.ndarray, y: np.ndarray, C: float) -> tuple[np.ndarray, np.ndarray]:
    """Which samples can rise and which can fall: those that are not at that bound."""
    return beta < np.maximum(y, 0) * C, beta > np.minimum(y, 0) * C


def _products(gram: np.ndarray, rows: np.ndarray, beta: np.ndarray) -> np.ndarray:
    """Some rows of ``K beta``, summed in float64."""
    support = np.flatnonzero(beta)
    return gram[np.ix_(rows, support)] @ beta[support]


def _violation(y: np.ndarray, beta: np.ndarray, gradient: np.ndarray, C: float) -> float:
    """The worst violation of optimality by any pair."""
    rise, fall = _movable(beta, y, C)
    return gradient[rise].max() - gradient[fall].min()


def _undecided(y: np.ndarray, beta: np.ndarray, gradient: np.ndarray, C: float) -> np.ndarray:
    """Which samples a pair may still move: all but those at a bound that pull away from all."""
    rise, fall = _movable(beta, y, C)
    highest, lowest = gradient[rise].max(), gradient[fall].min()
    return (rise & fall) | (rise & (gradient >= lowest)) | (fall & (gradient <= highest))


@compiled
def _minimise(K, y, beta, gradient, C, tol, budget):
    """Move at most `budget` pairs, changing beta and ``y - K beta`` in place; how many moved."""
    n = len(y)
    diagonal = np.empty(n, np.float32)
    cannot_rise, cannot_fall = np.empty(n, np.float32), np.empty(n, np.float32)
    for t in range(n):
        diagonal[t] = K[t, t]
        top, bottom = (C, 0.0) if y[t] > 0 else (0.0, -C)
        cannot_rise[t] = 0 if beta[t] < top else NEVER
        cannot_fall[t] = 0 if beta[t] > bottom else NEVER
    i, j, move, steps = 0, 0, 0.0, 0
    while steps < budget:
        i = _move_and_pick(gradient, K[i], K[j], move, cannot_rise)
        move = 0.0
        j, violation = _pick_partner(
            gradient, K[i], gradient[i], diagonal, diagonal[i], cannot_fall
        )
        if violation < tol:
            return steps
        curvature = np.float64(diagonal[i]) + diagonal[j] - 2 * np.float64(K[i, j])
        top = C if y[i] > 0 else 0.0
        bottom = 0.0 if y[j] > 0 else -C
        move = (gradient[i] - gradient[j]) / max(curvature, TAU)
        rise, fall = top - beta[i], beta[j] - bottom
        move = min(move, min(rise, fall))
        # a bound is reached exactly, without rounding: what lies on it is taken out of searches
        beta[i] = top if move == rise else beta[i] + move
        beta[j] = bottom if move == fall else beta[j] - move
        for t in (i, j):
            top, bottom = (C, 0.0) if y[t] > 0 else (0.0, -C)
            cannot_rise[t] = 0 if beta[t] < top else NEVER
            cannot_fall[t] = 0 if beta[t] > bottom else NEVER
        steps += 1
    _move_and_pick(gradient, K[i], K[j], move, cannot_rise)
    return steps


@compiled
def _move_and_pick(gradient, Ki, Kj, move, cannot_rise):
    """Update the gradient for a moved pair; the sample that gains most by rising.

    Blocks are slices: an index that surely is not negative lets the compiler vectorise.
    """
    best, where = _ordered(-1e300), 0
    for start in range(0, len(gradient), BLOCK):
        part = slice(start, start + BLOCK)
        g, one, other, barred = gradient[part], Ki[part], Kj[part], cannot_rise[part]
        most = _ordered(-1e300)
        for t in range(len(g)):
            g[t] -= move * (np.float64(one[t]) - np.float64(other[t]))
            most = max(most, _ordered(g[t] - barred[t]))
        if most > best:
            best, where = most, start
    # searched anew, not for the value found: the compiler may round differently in the two loops
    first, best = where, _ordered(-1e300)
    for t in range(first, min(first + BLOCK, len(gradient))):
        value = _ordered(gradient[t] - cannot_rise[t])
        if value > best:
            best, where = value, t
    return where


@compiled
def _pick_partner(gradient, Ki, highest, diagonal, diagonal_i, cannot_fall):
    """The sample whose fall, with the rise of i, lowers the objective most; the worst violation."""
    best, where, worst = np.int32(0), 0, np.int32(0)
    for start in range(0, len(gradient), BLOCK):
        part = slice(start, start + BLOCK)
        g, row, own, barred = gradient[part], Ki[part], diagonal[part], cannot_fall[part]
        most = np.int32(0)
        for t in range(len(g)):
            gap = _gap(highest, g[t], barred[t])
            most = max(most, _bits(gap * gap / _curvature(diagonal_i, own[t], row[t])))
            worst = max(worst, _bits(gap))
        if most > best:
            best, where = most, start
    first, best = where, np.int32(0)
    for t in range(first, min(first + BLOCK, len(gradient))):
        gap = _gap(highest, gradient[t], cannot_fall[t])
        value = _bits(gap * gap / _curvature(diagonal_i, diagonal[t], Ki[t]))
        if value > best:
            best, where = value, t
    return where, np.float64(np.int32(worst).view(np.float32))


@compiled
def _gap(highest, gradient, cannot_fall):
    """How far a sample and the highest violate optimality, 0 if they do not; float32 to choose."""
    return max(np.float32(highest - gradient) - cannot_fall, np.float32(0))


@compiled
def _curvature(diagonal_i, diagonal_t, K_it):
    return max(diagonal_i + diagonal_t - np.float32(2) * K_it, np.float32(TAU))


@compiled
def _bits(value):
    """A float32 >= 0 as an integer of the same order: compilers vectorise integer maxima."""
    return np.float32(value).view(np.int32)


@compiled
def _ordered(value):
    """A float64 as an integer of the same order."""
    bits = np.float64(value).view(np.int64)
    return bits ^ ((bits >> np.int64(63)) & np.int64(0x7FFFFFFFFFFFFFFF))
