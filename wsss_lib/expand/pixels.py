"""Any scikit-learn classifier as an image-specific one, fed with the pixels of feature maps."""

from collections.abc import Callable

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.utils.validation import check_is_fitted

from wsss_lib.errors import ParameterError
from wsss_lib.expand.engine.samples import as_features, labelled_pixels
from wsss_lib.features import FeatureMap

#: Bytes of the features that are read at once; interpolation and classifiers copy them a few times.
BLOCK = 2**24

#: Classifiers of scikit-learn with its settings, but for: enough steps to converge; comparison with
#: every sample, since trees of neighbours do not help with a hundred features; and no samples put
#: aside to stop early, since a class can have a single one.
CLASSIFIERS = {
    "logistic regression": LogisticRegression(max_iter=1000),
    "LDA": LinearDiscriminantAnalysis(),
    "5 neighbours": KNeighborsClassifier(algorithm="brute"),
    "random forest": RandomForestClassifier(random_state=0),
    "gradient boosting": HistGradientBoostingClassifier(early_stopping=False, random_state=0),
}


class PixelClassifier(ClassifierMixin, BaseEstimator):
    """Fit a scikit-learn classifier to sampled pixels and ask it about all, block by block.

    It takes the place of `wsss_lib.expand.svm.ImageSVM`.

    Parameters
    ----------
    estimator : scikit-learn classifier
        Unfitted; a clone of it is fitted. Its decision function, if it has one, gives one value
        for each class (``decision_function_shape="ovr"`` of ``SVC``).

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
    estimator_ : scikit-learn classifier
        Fitted, unless there is one class only.
    """

    def __init__(self, estimator) -> None:
        self.estimator = estimator

    def fit(self, X, y) -> "PixelClassifier":
        """Fit to the labelled pixels.

        Parameters
        ----------
        X : FeatureMap, or sequence of FeatureMap
            The channels of several stand one after the other.
        y : ndarray, shape (H, W), uint8
            255 = not labelled.

        Raises
        ------
        ParameterError
            If the sizes do not agree, a feature is not finite, or nothing is labelled.
        """
        maps = as_features(X)
        rows, cols, labels = labelled_pixels(y, maps[0].image_size)
        self.classes_, self.estimator_ = np.unique(labels), clone(self.estimator)
        if len(self.classes_) > 1:  # many classifiers refuse one class
            self.estimator_.fit(_vectors(maps, rows, cols), labels)
        return self

    def predict(self, X) -> np.ndarray:
        """The class of every pixel, shape (H, W), of the labels' dtype."""
        check_is_fitted(self)
        if len(self.classes_) == 1:
            return np.full(as_features(X)[0].image_size, self.classes_[0])
        return _in_blocks(self.estimator_.predict, X)

    def decision_function(self, X) -> np.ndarray:
        """The classifier's decision values, or what its probabilities are the softmax of.

        Returns
        -------
        ndarray, float64
            Shape (H, W, k); with two classes (H, W), positive for ``classes_[1]`` (half the
            logarithm of the odds, for probabilities); with one, zeros.

        Raises
        ------
        ParameterError
            If the classifier gives labels only.
        """
        check_is_fitted(self)
        if len(self.classes_) == 1:
            return np.zeros(as_features(X)[0].image_size)
        if hasattr(self.estimator_, "decision_function"):
            return _in_blocks(self.estimator_.decision_function, X)
        if not hasattr(self.estimator_, "predict_proba"):
            raise ParameterError(
                f"{type(self.estimator).__name__} gives labels only; a classifier with "
                "decision_function or predict_proba was expected. Take another, or its predict()."
            )
        values = _in_blocks(self.estimator_.predict_proba, X).astype(np.float64)
        values = np.log(values.clip(np.finfo(np.float64).tiny))
        return (values[..., 1] - values[..., 0]) / 2 if len(self.classes_) == 2 else values


def _vectors(maps: tuple[FeatureMap, ...], rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    return np.hstack([map_.at(rows, cols) for map_ in maps])


def _in_blocks(function: Callable[[np.ndarray], np.ndarray], X) -> np.ndarray:
    """A function of feature vectors at all pixels, shape (H, W) or (H, W, k)."""
    maps = as_features(X)
    height, width = maps[0].image_size
    pixels = max(1, BLOCK // (4 * sum(map_.channels for map_ in maps)))
    starts = range(0, height * width, pixels)
    parts = (np.arange(start, min(start + pixels, height * width)) for start in starts)
    found = np.concatenate([function(_vectors(maps, *divmod(part, width))) for part in parts])
    return found.reshape(height, width, *found.shape[1:])
