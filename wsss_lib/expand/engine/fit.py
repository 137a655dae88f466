"""Fits of the one-vs-rest problems, by the engine's own solver or by scikit-learn's libsvm."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.svm import SVC

from wsss_lib.expand.engine.backends import Backend
from wsss_lib.expand.engine.gram import gram
from wsss_lib.expand.engine.samples import CellSamples, JoinedSamples, Samples, VectorSamples
from wsss_lib.expand.engine.solution import Solution
from wsss_lib.expand.engine.threads import run
from wsss_lib.features import FeatureMap

#: From so many features on, libsvm is faster on a shared Gram matrix than with its own kernel.
PRECOMPUTE_FROM = 512
#: Up to so many features inner products in float64 cost nothing, ...
FEW_FEATURES = 4
#: ... and from so large a C on their rounding would show in the optimum.
LARGE_C = 10


@dataclass(frozen=True)
class Problem:
    """What the one-vs-rest problems of an image have in common.

    Attributes
    ----------
    samples : Samples
    targets : ndarray, shape (n, k), bool
        For each problem, which samples are positive.
    kernel, gamma, C, tol
        As in `wsss_lib.expand.svm.ImageSVM`, gamma as a number.
    """

    samples: Samples
    targets: np.ndarray
    kernel: str
    gamma: float
    C: float
    tol: float

    def gram(self, backend: Backend, threads: int | None) -> np.ndarray:
        """The kernel between all samples, shape (n, n), float32."""
        return gram(self.samples, self.kernel, self.gamma, backend.gaussian, threads)


def pixel_samples(
    maps: Sequence[FeatureMap],
    rows: np.ndarray,
    cols: np.ndarray,
    C: float,
    backend: Backend,
    threads: int | None = None,
) -> Samples:
    """The samples at some pixels, (n,) rows and columns, of feature maps."""

    def part(map_: FeatureMap) -> VectorSamples | CellSamples:
        if backend.combine and 2 * np.prod(map_.size) < len(rows):
            dtype = _product_dtype(map_.channels, C)
            return CellSamples(map_, rows, cols, backend.combine, dtype, threads)
        return vector_samples(map_.at(rows, cols), C)

    parts = [part(map_) for map_ in maps]
    return parts[0] if len(parts) == 1 else JoinedSamples(parts)


def vector_samples(X: np.ndarray, C: float) -> VectorSamples:
    """The samples of an (n, d) array."""
    dtype = np.promote_types(X.dtype, _product_dtype(X.shape[1], C))
    return VectorSamples(X.astype(dtype, copy=False))


def _product_dtype(features: int, C: float) -> np.dtype:
    """The least precise type for inner products of samples."""
    return np.dtype(np.float64 if features <= FEW_FEATURES or C >= LARGE_C else np.float32)


def solve_ours(problem: Problem, backend: Backend, threads: int | None) -> list[Solution]:
    """Solve the problems over one Gram matrix, a thread for each."""
    kernel = problem.gram(backend, threads)

    def work(target: np.ndarray) -> Solution:
        return backend.solve(kernel, target, problem.C, problem.tol)

    return run(work, problem.targets.T, threads)


def solve_libsvm(problem: Problem, backend: Backend, threads: int | None) -> list[Solution]:
    """Solve the problems one after the other by scikit-learn's ``SVC``: the oracle."""
    svc = SVC(kernel=problem.kernel, gamma=problem.gamma, C=problem.C, tol=problem.tol)
    if problem.samples.width >= PRECOMPUTE_FROM:
        svc.set_params(kernel="precomputed")
        X = problem.gram(backend, threads)
    else:
        X = problem.samples.vectors(np.arange(len(problem.samples)))
    solutions = []
    for target in problem.targets.T:
        svc.fit(X, target)
        beta = np.zeros(len(target))
        beta[svc.support_] = svc.dual_coef_[0]
        solutions.append(Solution(beta, float(svc.intercept_[0]), np.nan, int(svc.n_iter_[0])))
    return solutions
