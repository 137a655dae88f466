"""Bilinear interpolation of what was computed on a small map.

A feature at a pixel is ``z = sum_k a_k f_k`` over the four cells around it, with weights that sum
to 1. Whatever is linear in z (inner products, linear decision functions) is therefore computed
on the small map and interpolated afterwards, at a cost that no longer holds channels times pixels.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from wsss_lib.features import FeatureMap, axis_weights


class Axis(NamedTuple):
    """For one axis: the two cells on either side of each pixel, and the weight of the second.

    Attributes
    ----------
    first, second : ndarray, shape (pixels,), int64
    weight : ndarray, shape (pixels,), float32
    """

    first: np.ndarray
    second: np.ndarray
    weight: np.ndarray

    def apply(self, values: np.ndarray, axis: int) -> np.ndarray:
        """Interpolate `values` along one of its axes."""
        weight = self.weight.reshape((-1,) + (1,) * (values.ndim - axis - 1))
        first, second = values.take(self.first, axis), values.take(self.second, axis)
        second -= first
        second *= weight
        first += second
        return first


@dataclass(frozen=True)
class Grid:
    """The cells of a feature map, or of some of its rows, and the pixels that they stand for.

    Attributes
    ----------
    cells : ndarray, shape (h, w, C), float32 or float64, contiguous
    rows, cols : Axis
        Of the (H, W) pixels.
    """

    cells: np.ndarray
    rows: Axis
    cols: Axis

    @classmethod
    def of(cls, map_: FeatureMap) -> "Grid":
        """The grid of a whole map, float32."""
        rows, cols = (
            Axis(*(part.numpy() for part in axis_weights(cells, pixels)))
            for cells, pixels in zip(map_.size, map_.image_size, strict=True)
        )
        return cls(np.ascontiguousarray(map_.values.numpy().transpose(1, 2, 0)), rows, cols)

    def strip(self, part: slice) -> "Grid":
        """Some rows of pixels, and the cells under them."""
        first, second, weight = (values[part] for values in self.rows)
        top, bottom = first[0], second[-1] + 1
        return Grid(self.cells[top:bottom], Axis(first - top, second - top, weight), self.cols)

    def interpolated(self, values: np.ndarray) -> np.ndarray:
        """Values of the cells, (h, w, ...), at the pixels, (H, W, ...)."""
        return self.cols.apply(self.rows.apply(values, 0), 1)

    def corners(self, rows: np.ndarray, cols: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The four cells round some pixels, as indices of a flat map, and their weights: (n, 4)."""
        top, bottom, down = (values[rows] for values in self.rows)
        left, right, across = (values[cols] for values in self.cols)
        corners = [y * self.cells.shape[1] + x for y in (top, bottom) for x in (left, right)]
        weights = [v * u for v in (1 - down, down) for u in (1 - across, across)]
        return np.stack(corners, 1).astype(np.int32), np.stack(weights, 1)

    def squared_norms(self) -> np.ndarray:
        """``|z|^2`` of every pixel, from the inner products of neighbouring cells.

        ``|z|^2 = sum_jk a_j a_k <f_j, f_k>`` over the four cells around a pixel: each cell's
        product with itself and with its right, lower and two diagonal neighbours is enough.

        Returns
        -------
        ndarray, shape (H, W), float64
        """

        def products(down: int, left: int, right: int) -> np.ndarray:
            """Of the cells (y, x + left) with (y + down, x + right), zero where there is none."""
            height, width, _ = self.cells.shape
            one = self.cells[: height - down, left : width - right]
            other = self.cells[down:, right : width - left]
            result = np.zeros((height, width))
            result[: height - down, : width - left - right] = np.einsum(
                "yxc,yxc->yx", one, other, dtype=np.float64
            )
            return result

        same, beside, below = products(0, 0, 0), products(0, 0, 1), products(1, 0, 0)
        falling, rising = products(1, 0, 1), products(1, 1, 0)
        (top, bottom, wy), (left, right, wx) = self.rows, self.cols
        wy, wx = wy[:, None].astype(np.float64), wx.astype(np.float64)

        def at(values: np.ndarray, y: np.ndarray, x: np.ndarray) -> np.ndarray:
            return values[np.ix_(y, x)]

        def along(y: np.ndarray) -> np.ndarray:
            """The squared norm interpolated within the cell row `y`."""
            a, b = 1 - wx, wx
            squares = a**2 * at(same, y, left) + b**2 * at(same, y, right)
            return squares + 2 * a * b * at(beside, y, left)

        across = (
            (1 - wx) ** 2 * at(below, top, left)
            + wx**2 * at(below, top, right)
            + (1 - wx) * wx * (at(falling, top, left) + at(rising, top, left))
        )
        return (1 - wy) ** 2 * along(top) + wy**2 * along(bottom) + 2 * (1 - wy) * wy * across
