import numpy as np
import pytest

from wsss_lib.evaluate.tables.pool_sizes import pool_sizes
from wsss_lib.expand.sampling import PixelSamples


def samples(**counts):
    """So many samples of the classes a, b, c = 0, 1, 2."""
    labels = np.repeat(
        np.array(["abc".index(name) for name in counts], np.uint8), [*counts.values()]
    )
    where = np.zeros(len(labels), int)
    return PixelSamples(where, where, labels, (9, 9), 12)


def test_the_sizes_are_those_of_the_samples():
    table = pool_sizes([samples(a=12, b=12), samples(a=12, b=6), samples(a=12, c=6)], [1, 2])
    assert table.index.tolist() == ["own", "x1", "x2"]
    own, single, double = table.to_dict("records")
    assert own["samples"] == single["samples"] == 20  # 60 samples of three images
    assert (own["of a class"], own["background of an image"]) == (10, 12)
    assert own["an object of an image"] == 8
    assert own["background (%)"] == pytest.approx(100 * 36 / 60)
    # a third of what each image has of each class
    assert single["of a class"] == pytest.approx(20 / 3)
    assert single["background (%)"] == pytest.approx(100 * 12 / 20)
    assert single["background of an image"] == 4
    assert single["an object of an image"] == pytest.approx((4 + 2 + 2) / 3)
    assert double["samples"] == 40
    assert double["kernel (MB)"] == pytest.approx(4 * 40**2 / 1e6)


def test_an_image_of_which_nothing_is_taken_counts():
    table = pool_sizes([samples(a=1)] * 9 + [samples(a=1, b=9)], [1])
    assert table.loc["x1", "samples"] == 2  # of 1.9 in the mean
    assert table.loc["x1", "background of an image"] == pytest.approx(0.1)
    assert table.loc["x1", "an object of an image"] == 1


def test_images_without_background_or_objects_have_no_number_there():
    only = pool_sizes([samples(b=4)], [1])
    assert only["background of an image"].isna().all()
    assert pool_sizes([samples(a=4)], [1])["an object of an image"].isna().all()
