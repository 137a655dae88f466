"""RBF decision functions by compiled loops: the fast path on a CPU.

Pixels are cut into strips and support vectors into blocks of fixed sizes. The matrix product of
a strip's cells with a block stays in the processor's cache until the compiled loop has turned it
into sums.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from wsss_lib.expand.engine import compiled
from wsss_lib.expand.engine.interpolation import Axis, axes, cells, squared_norms
from wsss_lib.expand.engine.predict_numpy import Duals
from wsss_lib.expand.engine.threads import run, slices
from wsss_lib.features import FeatureMap

#: Support vectors in a block.
BLOCK = 256
#: Feature vectors in a piece of work.
ROWS = 512
#: Rows of cells in a strip, at most an eighth of the image so that there is work for some threads.
CELL_ROWS = 6
#: Up to so many channels, kernel values are computed from differences of distinct vectors.
FEW_CHANNELS = 4


@dataclass(frozen=True)
class _Block:
    """Some support vectors, ready for the compiled loops.

    Attributes
    ----------
    support : ndarray, shape (b, d)
        Scaled so that its product with a vector is an exponent of two.
    bias : ndarray, shape (b,)
    coef : ndarray, shape (columns, b)
    """

    support: np.ndarray
    bias: np.ndarray
    coef: np.ndarray


def decide_rows(X: np.ndarray, duals: Duals, threads: int | None = None) -> np.ndarray:
    """The RBF decision functions of feature vectors.

    Parameters
    ----------
    X : ndarray, shape (n, d)
    duals : Duals
    threads : int, optional

    Returns
    -------
    ndarray, shape (n, k), float64
    """
    if X.shape[1] <= FEW_CHANNELS:
        return _decide_direct(X, duals, threads)
    dtype, factor = duals.dtype, _exponents_of_two(duals)
    centre = duals.support.mean(0)
    X = (X - centre).astype(dtype)
    norms = (factor * np.einsum("nd,nd->n", X, X, dtype=np.float64)).astype(dtype)
    blocks = list(_blocks(duals, centre))
    out = np.zeros((len(X), len(blocks[0].coef)))

    def work(part: slice) -> None:
        for block in blocks:
            products = X[part] @ block.support.T
            compiled.sum_rows(products, block.bias, norms[part], block.coef, out[part])

    run(work, slices(len(X), ROWS), threads)
    return out[:, : duals.coef.shape[1]] + duals.intercept


def decide_maps(maps: Sequence[FeatureMap], duals: Duals, threads: int | None = None) -> np.ndarray:
    """The RBF decision functions of every pixel, from inner products on the small maps.

    Parameters
    ----------
    maps : sequence of FeatureMap
        Their channels one after the other are the feature.
    duals : Duals
    threads : int, optional

    Returns
    -------
    ndarray, shape (H, W, k), float64
    """
    height, width = image_size = maps[0].image_size
    if sum(map_.channels for map_ in maps) <= FEW_CHANNELS and {map_.size for map_ in maps} == {
        image_size
    }:
        X = np.concatenate([cells(map_) for map_ in maps], axis=2).reshape(height * width, -1)
        return _decide_direct(X, duals, threads).reshape(height, width, -1)
    dtype = duals.dtype
    centre = duals.support.mean(0)
    ends = np.cumsum([map_.channels for map_ in maps])[:-1]
    grids = [
        (cells(map_) - part, *axes(map_))
        for map_, part in zip(maps, np.split(centre, ends), strict=True)
    ]
    norms = (_exponents_of_two(duals) * sum(squared_norms(*grid) for grid in grids)).astype(dtype)
    grids = [(grid.astype(dtype, copy=False), rows, cols) for grid, rows, cols in grids]
    blocks = list(_blocks(duals, centre))
    out = np.zeros((height, width, len(blocks[0].coef)))

    def work(strip: slice) -> None:
        for block in blocks:
            parts = np.split(block.support, ends, axis=1)
            slabs = [_products(grid, strip, part) for grid, part in zip(grids, parts, strict=True)]
            _sum_strip(slabs, block, norms[strip], out[strip])

    run(work, slices(height, _strip_height(maps)), threads)
    return out[..., : duals.coef.shape[1]] + duals.intercept


def _products(
    grid: tuple[np.ndarray, Axis, Axis], strip: slice, support: np.ndarray
) -> tuple[np.ndarray, tuple, tuple]:
    """Inner products of the cells under a strip, and the axes that interpolate them."""
    values, rows, cols = grid
    rows = rows[strip]
    top, bottom = rows.first[0], rows.second[-1] + 1
    slab = values[top:bottom]
    products = slab.reshape(-1, slab.shape[2]) @ support.T
    axes_ = [
        (axis.first - start, axis.second - start, axis.weight.astype(values.dtype))
        for axis, start in ((rows, top), (cols, 0))
    ]
    return products.reshape(*slab.shape[:2], -1), *axes_


def _sum_strip(slabs: list, block: _Block, norms: np.ndarray, out: np.ndarray) -> None:
    """Interpolate, exponentiate and sum; several maps meet in the exponent."""
    if len(slabs) == 1:
        compiled.sum_interpolated(
            slabs[0][0], block.bias, slabs[0][1], slabs[0][2], norms, block.coef, out
        )
        return
    exponents = np.zeros((*norms.shape, len(block.bias)), norms.dtype)
    for products, rows, cols in slabs:
        compiled.add_interpolated(products, rows, cols, exponents)
    compiled.sum_rows(
        exponents.reshape(norms.size, -1),
        block.bias,
        norms.ravel(),
        block.coef,
        out.reshape(norms.size, -1),
    )


def _decide_direct(X: np.ndarray, duals: Duals, threads: int | None) -> np.ndarray:
    """Decision functions of vectors with few features, each distinct one evaluated once."""
    dtype, scale = duals.dtype, np.sqrt(_exponents_of_two(duals))
    rows, inverse = distinct_rows(X)
    support, coef = merge_equal(duals.support, duals.coef)
    rows, support = (np.ascontiguousarray((scale * a).astype(dtype)) for a in (rows, support))
    blocks = [
        (np.ascontiguousarray(support[part].T), _columns(coef[part], dtype))
        for part in slices(len(support), BLOCK)
    ]
    out = np.zeros((len(rows), len(blocks[0][1])))

    def work(part: slice) -> None:
        for vectors, weights in blocks:
            compiled.sum_direct(rows[part], vectors, weights, out[part])

    run(work, slices(len(rows), ROWS), threads)
    return (out[:, : coef.shape[1]] + duals.intercept)[inverse]


def distinct_rows(X: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct rows of `X`, and which of them each row is.

    Columns are numbered one after the other, which for a few columns is much faster than
    ``np.unique(X, axis=0)``.

    Parameters
    ----------
    X : ndarray, shape (n, d)

    Returns
    -------
    rows : ndarray, shape (m, d)
    inverse : ndarray, shape (n,), int64
        ``rows[inverse]`` is `X`.
    """
    codes, first = np.zeros(len(X), np.int64), np.zeros(1, np.int64)
    for column in X.T:
        values, ranks = np.unique(column, return_inverse=True)
        _, first, codes = np.unique(
            codes * len(values) + ranks, return_index=True, return_inverse=True
        )
    return X[first], codes


def merge_equal(support: np.ndarray, coef: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Replace equal support vectors by one with the sum of their duals: the same function."""
    rows, inverse = distinct_rows(support)
    merged = np.zeros((len(rows), coef.shape[1]))
    np.add.at(merged, inverse, coef)
    return rows, merged


def _exponents_of_two(duals: Duals) -> float:
    """What turns a squared distance into an exponent of two."""
    return duals.gamma * np.log2(np.e)


def _blocks(duals: Duals, centre: np.ndarray) -> Iterator[_Block]:
    """The support vectors in blocks, moved by `centre`, which leaves distances as they are."""
    factor = _exponents_of_two(duals)
    for part in slices(len(duals.support), BLOCK):
        support = duals.support[part] - centre
        bias = -factor * np.einsum("nd,nd->n", support, support, dtype=np.float64)
        yield _Block(
            (2 * factor * support).astype(duals.dtype),
            bias.astype(duals.dtype),
            _columns(duals.coef[part], duals.dtype),
        )


def _columns(coef: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Duals (b, k) as contiguous rows, filled up with zeros to a multiple of the loops' columns."""
    count, problems = coef.shape
    columns = np.zeros((-(-problems // compiled.COLUMNS) * compiled.COLUMNS, count), dtype)
    columns[:problems] = coef.T
    return columns


def _strip_height(maps: Sequence[FeatureMap]) -> int:
    """Rows of pixels in a strip."""
    height = maps[0].image_size[0]
    cell_rows = max(map_.size[0] for map_ in maps)
    return max(1, min(CELL_ROWS * height // cell_rows, -(-height // 8)))
