"""What a data set holds."""

import numpy as np

from wsss_lib.datasets.classes import VOID, ClassSet
from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.datasets.images import write_mask
from wsss_lib.datasets.statistics import class_statistics, pixel_counts

CLASSES = ClassSet(("background", "leaf", "shell"), ("bkg", "leaf", "shell"))
COUNTS = np.array([[6, 2, 0, 0], [3, 4, 0, 1], [8, 0, 0, 0]])


def test_pixels_are_counted_by_class_with_void_last(tmp_path):
    folder = tmp_path / "VOCdevkit" / "VOC2012"
    for part in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (folder / part).mkdir(parents=True)
    write_mask(folder / "SegmentationClass" / "a.png", np.array([[0, 0, 2], [2, 2, VOID]]))
    write_mask(folder / "SegmentationClass" / "b.png", np.array([[1, VOID]]))
    dataset = DevkitDataset("toy", tmp_path, CLASSES, "train", ("a", "b"))
    np.testing.assert_array_equal(pixel_counts(dataset), [[2, 0, 3, 1], [0, 1, 0, 1]])


def test_statistics_by_class():
    table = class_statistics(COUNTS, CLASSES, samples=4)
    assert table["images"].tolist() == [3, 2, 0]
    np.testing.assert_allclose(table["pixels"], [100 * 17 / 23, 100 * 6 / 23, 0])
    np.testing.assert_allclose(table["area"], [75, 37.5, np.nan])
    assert table["small"].tolist() == [1, 1, 0]
