"""An image-specific classifier of several layers: an SVM whose kernel is a product of theirs.

In an RBF kernel over concatenated layers (section 4.2) the squared distance is a sum over all
channels, so the layer with the most of them decides. Here each layer's squared distance is divided
by its number of channels first, and its share is a weight:

    k(z, s) = prod_l exp(-w_l gamma_l |z_l - s_l|^2),   gamma_l ~ 1 / channels,   sum_l w_l = 1
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from wsss_lib.errors import ParameterError
from wsss_lib.expand.engine.backends import backend
from wsss_lib.expand.engine.fit import pixel_samples
from wsss_lib.expand.engine.inputs import as_maps, labelled_pixels
from wsss_lib.expand.engine.samples import scale_gamma
from wsss_lib.expand.svm import ImageSVM, parse_gamma
from wsss_lib.expand.tuning import tune_weights
from wsss_lib.features import FeatureMap

WEIGHTS = ("equal", "tuned")


class ProductSVM(ClassifierMixin, BaseEstimator):
    """One-vs-rest SVM with a product of RBF kernels, one a feature map.

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
        ``"equal"``, ``"tuned"`` (`wsss_lib.expand.tuning`), or one a map, divided by their sum.
    tol, device, threads
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

    def __init__(
        self,
        C: float = 1.0,
        gamma: float | str = "scale",
        weights: str | Sequence[float] = "equal",
        tol: float = 1e-4,
        device: str = "cpu",
        threads: int | None = None,
    ) -> None:
        self.C = C
        self.gamma = gamma
        self.weights = weights
        self.tol = tol
        self.device = device
        self.threads = threads

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
                "least 0, one a map and not all of them 0."
            )

    def fit(self, X, y) -> "ProductSVM":
        """Fit one decision function per class; two classes are one problem.

        Parameters
        ----------
        X : FeatureMap or sequence of FeatureMap
            One a layer, each at its own resolution.
        y : ndarray, shape (H, W), uint8
            255 = not labelled.

        Raises
        ------
        ParameterError
            If a parameter is outside its range, there is not one weight a map, X holds feature
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
        return ImageSVM(
            C=self.C, gamma=gamma, tol=self.tol, device=self.device, threads=self.threads
        )

    def _layer_gammas(self, maps: Sequence[FeatureMap], rows, cols) -> np.ndarray:
        number, of_scale = parse_gamma(self.gamma)
        if not of_scale:
            return np.full(len(maps), number)
        chosen = backend(self.device)
        layers = (pixel_samples([m], rows, cols, self.C, chosen, self.threads) for m in maps)
        return number * np.array([scale_gamma(layer) for layer in layers])

    def _layer_weights(self, maps: Sequence[FeatureMap], rows, cols, labels) -> np.ndarray:
        if isinstance(self.weights, str):
            if self.weights == "tuned":
                return tune_weights(maps, rows, cols, labels, self.gammas_, self._image_svm(1.0))
            return np.full(len(maps), 1 / len(maps))
        weights = np.asarray(self.weights, np.float64)
        if len(weights) != len(maps):
            raise ParameterError(
                f"weights={self.weights!r} with {len(maps)} feature maps; expected one a map."
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
    maps = as_maps(X)
    if maps is None:
        raise ParameterError(f"X is a {type(X).__name__}; expected feature maps, one a layer.")
    return maps


def _are_weights(weights) -> bool:
    try:
        values = np.asarray(weights, np.float64)
    except (TypeError, ValueError):
        return False
    return values.ndim == 1 and bool((values >= 0).all()) and 0 < values.sum() < np.inf
