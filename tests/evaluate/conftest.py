"""A tiny devkit of four images with two or three classes."""

import numpy as np
import pytest
from PIL import Image

from wsss_lib.datasets.classes import ClassSet
from wsss_lib.datasets.devkit import open_devkit
from wsss_lib.datasets.images import write_mask

CLASSES = ClassSet(("background", "left", "low"), ("bkg", "left", "low"))


@pytest.fixture
def tiny(tmp_path):
    """Four images of 24 x 32 pixels; the classes differ a little in colour."""
    devkit = tmp_path / "VOCdevkit" / "VOC2012"
    for part in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (devkit / part).mkdir(parents=True)
    rng = np.random.default_rng(0)
    ids = [f"tiny_{number}" for number in range(4)]
    for number, id_ in enumerate(ids):
        mask = np.zeros((24, 32), np.uint8)
        mask[:, : 8 + number] = 1
        mask[16:, 12:] = 2 if number % 2 else 0
        mask[0] = 255
        image = rng.normal(100, 25, (24, 32, 3)) + 40 * np.where(mask == 255, 0, mask)[..., None]
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(devkit / f"JPEGImages/{id_}.jpg")
        write_mask(devkit / "SegmentationClass" / id_, mask)
    (devkit / "ImageSets/Segmentation/train.txt").write_text("\n".join(ids) + "\n")
    return open_devkit("tiny", tmp_path, CLASSES)
