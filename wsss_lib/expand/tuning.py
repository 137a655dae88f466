"""How much each layer counts in a product of kernels, judged on half of the labelled pixels.

Weights are chosen on a lattice by greedy ensemble selection with replacement (Caruana et al., ICML
2004): the best layer alone, and then one unit after the other for the layer that lowers the loss
most. The inner products of each layer are computed once, so that a candidate costs an exponential
of their weighted sum, a fit over the finished Gram matrix and a matrix product.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from wsss_lib.expand.engine.backends import backend
from wsss_lib.expand.engine.fit import pixel_samples
from wsss_lib.expand.engine.threads import run, slices
from wsss_lib.expand.svm import ImageSVM, one_vs_rest
from wsss_lib.features import FeatureMap

#: Units that are shared out among the layers.
STEPS = 4
#: Of the random halves, so that the same samples give the same weights.
SEED = 0
#: Samples whose kernel values are one piece of work: few, so that it stays in the cache.
ROWS = 32


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
        One a layer.
    rows, cols : ndarray, shape (n,), int
        The labelled pixels.
    labels : ndarray, shape (n,)
    gammas : ndarray, shape (n_layers,), float64
        Of each layer's RBF kernel.
    svm : ImageSVM
        Its C, tol, device and threads are used.

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

    As ``sklearn.metrics.hinge_loss``, which cannot be told that one of two classes is absent.

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
    samples = pixel_samples([map_], rows, cols, svm.C, backend(svm.device), svm.threads)
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
    gaussian = backend(svm.device).gaussian

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
    solve = backend(svm.device).solve
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
