"""A data set of a few tiny images whose classes are colours, so that a network learns them fast."""

import numpy as np
import pytest
from PIL import Image

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
