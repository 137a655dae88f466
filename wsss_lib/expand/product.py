"""The image-specific classifier on several layers: an SVM whose kernel is the layers' product.

How much each layer counts is given, or judged on half of the labelled pixels. Then weights are
chosen on a lattice by greedy ensemble selection with replacement (Caruana et al., ICML 2004): the
best layer alone, and then one unit after the other for the layer that lowers the loss most. The
inner products of each layer are computed once, so that a candidate costs an exponential of their
weighted sum, a fit over the finished Gram matrix and a matrix product.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from wsss_lib.errors import ParameterError
from wsss_lib.expand import engine
from wsss_lib.expand.engine.fit import pixel_samples
from wsss_lib.expand.engine.samples import as_features, labelled_pixels, scale_gamma
from wsss_lib.expand.engine.threads import run, slices
from wsss_lib.expand.svm import ImageSVM, one_vs_rest, parse_gamma
from wsss_lib.features import FeatureMap

#: Names of weights; others are numbers, one per layer.
WEIGHTS = ("equal", "tuned")
#: Units that are shared out among the layers when weights are tuned.
STEPS = 4
#: Of the random halves, so that the same samples give the same weights.
SEED = 0
#: Samples whose kernel values are one piece of work: few, so that it stays in the cache.
ROWS = 32


@dataclass(eq=False, repr=False)  # both are scikit-learn's
class ProductSVM(ClassifierMixin, BaseEstimator):
    """One-vs-rest SVM with a product of RBF kernels, one per feature map.

    The product is one RBF kernel over concatenated maps, each scaled by ``sqrt(w_l gamma_l)``, so
    `wsss_lib.expand.svm.ImageSVM` does the work; with weight 1 on one map, it is that map's.

    Parameters
    ----------
    C : float
        Cost of a sample on the wrong side of its margin.
    gamma : float or str
        Of each layer's kernel: a number for all of them, or ``"scale"`` or a multiple such as
        ``"3xscale"``, where the scale 1 / (d * variance of the samples) is each layer's own.
    weights : str or sequence of float
        ``"equal"``, ``"tuned"`` (see `tune_weights`), or one per map, divided by their sum.
    tol, threads
        As of `wsss_lib.expand.svm.ImageSVM`.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
    weights_ : ndarray, shape (n_layers,), float64
        They sum to 1. A layer with the weight 0 is left out.
    gammas_ : ndarray, shape (n_layers,), float64
        Of each layer's kernel, before its weight.
    channels_ : tuple of int
    n_support_ : int
    svm_ : ImageSVM
        Fitted on the scaled maps, with gamma = 1.
    """

    C: float = 1.0
    gamma: float | str = "scale"
    weights: str | Sequence[float] = "equal"
    tol: float = 1e-4
    threads: int | None = None

    def check_parameters(self) -> None:
        """Refuse parameters outside their range; `fit` does it too.

        Raises
        ------
        ParameterError
        """
        self._image_svm(self.gamma).check_parameters()
        named = isinstance(self.weights, str) and self.weights in WEIGHTS
        if not (named or _are_weights(self.weights)):
            raise ParameterError(
                f"weights={self.weights!r}; expected one of {', '.join(WEIGHTS)}, or numbers of at "
                "least 0, one per map and not all of them 0."
            )

    def fit(self, X, y) -> "ProductSVM":
        """Fit one decision function per class; two classes are one problem.

        Parameters
        ----------
        X : FeatureMap or sequence of FeatureMap
            One per layer, each at its own resolution.
        y : ndarray, shape (H, W), uint8
            255 = not labelled.

        Raises
        ------
        ParameterError
            If a parameter is outside its range, there is not one weight per map, X holds feature
            vectors or a value that is not finite, the sizes do not agree, or nothing is labelled.
        """
        self.check_parameters()
        maps = _layers(X)
        pixels = labelled_pixels(y, maps[0].image_size)
        self.channels_ = tuple(map_.channels for map_ in maps)
        self.gammas_ = self._layer_gammas(maps, *pixels[:2])
        self.weights_ = self._layer_weights(maps, *pixels)
        self.svm_ = self._image_svm(1.0).fit(self._scaled(maps), y)
        self.classes_, self.n_support_ = self.svm_.classes_, self.svm_.n_support_
        return self

    def decision_function(self, X) -> np.ndarray:
        """Signed distance (in margins) to each class's boundary.

        Parameters
        ----------
        X : FeatureMap or sequence of FeatureMap

        Returns
        -------
        ndarray, shape (H, W, k) or (H, W), float64
            With three classes or more the first, with two or one the second, see `ImageSVM`.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ParameterError
            If X does not have the layers that were fitted, or is not finite.
        """
        check_is_fitted(self)
        return self.svm_.decision_function(self._same_layers(X))

    def predict(self, X) -> np.ndarray:
        """The class of every pixel, void ones included: (H, W) uint8; as `decision_function`."""
        check_is_fitted(self)
        return self.svm_.predict(self._same_layers(X))

    def _image_svm(self, gamma: float | str) -> ImageSVM:
        return ImageSVM(C=self.C, gamma=gamma, tol=self.tol, threads=self.threads)

    def _layer_gammas(self, maps: Sequence[FeatureMap], rows, cols) -> np.ndarray:
        number, of_scale = parse_gamma(self.gamma)
        if not of_scale:
            return np.full(len(maps), number)
        layers = (pixel_samples([m], rows, cols, self.C, self.threads) for m in maps)
        return number * np.array([scale_gamma(layer) for layer in layers])

    def _layer_weights(self, maps: Sequence[FeatureMap], rows, cols, labels) -> np.ndarray:
        if isinstance(self.weights, str):
            if self.weights == "equal":
                return np.full(len(maps), 1 / len(maps))
            return tune_weights(maps, rows, cols, labels, self.gammas_, self._image_svm(1.0))
        weights = np.asarray(self.weights, np.float64)
        if len(weights) != len(maps):
            raise ParameterError(
                f"weights={self.weights!r} with {len(maps)} feature maps; expected one per map."
            )
        return weights / weights.sum()

    def _scaled(self, maps: Sequence[FeatureMap]) -> tuple[FeatureMap, ...]:
        """The layers that count, scaled so that |z - s|^2 is the exponent of the product."""
        factors = np.sqrt(self.weights_ * self.gammas_).tolist()
        return tuple(
            replace(m, values=f * m.values) for m, f in zip(maps, factors, strict=True) if f
        )

    def _same_layers(self, X) -> tuple[FeatureMap, ...]:
        """Scaled maps for a prediction, once they are the layers that were fitted."""
        maps = _layers(X)
        channels = tuple(map_.channels for map_ in maps)
        if channels != self.channels_:
            raise ParameterError(
                f"X has maps of {channels} channels; fitted with {self.channels_}, in this order."
            )
        return self._scaled(maps)


def _layers(X) -> tuple[FeatureMap, ...]:
    maps = as_features(X)
    if not isinstance(maps, tuple):
        raise ParameterError(f"X is a {type(X).__name__}; expected feature maps, one per layer.")
    return maps


def _are_weights(weights) -> bool:
    try:
        values = np.asarray(weights, np.float64)
    except (TypeError, ValueError):
        return False
    return values.ndim == 1 and bool((values >= 0).all()) and 0 < values.sum() < np.inf


@dataclass(frozen=True)
class _Layer:
    """What a kernel needs of one layer, for n samples of which the first m are fitted.

    Attributes
    ----------
    products : ndarray, shape (n, m), float32
        Inner products with the fitted ones.
    norms : ndarray, shape (n,), float64
        Squared norms.
    gamma : float
    """

    products: np.ndarray
    norms: np.ndarray
    gamma: float


def tune_weights(
    maps: Sequence[FeatureMap],
    rows: np.ndarray,
    cols: np.ndarray,
    labels: np.ndarray,
    gammas: np.ndarray,
    svm: ImageSVM,
) -> np.ndarray:
    """The weights under which half of the samples, fitted, tell the classes of the other half.

    Parameters
    ----------
    maps : sequence of FeatureMap
        One per layer.
    rows, cols : ndarray, shape (n,), int
        The labelled pixels.
    labels : ndarray, shape (n,)
    gammas : ndarray, shape (n_layers,), float64
        Of each layer's RBF kernel.
    svm : ImageSVM
        Its C, tol and threads are used.

    Returns
    -------
    ndarray, shape (n_layers,), float64
        Multiples of 1, 1/2, 1/3 or 1/4 that sum to 1. Equal where nothing can be judged: with a
        single layer or class, or a single sample of each class.
    """
    fitting, judging = split_halves(labels)
    if len(maps) == 1 or len(np.unique(labels)) == 1 or not len(judging):
        return np.full(len(maps), 1 / len(maps))
    order = np.concatenate([fitting, judging])
    layers = [
        _layer(map_, rows[order], cols[order], len(fitting), gamma, svm)
        for map_, gamma in zip(maps, gammas.tolist(), strict=True)
    ]
    targets = one_vs_rest(labels[order])

    @cache
    def loss(weights: tuple[float, ...]) -> float:
        return _held_out_loss(_product(layers, weights, svm), targets, svm)

    return _greedy(loss, len(maps))


def split_halves(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Indices of the samples that fit and of those that judge: half of each class, at random.

    The odd one of a class fits, so that every class is fitted.
    """
    generator = np.random.default_rng(SEED)
    fits = np.zeros(len(labels), bool)
    for label in np.unique(labels):
        own = generator.permutation(np.flatnonzero(labels == label))
        fits[own[: -(-len(own) // 2)]] = True
    return np.flatnonzero(fits), np.flatnonzero(~fits)


def hinge_loss(decision: np.ndarray, targets: np.ndarray) -> float:
    """The mean multi-class hinge loss (Crammer and Singer, JMLR 2, 2001).

    As ``sklearn.metrics.hinge_loss``, which has no way to say that one of two classes is absent.

    Parameters
    ----------
    decision : ndarray, shape (n, k), float64
    targets : ndarray, shape (n, k), bool
        As of `wsss_lib.expand.svm.one_vs_rest`: with two classes k is 1.
    """
    if targets.shape[1] == 1:
        margin = np.where(targets, decision, -decision)
    else:
        margin = decision[targets] - np.where(targets, -np.inf, decision).max(1)
    return float(np.maximum(1 - margin, 0).mean())


def _layer(map_: FeatureMap, rows, cols, fitting: int, gamma: float, svm: ImageSVM) -> _Layer:
    samples = pixel_samples([map_], rows, cols, svm.C, svm.threads)
    products = np.empty((len(samples), fitting), np.float32)

    def work(part: slice) -> None:
        products[part] = samples.products(part, slice(0, fitting))

    run(work, slices(len(samples), ROWS), svm.threads)
    return _Layer(products, samples.squared_norms, gamma)


def _product(layers: Sequence[_Layer], weights: Sequence[float], svm: ImageSVM) -> np.ndarray:
    """The product of the layers' kernels, shape (n, m), float32."""
    used = [(w * layer.gamma, layer) for w, layer in zip(weights, layers, strict=True) if w]
    kernel = np.empty_like(layers[0].products)
    norms = sum(factor * layer.norms for factor, layer in used)
    gaussian = engine.compiled.gaussian

    def work(part: slice) -> None:
        products = sum(factor * layer.products[part] for factor, layer in used)
        kernel[part] = gaussian(products, norms[part, None], norms[: kernel.shape[1]], 1.0)

    run(work, slices(len(kernel), ROWS), svm.threads)
    np.fill_diagonal(kernel, 1)
    return kernel


def _held_out_loss(kernel: np.ndarray, targets: np.ndarray, svm: ImageSVM) -> float:
    """The loss on the samples behind the first m, which are fitted: kernel (n, m)."""
    fitting = kernel.shape[1]
    gram, across = kernel[:fitting], kernel[fitting:]
    solve = engine.smo.solve
    solutions = run(
        lambda target: solve(gram, target, svm.C, svm.tol), targets[:fitting].T, svm.threads
    )
    # float64: with a large C the duals are large and nearly cancel
    beta = np.stack([solution.beta for solution in solutions], 1)
    parts = slices(len(across), ROWS)
    decision = np.concatenate(run(lambda part: across[part] @ beta, parts, svm.threads))
    decision += [solution.intercept for solution in solutions]
    return hinge_loss(decision, targets[fitting:])


def _greedy(loss: Callable[[tuple[float, ...]], float], layers: int) -> np.ndarray:
    """Share out the units; the best weights on the way, the first of equally good ones."""
    units = np.zeros(layers, int)
    lowest, best = np.inf, None
    for count in range(1, STEPS + 1):
        candidates = (units + np.eye(layers, dtype=int)) / count
        losses = [loss(tuple(weights.tolist())) for weights in candidates]
        chosen = int(np.argmin(losses))
        units[chosen] += 1
        if losses[chosen] < lowest:
            lowest, best = losses[chosen], candidates[chosen]
    return best
