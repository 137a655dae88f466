"""What a classifier is fitted to: its input, checked, and the samples that are in it.

The input is an array of feature vectors with their labels, or feature maps with a label image. The
samples give vectors, squared norms and inner products, each kind by the shortest way.
"""

from collections.abc import Sequence

import numpy as np

from wsss_lib.datasets.classes import VOID
from wsss_lib.errors import ParameterError
from wsss_lib.expand import engine
from wsss_lib.expand.engine.interpolation import Grid
from wsss_lib.expand.engine.threads import run, slices
from wsss_lib.features import FeatureMap

#: Cells whose inner products are one piece of work.
CELLS = 256


def as_features(X) -> tuple[FeatureMap, ...] | np.ndarray:
    """The input of a classifier, checked: feature maps, or feature vectors as an (n, d) array.

    Raises
    ------
    ParameterError
        If there is no map, the maps belong to images of different sizes, or a value is not finite;
        if feature vectors are not a table of numbers, or empty.
    """
    if isinstance(X, FeatureMap):
        X = (X,)
    elif not (isinstance(X, Sequence) and all(isinstance(x, FeatureMap) for x in X)):
        return _as_rows(X)
    if not X:
        raise ParameterError("X is empty; at least one feature map was expected.")
    sizes = {feature.image_size for feature in X}
    if len(sizes) > 1:
        raise ParameterError(
            f"The feature maps stand for images of sizes {sorted(sizes)}; one size was expected. "
            "Take them from the same image."
        )
    for feature in X:
        if not feature.values.isfinite().all():
            raise ParameterError(
                f"Feature map {feature.name!r} holds NaN or infinity; finite values were expected. "
                "Check the network that made it."
            )
    return tuple(X)


def _as_rows(X) -> np.ndarray:
    X = np.asarray(X)
    if X.ndim != 2 or not np.issubdtype(X.dtype, np.number):
        raise ParameterError(
            f"X is a {X.ndim}-dimensional array of {X.dtype}; expected numbers of shape (n, d), a "
            "FeatureMap, or a sequence of them."
        )
    if not X.size:
        raise ParameterError(f"X has shape {X.shape}; at least one sample and one feature needed.")
    if not np.isfinite(X).all():
        raise ParameterError("X holds NaN or infinity; finite values were expected.")
    return X


def labelled_pixels(y, image_size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The pixels of a label image that are not void.

    Parameters
    ----------
    y : array_like, shape (H, W), uint8
        255 = not labelled.
    image_size : tuple of int
        The (H, W) that is expected.

    Returns
    -------
    rows, cols : ndarray, shape (n,), int64
    labels : ndarray, shape (n,)

    Raises
    ------
    ParameterError
        If the size is another, or no pixel is labelled.
    """
    y = np.asarray(y)
    if y.shape != image_size:
        raise ParameterError(
            f"The label image has shape {y.shape}; the feature maps stand for {image_size}."
        )
    rows, cols = np.nonzero(y != VOID)
    if not rows.size:
        raise ParameterError(
            f"Every pixel of the label image is void ({VOID}); at least one labelled pixel needed."
        )
    return rows, cols, y[rows, cols]


def check_labels(y, samples: int) -> np.ndarray:
    """Labels of feature vectors as an (n,) array, checked.

    Raises
    ------
    ParameterError
        If there is not one label for each sample.
    """
    y = np.asarray(y)
    if y.shape != (samples,):
        raise ParameterError(f"y has shape {y.shape}; one label for each of {samples} samples.")
    return y


class VectorSamples:
    """Samples given by their feature vectors.

    Parameters
    ----------
    X : ndarray, shape (n, d), float32 or float64

    Attributes
    ----------
    width : int
        The number of features d.
    total : float
        The sum of all features of all samples.
    squared_norms : ndarray, shape (n,), float64
    """

    def __init__(self, X: np.ndarray) -> None:
        self.X, self.width = X, X.shape[1]
        self.total = X.sum(dtype=np.float64)
        self.squared_norms = np.einsum("nd,nd->n", X, X, dtype=np.float64)

    def __len__(self) -> int:
        return len(self.X)

    def vectors(self, which: np.ndarray) -> np.ndarray:
        """Some of the feature vectors, shape (len(which), d)."""
        return self.X[which]

    def products(self, a: slice, b: slice) -> np.ndarray:
        """Inner products of two ranges of samples."""
        return self.X[a] @ self.X[b].T


class CellSamples:
    """Pixels of a map with fewer cells than there are samples; attributes as of `VectorSamples`.

    A pixel's feature is a combination of four cells, so inner products of pixels are combinations
    of inner products of cells: d features are multiplied for pairs of cells only.

    Parameters
    ----------
    map_ : FeatureMap
    rows, cols : ndarray, shape (n,), int
    dtype : dtype
        Of the inner products.
    threads : int, optional
    """

    def __init__(self, map_: FeatureMap, rows, cols, dtype, threads: int | None) -> None:
        self.map, self.rows, self.cols = map_, rows, cols
        self.width = map_.channels
        grid = Grid.of(map_)
        self.corners, self.weights = grid.corners(rows, cols)
        values = grid.cells.reshape(-1, self.width).astype(dtype, copy=False)
        self.cell_products = np.empty((len(values), len(values)), dtype)

        def work(part: slice) -> None:
            np.matmul(values[part], values.T, out=self.cell_products[part])

        run(work, slices(len(values), CELLS), threads)
        sums = values.sum(1, dtype=np.float64)
        self.total = float((sums[self.corners] * self.weights).sum())
        near = self.cell_products[self.corners[:, :, None], self.corners[:, None, :]]
        weights = self.weights.astype(np.float64)
        self.squared_norms = np.einsum("njk,nj,nk->n", near, weights, weights)

    def __len__(self) -> int:
        return len(self.rows)

    def vectors(self, which: np.ndarray) -> np.ndarray:
        """As of `VectorSamples`."""
        return self.map.at(self.rows[which], self.cols[which])

    def products(self, a: slice, b: slice) -> np.ndarray:
        """As of `VectorSamples`."""
        return engine.compiled.combine(
            self.cell_products, self.corners[a], self.weights[a], self.corners[b], self.weights[b]
        )


class JoinedSamples:
    """The same pixels in several maps, whose channels stand one after the other.

    Parameters
    ----------
    parts : sequence of VectorSamples or CellSamples
        One per map.
    """

    def __init__(self, parts: Sequence[VectorSamples | CellSamples]) -> None:
        self.parts, self.width = parts, sum(part.width for part in parts)
        self.total = sum(part.total for part in parts)
        self.squared_norms = sum(part.squared_norms for part in parts)

    def __len__(self) -> int:
        return len(self.parts[0])

    def vectors(self, which: np.ndarray) -> np.ndarray:
        """As of `VectorSamples`."""
        return np.hstack([part.vectors(which) for part in self.parts])

    def products(self, a: slice, b: slice) -> np.ndarray:
        """As of `VectorSamples`."""
        return sum(part.products(a, b) for part in self.parts)


Samples = VectorSamples | CellSamples | JoinedSamples


def scale_gamma(samples: Samples) -> float:
    """scikit-learn's ``gamma="scale"``: 1 / (d * variance of all values); 1 without variance."""
    values = len(samples) * samples.width
    variance = samples.squared_norms.sum() / values - (samples.total / values) ** 2
    return 1 / (samples.width * variance) if variance > 0 else 1.0
