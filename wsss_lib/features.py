"""Feature maps: what an image-specific classifier sees of a pixel.

A feature map stays at its own resolution. The paper brings it to image size by bilinear
interpolation (section 3.1); here single pixels are read that way when they are needed, so the
full-resolution tensor (1.5 GB for F5) never exists.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from wsss_lib.errors import ParameterError


@dataclass(frozen=True)
class FeatureMap:
    """A feature of one image at the feature's own resolution.

    Attributes
    ----------
    values : Tensor, shape (C, h, w), float32
    image_size : tuple of int
        (H, W) of the image that the map stands for.
    name : str
    """

    values: torch.Tensor
    image_size: tuple[int, int]
    name: str = ""

    @property
    def channels(self) -> int:
        """The number of channels C."""
        return self.values.shape[0]

    @property
    def size(self) -> tuple[int, int]:
        """(h, w) of the map."""
        return tuple(self.values.shape[1:])

    def zscore(self) -> "FeatureMap":
        """Every channel with mean 0 and deviation 1 over the map's own cells (section 4.1).

        A constant channel becomes 0. The deviation is that of the small map: after interpolation
        to image size it would be smaller.
        """
        mean = self.values.mean((1, 2), dtype=torch.float64)
        deviation = self.values.double().std((1, 2), correction=0)
        flat = deviation <= 1e-6 * mean.abs().clamp(min=1e-6)
        scale = torch.where(flat, 0.0, 1 / deviation.where(~flat, torch.ones_like(deviation)))
        values = (self.values.double() - mean[:, None, None]) * scale[:, None, None]
        return replace(self, values=values.float())

    def at(self, rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
        """Read pixels of the image by bilinear interpolation (``align_corners=False``).

        Parameters
        ----------
        rows, cols : ndarray, shape (n,), int
            Pixel positions in the image.

        Returns
        -------
        ndarray, shape (n, C), float32
        """
        top, bottom, down = axis_weights(self.size[0], self.image_size[0], self.values.device)
        left, right, across = axis_weights(self.size[1], self.image_size[1], self.values.device)
        rows, cols = (torch.as_tensor(np.asarray(a), dtype=torch.long) for a in (rows, cols))
        v, y, x = self.values, down[rows], across[cols]
        upper = v[:, top[rows], left[cols]] * (1 - x) + v[:, top[rows], right[cols]] * x
        lower = v[:, bottom[rows], left[cols]] * (1 - x) + v[:, bottom[rows], right[cols]] * x
        return (upper * (1 - y) + lower * y).T.contiguous().cpu().numpy()


def axis_weights(
    cells: int, pixels: int, device: torch.device | str = "cpu"
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """For one axis: which two cells each pixel lies between, and the weight of the second.

    Pixel centres are mapped to cell centres (``align_corners=False``) and clamped at the border,
    as ``torch.nn.functional.interpolate`` does.

    Returns
    -------
    first, second : Tensor, shape (pixels,), int64
    weight : Tensor, shape (pixels,), float32
        A pixel is ``(1 - weight) * map[first] + weight * map[second]``.
    """
    centre = (torch.arange(pixels, device=device, dtype=torch.float64) + 0.5) * cells / pixels - 0.5
    centre = centre.clamp(0, cells - 1)
    first = centre.floor().long()
    return first, (first + 1).clamp(max=cells - 1), (centre - first).float()
