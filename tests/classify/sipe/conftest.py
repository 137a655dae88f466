"""An independent reading of SIPE's formulas, pixel by pixel in float64, and networks to try."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch.nn import functional

from wsss_lib.classify.backbones import Backbone, build_backbone


def likeness(source: np.ndarray, maps: np.ndarray) -> np.ndarray:
    """The soft IoU of structure maps and maps, without the background's weight: (C, h, w)."""
    cells = source.reshape(len(source), -1).T.astype(np.float64)
    maps = maps.astype(np.float64)
    result = np.zeros(maps.shape)
    for index, cell in enumerate(cells):
        lengths = (np.linalg.norm(cell) + 1e-5) * (np.linalg.norm(cells, axis=1) + 1e-5)
        structure = np.maximum((cells * cell).sum(1) / lengths, 0).reshape(maps.shape[1:])
        for channel, map_ in enumerate(maps):
            shared = (structure * map_).sum()
            union = (structure + map_ - structure * map_).sum()
            place = np.unravel_index(index, maps.shape[1:])
            result[(channel, *place)] = shared / union if union else 0
    return result


def seeds(source: np.ndarray, maps: np.ndarray, weight: float) -> np.ndarray:
    """The one-hot seeds (C, h, w) of one image."""
    alike = likeness(source, maps)
    alike[0] *= weight
    return (alike == alike.max(0)).astype(np.float64)


def cams(seeds: np.ndarray, features: np.ndarray) -> np.ndarray:
    """The image-specific CAMs (C, h, w) of one image: cosines to the mean feature of the seeds."""
    lengths = np.linalg.norm(features, axis=0)
    result = np.zeros(seeds.shape)
    for channel, seed in enumerate(seeds):
        if seed.any():
            mean = features[:, seed > 0].mean(1)
            cosine = np.tensordot(mean, features, 1) / (np.linalg.norm(mean) * lengths)
            result[channel] = np.maximum(cosine, 0)
    return result


@pytest.fixture(scope="session")
def oracle() -> SimpleNamespace:
    """The functions above: tests cannot import this file."""
    return SimpleNamespace(seeds=seeds, cams=cams)


@pytest.fixture(scope="session")
def pretrained_file(tmp_path_factory):
    """A file of weights: what comes from one counts as pretrained."""
    path = tmp_path_factory.mktemp("weights") / "some.pth"
    torch.save(build_backbone("resnet18").body.state_dict(), path)
    return path


@pytest.fixture(params=["random", "pretrained"])
def backbone(request) -> Backbone:
    if request.param == "random":
        return build_backbone("resnet18")
    return build_backbone("resnet18", request.getfixturevalue("pretrained_file"))


@pytest.fixture
def colour_backbone() -> Backbone:
    """Its stages are mean colours of cells in random mixtures.

    Unlike random weights' they tell cells apart well enough that every channel gets seeds.
    """
    backbone = build_backbone("resnet18")
    generator = torch.Generator().manual_seed(0)
    mixtures = [torch.randn(c, 3, generator=generator) for c in backbone.channels]

    def stages(x: torch.Tensor) -> list[torch.Tensor]:
        cells = [functional.avg_pool2d(x, n, ceil_mode=True) for n in (2, 4, 8, 16, 16)]
        pairs = zip(mixtures, cells, strict=True)
        return [torch.einsum("dc,nchw->ndhw", mixture, cell) for mixture, cell in pairs]

    backbone.stages = stages
    return backbone
