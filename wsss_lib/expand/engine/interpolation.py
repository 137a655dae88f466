"""Bilinear interpolation of what was computed on a small map.

A feature at a pixel is ``z = sum_k a_k f_k`` over the four cells around it, with weights that sum
to 1. Whatever is linear in z (inner products, linear decision functions) is therefore computed
on the small map and interpolated afterwards, at a cost that no longer holds channels times pixels.
"""

from dataclasses import dataclass

import numpy as np

from wsss_lib.features import FeatureMap, axis_weights


@dataclass(frozen=True)
class Axis:
    """For one axis: the two cells on either side of each pixel, and the weight of the second.

    Attributes
    ----------
    first, second : ndarray, shape (pixels,), int64
    weight : ndarray, shape (pixels,), float32
    """

    first: np.ndarray
    second: np.ndarray
    weight: np.ndarray

    @classmethod
    def between(cls, cells: int, pixels: int) -> "Axis":
        """The axis that brings `cells` to `pixels`."""
        return cls(*(part.numpy() for part in axis_weights(cells, pixels)))

    def __getitem__(self, part: slice) -> "Axis":
        return Axis(self.first[part], self.second[part], self.weight[part])

    def apply(self, values: np.ndarray, axis: int) -> np.ndarray:
        """Interpolate `values` along one of its axes."""
        weight = self.weight.reshape((-1,) + (1,) * (values.ndim - axis - 1))
        first, second = values.take(self.first, axis), values.take(self.second, axis)
        second -= first
        second *= weight
        first += second
        return first


def axes(feature: FeatureMap) -> tuple[Axis, Axis]:
    """The axes of rows and columns of a feature map."""
    return tuple(map(Axis.between, feature.size, feature.image_size))


def cells(feature: FeatureMap) -> np.ndarray:
    """The map as an array of its cells, shape (h, w, C), float32, contiguous."""
    return np.ascontiguousarray(feature.values.numpy().transpose(1, 2, 0))


def squared_norms(cells: np.ndarray, rows: Axis, cols: Axis) -> np.ndarray:
    """``|z|^2`` of every pixel, from the inner products of neighbouring cells.

    ``|z|^2 = sum_jk a_j a_k <f_j, f_k>`` over the four cells around a pixel: each cell's product
    with itself and with its right, lower and two diagonal neighbours is enough.

    Parameters
    ----------
    cells : ndarray, shape (h, w, C), float32
    rows, cols : Axis

    Returns
    -------
    ndarray, shape (H, W), float64
    """

    def products(down: int, left: int, right: int) -> np.ndarray:
        """Of the cells (y, x + left) with (y + down, x + right), zero where there is none."""
        height, width, _ = cells.shape
        one = cells[: height - down, left : width - right]
        other = cells[down:, right : width - left]
        result = np.zeros((height, width))
        result[: height - down, : width - left - right] = np.einsum(
            "yxc,yxc->yx", one, other, dtype=np.float64
        )
        return result

    same, beside, below = products(0, 0, 0), products(0, 0, 1), products(1, 0, 0)
    falling, rising = products(1, 0, 1), products(1, 1, 0)
    wy, wx = rows.weight[:, None].astype(np.float64), cols.weight.astype(np.float64)

    def at(values: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        return values[np.ix_(y, x)]

    def along(y: np.ndarray) -> np.ndarray:
        """The squared norm interpolated within the cell row `y`."""
        a, b = 1 - wx, wx
        squares = a**2 * at(same, y, cols.first) + b**2 * at(same, y, cols.second)
        return squares + 2 * a * b * at(beside, y, cols.first)

    top, left, right = rows.first, cols.first, cols.second
    across = (
        (1 - wx) ** 2 * at(below, top, left)
        + wx**2 * at(below, top, right)
        + (1 - wx) * wx * (at(falling, top, left) + at(rising, top, left))
    )
    return (1 - wy) ** 2 * along(top) + wy**2 * along(rows.second) + 2 * (1 - wy) * wy * across
