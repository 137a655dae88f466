"""Tiny images whose classes are colours; SIPE's formulas read independently, pixel by pixel."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from wsss_lib.classify.backbones import Backbone, build_backbone
from wsss_lib.datasets.classes import ClassSet
from wsss_lib.datasets.devkit import DevkitDataset, open_devkit
from wsss_lib.datasets.images import write_mask

CLASSES = ClassSet(("background", "red", "blue"), ("bkg", "red", "blue"))


@pytest.fixture
def tiny(tmp_path, monkeypatch) -> DevkitDataset:
    """Twelve images for training, four for validation; a bright square on grey noise."""
    monkeypatch.setenv("WSSS_CACHE", str(tmp_path / "cache"))
    devkit = tmp_path / "VOCdevkit" / "VOC2012"
    for part in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (devkit / part).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for index in range(16):
        size, label = rng.integers(34, 50, 2), 1 + index % 2
        image = rng.integers(90, 120, (*size, 3), dtype=np.uint8)
        mask = np.zeros(size, np.uint8)
        row, col = rng.integers(0, size - 16)
        mask[row : row + 16, col : col + 16] = label
        image[mask > 0] = (230, 20, 20) if label == 1 else (20, 20, 230)
        Image.fromarray(image).save(devkit / "JPEGImages" / f"{index:02}.jpg")
        write_mask(devkit / "SegmentationClass" / f"{index:02}.png", mask)
    lists = devkit / "ImageSets" / "Segmentation"
    (lists / "train.txt").write_text("".join(f"{i:02}\n" for i in range(12)))
    (lists / "val.txt").write_text("".join(f"{i:02}\n" for i in range(12, 16)))
    return open_devkit("toy", tmp_path, CLASSES)


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
