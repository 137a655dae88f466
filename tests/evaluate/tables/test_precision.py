import json

import numpy as np
import pytest

from wsss_lib.datasets.classes import ClassSet
from wsss_lib.evaluate.tables.precision import count_right, precision_table
from wsss_lib.expand.sampling import sample_mask

CLASSES = ClassSet(("background", "leaf", "shell"), ("bkg", "leaf", "shell"))


def test_samples_are_counted_by_their_label_and_void_is_left_out():
    seed = np.array([[0, 0, 0, 0], [1, 1, 1, 1]], np.uint8)
    truth = np.array([[0, 0, 1, 255], [1, 2, 0, 255]], np.uint8)
    assert count_right(sample_mask(seed, 9), truth) == {0: [2, 3], 1: [1, 3]}


def test_precision_is_pooled_over_images_not_averaged():
    rows = [{0: [9, 10], 1: [1, 2]}, {0: [50, 90]}]
    table = precision_table(json.loads(json.dumps(rows)), CLASSES)
    assert table.index.tolist() == ["bkg", "leaf", "shell", "all"]
    assert table["right"].tolist() == [59, 1, 0, 60]
    assert table["drawn"].tolist() == [100, 2, 0, 102]
    expected = [59, 50, np.nan, 100 * 60 / 102]
    np.testing.assert_allclose(table["precision"], expected)
    assert precision_table(rows, CLASSES).equals(table)


def test_a_class_with_nothing_but_void_has_no_precision():
    samples = sample_mask(np.ones((2, 2), np.uint8), 4)
    row = count_right(samples, np.full((2, 2), 255, np.uint8))
    assert row == {1: [0, 0]}
    assert precision_table([row], CLASSES)["precision"].isna().all()


def test_samples_of_the_truth_are_all_right():
    truth = np.random.default_rng(0).integers(0, 3, (20, 20)).astype(np.uint8)
    table = precision_table([count_right(sample_mask(truth, 50), truth)], CLASSES)
    assert table["drawn"].tolist() == [50, 50, 50, 150]
    assert table["precision"].tolist() == pytest.approx([100] * 4)
