"""Which code does the heavy work: compiled loops, plain NumPy, or torch on an accelerator."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from itertools import combinations_with_replacement

import numpy as np
from sklearn.svm import SVC

from wsss_lib import training as devices
from wsss_lib.expand.engine import predict_numpy, predict_torch, smo_numpy
from wsss_lib.expand.engine.samples import CellSamples, JoinedSamples, Samples, VectorSamples
from wsss_lib.expand.engine.smo_numpy import Solution
from wsss_lib.expand.engine.threads import run, slices
from wsss_lib.features import FeatureMap


@dataclass(frozen=True)
class Backend:
    """The functions that a fit and a prediction are made of.

    Attributes
    ----------
    decide_rows, decide_maps : callable
        RBF decision functions, see `predict_numpy`.
    gaussian : callable
        Inner products to kernel values, see `gram.gram`.
    solve : callable
        Solves a binary problem, see `smo_numpy.solve`.
    combine : callable, optional
        Inner products of pixels from those of cells, see `samples.CellSamples`; where it is
        missing they are computed from the pixels' features.
    """

    decide_rows: Callable
    decide_maps: Callable
    gaussian: Callable
    solve: Callable
    combine: Callable | None = None


NUMPY = Backend(
    predict_numpy.decide_rows, predict_numpy.decide_maps, predict_numpy.gaussian, smo_numpy.solve
)


def backend(device: str) -> Backend:
    """The backend of a device.

    Parameters
    ----------
    device : str
        ``"cpu"``: compiled loops, or NumPy where numba is missing, which is said once.
        ``"cuda"``, ``"cuda:1"``, ...: torch predicts there; the solver, whose steps follow each
        other, stays on the CPU. For comparison: ``"numpy"``, and ``"torch:cpu"`` for CPU tensors.

    Raises
    ------
    ParameterError
        If there is no such device.
    """
    if device == "cpu":
        return _compiled()
    if device == "numpy":
        return NUMPY
    check_device(device)
    name = device.removeprefix("torch:")
    return replace(
        _compiled(),
        decide_rows=partial(predict_torch.decide_rows, device=name),
        decide_maps=partial(predict_torch.decide_maps, device=name),
    )


def check_device(device: str) -> None:
    """Refuse a device that is not there; parameters and errors are those of `backend`."""
    if device not in ("cpu", "numpy"):
        devices.check_device(device.removeprefix("torch:"))


@cache
def _compiled() -> Backend:
    try:
        from wsss_lib.expand.engine import compiled, predict_compiled, smo
    except ImportError as error:
        warnings.warn(
            f"The SVM runs in plain NumPy, many times slower, because numba is missing ({error}). "
            "Run 'pip install numba'.",
            stacklevel=3,
        )
        return NUMPY
    return Backend(
        predict_compiled.decide_rows,
        predict_compiled.decide_maps,
        compiled.gaussian,
        smo.solve,
        compiled.combine,
    )


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
