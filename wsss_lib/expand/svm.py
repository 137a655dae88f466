"""The image-specific classifier: a one-vs-rest SVM of one image's pixels (section 3.2).

It takes the place of ``OneVsRestClassifier(SVC(...))`` and gives the same decision functions, but
reads feature maps at their own resolution. (``SVC`` alone trains one-vs-one, whatever its
``decision_function_shape``.)
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.svm import SVC
from sklearn.utils.validation import check_is_fitted

from wsss_lib.errors import ParameterError
from wsss_lib.expand import engine
from wsss_lib.expand.engine.duals import Duals, linear_maps
from wsss_lib.expand.engine.fit import gram, pixel_samples, vector_samples
from wsss_lib.expand.engine.samples import (
    Samples,
    as_features,
    check_labels,
    labelled_pixels,
    scale_gamma,
)
from wsss_lib.expand.engine.threads import run

if TYPE_CHECKING:  # else numba would be imported
    from wsss_lib.expand.engine.smo import Solution

KERNELS = ("rbf", "linear")
SOLVERS = ("ours", "libsvm")
#: From so many features on, libsvm is faster on a shared Gram matrix than with its own kernel.
PRECOMPUTE_FROM = 512


@dataclass(eq=False, repr=False)  # both are scikit-learn's
class ImageSVM(ClassifierMixin, BaseEstimator):
    """One-vs-rest SVM, exact and fast on feature maps.

    Parameters
    ----------
    kernel : str
        ``"rbf"`` or ``"linear"``.
    C : float
        Cost of a sample on the wrong side of its margin.
    gamma : float or str
        Of the RBF kernel: a number, ``"scale"`` = 1 / (d * variance of the samples) as in
        scikit-learn, or a multiple of it such as ``"3xscale"``.
    solver : str
        ``"ours"``, or ``"libsvm"`` (scikit-learn's ``SVC``).
    tol : float
        Tolerance of the stopping criterion, the largest violation of the optimality conditions.
        A tenth of scikit-learn's: the steps to it cost next to nothing, and what is left of a
        distance to scikit-learn is then scikit-learn's own from the optimum.
    threads : int, optional
        Threads to use; when left out ``NUMBA_NUM_THREADS``, ``OMP_NUM_THREADS`` or all cores.
        Labels do not depend on it.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
    gamma_ : float
    support_ : ndarray, shape (n_support_,), int
        Which samples support at least one of the problems.
    n_support_ : int
    duals_ : Duals
        Support vectors, dual coefficients and intercepts; empty with a single class.
    objective_ : ndarray, shape (k,)
        Of each dual problem, NaN where libsvm solved it.
    n_iter_ : ndarray, shape (k,), int
        Steps of the solver.
    n_features_in_ : int
    """

    kernel: str = "rbf"
    C: float = 1.0
    gamma: float | str = "scale"
    solver: str = "ours"
    tol: float = 1e-4
    threads: int | None = None

    def check_parameters(self) -> None:
        """Refuse parameters outside their range; `fit` does it too.

        Raises
        ------
        ParameterError
        """
        for name, known in (("kernel", KERNELS), ("solver", SOLVERS)):
            if (value := getattr(self, name)) not in known:
                raise ParameterError(f"{name}={value!r}; expected one of {', '.join(known)}.")
        for name, value in (("C", self.C), ("tol", self.tol)):
            if not 0 < value < np.inf:
                raise ParameterError(f"{name}={value}; a positive number was expected.")
        if self.threads is not None and self.threads < 1:
            raise ParameterError(f"threads={self.threads}; at least 1 was expected.")
        parse_gamma(self.gamma)

    def fit(self, X, y) -> "ImageSVM":
        """Fit one decision function per class; two classes are one problem.

        Parameters
        ----------
        X : FeatureMap, sequence of FeatureMap, or ndarray of shape (n, d)
            The maps of a sequence are concatenated, each at its own resolution.
        y : ndarray
            With feature maps a label image, shape (H, W), uint8, 255 = not labelled; with feature
            vectors their labels, shape (n,).

        Raises
        ------
        ParameterError
            If a parameter is outside its range, X holds a value that is not finite, the sizes do
            not agree, or nothing is labelled.
        """
        self.check_parameters()
        X = as_features(X)
        if isinstance(X, tuple):
            rows, cols, labels = labelled_pixels(y, X[0].image_size)
            samples = pixel_samples(X, rows, cols, self.C, self.threads)
        else:
            labels, samples = check_labels(y, len(X)), vector_samples(X, self.C)
        self.n_features_in_ = samples.width
        self.classes_ = np.unique(labels)
        self._solve(samples, labels)
        return self

    def decision_function(self, X) -> np.ndarray:
        """Signed distance (in margins) to each class's boundary.

        Parameters
        ----------
        X : FeatureMap, sequence of FeatureMap, or ndarray of shape (n, d)

        Returns
        -------
        ndarray, float64
            With three classes or more, shape (H, W, k) for feature maps and (n, k) for vectors.
            With two, shape (H, W) or (n,), positive for ``classes_[1]``; with one, zeros.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ParameterError
            If X does not have the features that were fitted, or is not finite.
        """
        check_is_fitted(self)
        X = as_features(X)
        are_maps = isinstance(X, tuple)
        width = sum(map_.channels for map_ in X) if are_maps else X.shape[1]
        if width != self.n_features_in_:
            raise ParameterError(f"X has {width} features; fitted with {self.n_features_in_}.")
        if len(self.classes_) == 1:
            return np.zeros(X[0].image_size if are_maps else len(X))
        if self.kernel == "rbf":
            decide = engine.predict.decide_maps if are_maps else engine.predict.decide_rows
            decision = decide(X, self.duals_, self.threads)
        elif are_maps:
            decision = linear_maps(X, self.duals_)
        else:
            decision = X @ self.duals_.weights + self.duals_.intercept
        return decision[..., 0] if len(self.classes_) == 2 else decision

    def predict(self, X) -> np.ndarray:
        """The class of every pixel or vector, void pixels included.

        Parameters
        ----------
        X : FeatureMap, sequence of FeatureMap, or ndarray of shape (n, d)

        Returns
        -------
        ndarray, shape (H, W) or (n,)
            Of the labels' dtype; only classes that were fitted.
        """
        decision = self.decision_function(X)
        if len(self.classes_) <= 2:
            return self.classes_[(decision > 0).astype(int)]
        return self.classes_[decision.argmax(-1)]

    def _solve(self, samples: Samples, labels: np.ndarray) -> None:
        """Solve a problem for each class, or the only one of two classes, or none of one."""
        number, of_scale = parse_gamma(self.gamma)
        self.gamma_ = number * scale_gamma(samples) if of_scale else number
        targets = one_vs_rest(labels)
        solve = self._by_libsvm if self.solver == "libsvm" else self._by_ours
        solutions = solve(samples, targets) if targets.size else []
        coef = np.array([solution.beta for solution in solutions]).reshape(-1, len(samples)).T
        self.objective_ = np.array([solution.objective for solution in solutions])
        self.n_iter_ = np.array([solution.steps for solution in solutions], int)
        self.support_ = np.flatnonzero(coef.any(1))
        self.n_support_ = len(self.support_)
        self.duals_ = Duals(
            self.gamma_,
            samples.vectors(self.support_),
            coef[self.support_],
            np.array([solution.intercept for solution in solutions]),
        )

    def _by_ours(self, samples: Samples, targets: np.ndarray) -> "list[Solution]":
        """Solve the problems over one Gram matrix, a thread for each."""
        matrix = gram(samples, self.kernel, self.gamma_, self.threads)
        solve = engine.smo.solve
        return run(lambda target: solve(matrix, target, self.C, self.tol), targets.T, self.threads)

    def _by_libsvm(self, samples: Samples, targets: np.ndarray) -> "list[Solution]":
        """Solve the problems one after the other by scikit-learn's ``SVC``: the oracle."""
        svc = SVC(kernel=self.kernel, gamma=self.gamma_, C=self.C, tol=self.tol)
        if samples.width >= PRECOMPUTE_FROM:
            svc.set_params(kernel="precomputed")
            X = gram(samples, self.kernel, self.gamma_, self.threads)
        else:
            X = samples.vectors(np.arange(len(samples)))
        solutions = []
        for target in targets.T:
            svc.fit(X, target)
            beta = np.zeros(len(target))
            beta[svc.support_] = svc.dual_coef_[0]
            found = beta, float(svc.intercept_[0]), np.nan, int(svc.n_iter_[0])
            solutions.append(engine.smo.Solution(*found))
        return solutions


def one_vs_rest(labels: np.ndarray) -> np.ndarray:
    """The positive samples of each problem: of each class, or of the second of two.

    Parameters
    ----------
    labels : ndarray, shape (n,)

    Returns
    -------
    ndarray, shape (n, k), bool
        With a single class there is no problem and k is 0.
    """
    classes = np.unique(labels)
    return labels[:, None] == (classes if len(classes) > 2 else classes[1:])


def one_vs_rest_maps(decision: np.ndarray, n_classes: int) -> np.ndarray:
    """Decision functions with one map per class, also where fewer than three were fitted.

    Parameters
    ----------
    decision : ndarray, shape (H, W) or (H, W, k)
        As `ImageSVM.decision_function` gives it.
    n_classes : int
        How many classes were fitted.

    Returns
    -------
    ndarray, shape (H, W, n_classes)
        With two classes, the first has the second's function with its sign turned.
    """
    if n_classes == 2:
        return np.stack([-decision, decision], -1)
    return decision.reshape(*decision.shape[:2], n_classes)


def parse_gamma(gamma: float | str) -> tuple[float, bool]:
    """Read the parameter gamma: a number, and whether it multiplies the scale gamma.

    >>> parse_gamma("3xscale"), parse_gamma("scale"), parse_gamma(0.5)
    ((3.0, True), (1.0, True), (0.5, False))

    Raises
    ------
    ParameterError
        If it is neither a positive number nor a positive multiple of ``scale``.
    """
    text = str(gamma)
    number = "1" if text == "scale" else text.removesuffix("xscale")
    try:
        value = float(number)
    except ValueError:
        value = np.nan
    if not 0 < value < np.inf:
        raise ParameterError(
            f"gamma={gamma!r}; expected a positive number, 'scale' or a multiple such as '3xscale'."
        )
    return value, text.endswith("scale")
