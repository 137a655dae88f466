"""RBF decision functions by compiled loops: the fast path on a CPU.

Pixels are cut into strips and support vectors into blocks of fixed sizes. The matrix product of
a strip's cells with a block stays in the processor's cache until the compiled loop has turned it
into sums.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from wsss_lib.expand.engine import compiled
from wsss_lib.expand.engine.duals import Duals
from wsss_lib.expand.engine.interpolation import Grid
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

#: Some support vectors, ready for the compiled loops: the vectors, (b, d), scaled so that their
#: product with a vector is an exponent of two; what is added to it, (b,); the duals, (columns, b).
Block = tuple[np.ndarray, np.ndarray, np.ndarray]


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
    out = np.zeros((len(X), len(blocks[0][-1])))

    def work(part: slice) -> None:
        for support, bias, coef in blocks:
            compiled.sum_rows(X[part] @ support.T, bias, norms[part], coef, out[part])

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
    grids = [Grid.of(map_) for map_ in maps]
    ends = np.cumsum([map_.channels for map_ in maps])
    if ends[-1] <= FEW_CHANNELS and {map_.size for map_ in maps} == {image_size}:
        X = np.concatenate([grid.cells for grid in grids], axis=2).reshape(height * width, -1)
        return _decide_direct(X, duals, threads).reshape(height, width, -1)
    dtype = duals.dtype
    centre = duals.support.mean(0)
    parts = np.split(centre, ends[:-1])
    grids = [replace(g, cells=g.cells - part) for g, part in zip(grids, parts, strict=True)]
    norms = _exponents_of_two(duals) * sum(grid.squared_norms() for grid in grids)
    norms = norms.astype(dtype)
    grids = [replace(grid, cells=grid.cells.astype(dtype, copy=False)) for grid in grids]
    blocks = list(_blocks(duals, centre))
    out = np.zeros((height, width, len(blocks[0][-1])))

    def work(part: slice) -> None:
        strips = [grid.strip(part) for grid in grids]
        for block in blocks:
            _sum_strip(strips, block, ends[:-1], norms[part], out[part])

    run(work, slices(height, _strip_height(maps)), threads)
    return out[..., : duals.coef.shape[1]] + duals.intercept


def _sum_strip(
    grids: list[Grid], block: Block, ends: np.ndarray, norms: np.ndarray, out: np.ndarray
) -> None:
    """Interpolate, exponentiate and sum; several maps meet in the exponent."""
    support, bias, coef = block
    products = [
        (grid.cells.reshape(-1, grid.cells.shape[2]) @ part.T).reshape(*grid.cells.shape[:2], -1)
        for grid, part in zip(grids, np.split(support, ends, axis=1), strict=True)
    ]
    if len(grids) == 1:
        (grid,) = grids
        compiled.sum_interpolated(products[0], bias, grid.rows, grid.cols, norms, coef, out)
        return
    exponents = np.zeros((*norms.shape, len(bias)), norms.dtype)
    for grid, values in zip(grids, products, strict=True):
        compiled.add_interpolated(values, grid.rows, grid.cols, exponents)
    flat, pixels = out.reshape(norms.size, -1), exponents.reshape(norms.size, -1)
    compiled.sum_rows(pixels, bias, norms.ravel(), coef, flat)


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


def _blocks(duals: Duals, centre: np.ndarray) -> Iterator[Block]:
    """The support vectors in blocks, moved by `centre`, which leaves distances as they are."""
    factor = _exponents_of_two(duals)
    for part in slices(len(duals.support), BLOCK):
        support = duals.support[part] - centre
        bias = -factor * np.einsum("nd,nd->n", support, support, dtype=np.float64)
        support, bias = (values.astype(duals.dtype) for values in (2 * factor * support, bias))
        yield support, bias, _columns(duals.coef[part], duals.dtype)


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
