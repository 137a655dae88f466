"""The image-specific classifier: a one-vs-rest SVM of one image's pixels (section 3.2).

It takes the place of ``OneVsRestClassifier(SVC(...))`` and gives the same decision functions, but
reads feature maps at their own resolution. (``SVC`` alone trains one-vs-one, whatever its
``decision_function_shape``.)
"""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from wsss_lib.errors import ParameterError
from wsss_lib.expand.engine import libsvm, predict_numpy
from wsss_lib.expand.engine.duals import Duals
from wsss_lib.expand.engine.inputs import as_maps, as_rows, check_labels, labelled_pixels

KERNELS = ("rbf", "linear")
SOLVERS = ("ours", "libsvm")


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
    device : str
        ``"cpu"``.
    threads : int, optional
        Threads to use; all that the environment allows when left out.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
    gamma_ : float
    support_ : ndarray, shape (n_support_,), int
        Which samples support at least one of the problems.
    n_support_ : int
    duals_ : Duals
        Support vectors, dual coefficients and intercepts; absent with a single class.
    n_features_in_ : int
    """

    def __init__(
        self,
        kernel: str = "rbf",
        C: float = 1.0,
        gamma: float | str = "scale",
        solver: str = "ours",
        tol: float = 1e-3,
        device: str = "cpu",
        threads: int | None = None,
    ) -> None:
        self.kernel = kernel
        self.C = C
        self.gamma = gamma
        self.solver = solver
        self.tol = tol
        self.device = device
        self.threads = threads

    def check_parameters(self) -> None:
        """Refuse parameters outside their range; `fit` does it too.

        Raises
        ------
        ParameterError
        """
        for name, value, known in (
            ("kernel", self.kernel, KERNELS),
            ("solver", self.solver, SOLVERS),
        ):
            if value not in known:
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
        maps = as_maps(X)
        if maps is None:
            samples = as_rows(X)
            labels = check_labels(y, len(samples))
        else:
            rows, cols, labels = labelled_pixels(y, maps[0].image_size)
            samples = np.hstack([feature.at(rows, cols) for feature in maps])
        self.n_features_in_ = samples.shape[1]
        self.classes_ = np.unique(labels)
        self._solve(samples, self._targets(labels))
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
        maps = as_maps(X)
        X = as_rows(X) if maps is None else maps
        width = X.shape[1] if maps is None else sum(feature.channels for feature in maps)
        if width != self.n_features_in_:
            raise ParameterError(f"X has {width} features; fitted with {self.n_features_in_}.")
        if len(self.classes_) == 1:
            return np.zeros(len(X) if maps is None else maps[0].image_size)
        decision = self._decide(X, maps is None)
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

    def _targets(self, labels: np.ndarray) -> np.ndarray:
        """For each problem, which samples are positive: shape (n, k), bool."""
        positive = self.classes_[1:] if len(self.classes_) <= 2 else self.classes_
        return labels[:, None] == positive

    def _solve(self, samples: np.ndarray, targets: np.ndarray) -> None:
        number, of_scale = parse_gamma(self.gamma)
        self.gamma_ = number * scale_gamma(samples) if of_scale else number
        coef, intercept = libsvm.solve(samples, targets, self.kernel, self.gamma_, self.C, self.tol)
        self.support_ = np.flatnonzero(coef.any(1))
        self.n_support_ = len(self.support_)
        self.duals_ = Duals(
            self.kernel, self.gamma_, samples[self.support_], coef[self.support_], intercept
        )

    def _decide(self, X, are_rows: bool) -> np.ndarray:
        linear = self.kernel == "linear"
        if are_rows and linear:
            return X @ self.duals_.weights + self.duals_.intercept
        if are_rows:
            return predict_numpy.decide_rows(X, self.duals_)
        return (predict_numpy.linear_maps if linear else predict_numpy.decide_maps)(X, self.duals_)


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


def scale_gamma(samples: np.ndarray) -> float:
    """scikit-learn's ``gamma="scale"``: 1 / (d * variance of all values); 1 without variance."""
    variance = samples.var(dtype=np.float64)
    return 1 / (samples.shape[1] * variance) if variance else 1.0
