import numpy as np
import pytest

from wsss_lib.datasets.classes import ClassSet
from wsss_lib.evaluate.coverage import coverage_by_n, sample_coverage
from wsss_lib.expand.sampling import sample_mask

CLASSES = ClassSet(("background", "absent", "small"), ("bkg", "absent", "small"))


def test_each_class_present_is_counted_void_never():
    mask = np.array([[0, 0, 0, 0], [2, 2, 255, 255]], np.uint8)
    table = sample_coverage(mask, sample_mask(mask, 3), CLASSES)
    assert table.to_dict("index") == {
        "background": {"pixels": 4, "sampled": 3, "held out": 1, "share": 75.0},
        "small": {"pixels": 2, "sampled": 2, "held out": 0, "share": 100.0},
    }


def test_coverage_of_a_data_set():
    # two images: background, two classes, void
    counts = np.array([[100, 10, 0, 5], [60, 0, 30, 0]])
    table = coverage_by_n(counts, [10, 20])
    assert table.index.tolist() == [10, 20]
    # an object with exactly n pixels has not fewer
    assert table["objects with fewer pixels"].tolist() == [0, 50]
    assert table["object pixels sampled"].tolist() == pytest.approx([50, 75])
    assert table["background pixels sampled"].tolist() == pytest.approx([12.5, 25])
