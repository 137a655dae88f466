"""RBF decision functions in torch: the path for accelerators, the same on CPU tensors."""

from collections.abc import Sequence

import numpy as np
import torch

from wsss_lib.expand.engine.interpolation import axes, cells, squared_norms
from wsss_lib.expand.engine.predict_numpy import Duals
from wsss_lib.expand.engine.threads import slices
from wsss_lib.features import FeatureMap

#: Kernel values that are held at once.
VALUES = 2**24
#: Support vectors in a block.
BLOCK = 1024


def decide_rows(
    X: np.ndarray, duals: Duals, threads: int | None = None, device: str = "cpu"
) -> np.ndarray:
    """The RBF decision functions of feature vectors.

    Parameters
    ----------
    X : ndarray, shape (n, d)
    duals : Duals
    threads : int, optional
        Left to torch.
    device : str

    Returns
    -------
    ndarray, shape (n, k), float64
    """
    support, coef, dtype = _moved(duals, device)
    X = torch.as_tensor(X - duals.support.mean(0)).to(device, dtype)
    norms = X.double().square().sum(1)
    out = torch.zeros((len(X), coef.shape[1]), dtype=torch.float64, device=device)
    for part in slices(len(X), VALUES // BLOCK):
        for block in slices(len(support), BLOCK):
            products = X[part] @ support[block].T
            out[part] += _kernel(products, norms[part], support[block], duals.gamma) @ coef[block]
    return out.cpu().numpy() + duals.intercept


def decide_maps(
    maps: Sequence[FeatureMap], duals: Duals, threads: int | None = None, device: str = "cpu"
) -> np.ndarray:
    """The RBF decision functions of every pixel, from inner products on the small maps.

    Parameters
    ----------
    maps : sequence of FeatureMap
    duals, threads, device
        As in `decide_rows`.

    Returns
    -------
    ndarray, shape (H, W, k), float64
    """
    height, width = maps[0].image_size
    support, coef, dtype = _moved(duals, device)
    counts = [map_.channels for map_ in maps]
    centres = np.split(duals.support.mean(0), np.cumsum(counts)[:-1])
    grids = [(cells(map_) - part, *axes(map_)) for map_, part in zip(maps, centres, strict=True)]
    norms = torch.as_tensor(sum(squared_norms(*grid) for grid in grids)).to(device)
    tensors = [_tensors(*grid, device, dtype) for grid in grids]
    out = torch.zeros((height, width, coef.shape[1]), dtype=torch.float64, device=device)
    for strip in slices(height, max(1, VALUES // (BLOCK * width))):
        for block in slices(len(support), BLOCK):
            parts = support[block].split(counts, dim=1)
            products = sum(
                _interpolated(grid, strip, part) for grid, part in zip(tensors, parts, strict=True)
            )
            out[strip] += _kernel(products, norms[strip], support[block], duals.gamma) @ coef[block]
    return out.cpu().numpy() + duals.intercept


def _moved(duals: Duals, device: str) -> tuple[torch.Tensor, torch.Tensor, torch.dtype]:
    """Support vectors about their mean, which leaves distances as they are, and duals."""
    dtype = torch.float64 if duals.dtype == np.float64 else torch.float32
    support = torch.as_tensor(duals.support - duals.support.mean(0)).to(device, dtype)
    return support, torch.as_tensor(duals.coef).to(device), dtype


def _tensors(values, rows, cols, device: str, dtype: torch.dtype) -> tuple:
    """Cells and axes as tensors."""
    axes_ = [
        tuple(torch.as_tensor(part).to(device) for part in (axis.first, axis.second, axis.weight))
        for axis in (rows, cols)
    ]
    return torch.as_tensor(values).to(device, dtype), *axes_


def _interpolated(grid: tuple, strip: slice, support: torch.Tensor) -> torch.Tensor:
    """Inner products of a strip of pixels with some support vectors, (rows, W, n_sv)."""
    values, rows, (left, right, across) = grid
    top, bottom, down = (part[strip] for part in rows)
    first = int(top[0])
    products = values[first : int(bottom[-1]) + 1] @ support.T
    down, across = down.to(products)[:, None, None], across.to(products)[:, None]
    between = torch.lerp(products[top - first], products[bottom - first], down)
    return torch.lerp(between[:, left], between[:, right], across)


def _kernel(
    products: torch.Tensor, norms: torch.Tensor, support: torch.Tensor, gamma: float
) -> torch.Tensor:
    """Inner products to kernel values; float64, for the sums that follow."""
    own = support.double().square().sum(1)
    exponents = 2 * products - norms[..., None].to(products) - own.to(products)
    return (gamma * exponents).clamp_(max=0).exp_().double()
