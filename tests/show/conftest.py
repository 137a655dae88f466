"""A data set of two images of two and three classes, and no window."""

import matplotlib
import numpy as np
import pytest
from PIL import Image

from wsss_lib.datasets.classes import ClassSet
from wsss_lib.datasets.devkit import DevkitDataset, open_devkit
from wsss_lib.datasets.images import write_mask

matplotlib.use("Agg")

CLASSES = ClassSet(("background", "left", "low"), ("bkg", "left", "low"))


@pytest.fixture
def pair(tmp_path) -> DevkitDataset:
    """Images ``two`` and ``three`` of 24 x 32 pixels, named after their number of classes."""
    devkit = tmp_path / "VOCdevkit" / "VOC2012"
    for part in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (devkit / part).mkdir(parents=True)
    rng = np.random.default_rng(0)
    mask = np.zeros((24, 32), np.uint8)
    mask[:, :10] = 1
    mask[0] = 255
    third = mask.copy()
    third[22:, 30:] = 2  # four pixels
    for id_, truth in {"two": mask, "three": third}.items():
        image = rng.normal(80, 20, (24, 32, 3)) + 60 * (truth % 255)[..., None]
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(devkit / f"JPEGImages/{id_}.jpg")
        write_mask(devkit / "SegmentationClass" / id_, truth)
    (devkit / "ImageSets/Segmentation/train.txt").write_text("two\nthree\n")
    return open_devkit("pair", tmp_path, CLASSES)
