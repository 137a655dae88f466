"""Feature maps: what an image-specific classifier sees of a pixel.

A feature map stays at its own resolution. The paper brings it to image size by bilinear
interpolation (section 3.1); here single pixels are read that way when they are needed, so the
full-resolution tensor (1.5 GB for F5) never exists.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from wsss_lib.classify.backbones import Backbone
from wsss_lib.errors import ParameterError

#: The stages of the backbone.
STAGES = ("F1", "F2", "F3", "F4", "F5")
#: The layers of the paper's Table 1: the pixels and the five stages of the backbone.
LAYERS = ("img", *STAGES)
#: All that can be extracted; ``xy``, the pixel's coordinates, is a control.
KNOWN_LAYERS = ("img", "xy", *STAGES)


@dataclass(frozen=True)
class FeatureMap:
    """A feature of one image at the feature's own resolution.

    Attributes
    ----------
    values : Tensor, shape (C, h, w), float32
        On the CPU.
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
        top, bottom, down = axis_weights(self.size[0], self.image_size[0])
        left, right, across = axis_weights(self.size[1], self.image_size[1])
        rows, cols = (torch.as_tensor(np.asarray(a), dtype=torch.long) for a in (rows, cols))
        v = self.values.permute(1, 2, 0).contiguous()  # a cell's channels lie side by side
        y, x = down[rows, None], across[cols, None]
        upper = v[top[rows], left[cols]] * (1 - x) + v[top[rows], right[cols]] * x
        lower = v[bottom[rows], left[cols]] * (1 - x) + v[bottom[rows], right[cols]] * x
        return (upper * (1 - y) + lower * y).numpy()


def axis_weights(cells: int, pixels: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """For one axis: the two cells on either side of each pixel, and the weight of the second.

    Pixel centres are mapped to cell centres (``align_corners=False``) and clamped at the border,
    as ``torch.nn.functional.interpolate`` does.

    Returns
    -------
    first, second : Tensor, shape (pixels,), int64
    weight : Tensor, shape (pixels,), float32
        A pixel is ``(1 - weight) * map[first] + weight * map[second]``.
    """
    centre = (torch.arange(pixels, dtype=torch.float64) + 0.5) * cells / pixels - 0.5
    centre = centre.clamp(0, cells - 1)
    first = centre.floor().long()
    return first, (first + 1).clamp(max=cells - 1), (centre - first).float()


def split_feature(feature: str) -> tuple[tuple[str, ...], str]:
    """The layers that a feature consists of, and the sign between them.

    ``F1+F3`` concatenates channels, as the paper does (section 4.2); ``F1*F3`` multiplies the
    layers' kernels, see `wsss_lib.expand.product.ProductSVM`.

    >>> split_feature("F1*F3"), split_feature("img")
    ((('F1', 'F3'), '*'), (('img',), ''))

    Raises
    ------
    ParameterError
        If a layer is unknown or named twice, or both signs are used.
    """
    layers = tuple(re.split(r"[+*]", feature))
    check_layers(layers)
    signs = "".join(dict.fromkeys(re.findall(r"[+*]", feature)))
    if len(signs) > 1 or len(set(layers)) < len(layers):
        raise ParameterError(
            f"No feature {feature!r}; expected a layer, or different ones joined by + or by *."
        )
    return layers, signs


def needs_backbone(feature: str) -> bool:
    """Whether a feature, or a part of it, comes from the network: all but ``img`` and ``xy`` do."""
    return any(layer in STAGES for layer in re.split(r"[+*]", feature))


def check_layers(layers: Sequence[str]) -> None:
    """Check names of layers before long work starts.

    Raises
    ------
    ParameterError
        If a layer is unknown.
    """
    for layer in layers:
        if layer not in KNOWN_LAYERS:
            raise ParameterError(f"No layer {layer!r}; expected some of {', '.join(KNOWN_LAYERS)}.")


def check_backbone(layers: Sequence[str], backbone: object | None) -> None:
    """Check that there is a network (or what stands for one) if a layer needs it.

    Raises
    ------
    ParameterError
        If there is none.
    """
    needed = [layer for layer in layers if needs_backbone(layer)]
    if needed and backbone is None:
        raise ParameterError(
            f"The layer {needed[0]} comes from a network and none was given. Give a backbone, or "
            "ask for img or xy only."
        )


def extract(
    image: np.ndarray, layers: Sequence[str], backbone: Backbone | None = None, zscore: bool = True
) -> dict[str, FeatureMap]:
    """The features of an image (section 4.1), each at its own resolution.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3), uint8
    layers : sequence of str
        Some of `KNOWN_LAYERS`: ``img`` are the pixels (3, H, W), ``xy`` each pixel's column and
        row (2, H, W), F1..F5 the stages of the backbone.
    backbone : Backbone, optional
        Put in evaluation mode, and run no deeper than the layers ask for.
    zscore : bool
        Whether each channel is brought to mean 0 and deviation 1, see `FeatureMap.zscore`.

    Returns
    -------
    dict of str to FeatureMap
        In the order of `layers`; float32 on the CPU.

    Raises
    ------
    ParameterError
        If a layer is unknown, or comes from a network and there is none.
    """
    check_layers(layers)
    check_backbone(layers, backbone)
    size = image.shape[:2]
    depth = max((LAYERS.index(layer) for layer in layers if layer != "xy"), default=0)
    values = dict(zip(STAGES, _stages(image, backbone, depth), strict=False))
    values["img"] = torch.from_numpy(image.transpose(2, 0, 1).astype(np.float32))
    values["xy"] = torch.from_numpy(np.indices(size, np.float32)[::-1].copy())
    maps = {layer: FeatureMap(values[layer], size, layer) for layer in layers}
    return {layer: map_.zscore() for layer, map_ in maps.items()} if zscore else maps


def _stages(image: np.ndarray, backbone: Backbone | None, depth: int) -> list[torch.Tensor]:
    if depth == 0:
        return []
    backbone.eval()
    with torch.no_grad():
        return [map_[0].cpu() for map_ in backbone.stages(backbone.normalise(image), depth)]
