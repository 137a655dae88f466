"""Resolution against semantics on the cells of a map."""

import numpy as np
import pytest

from wsss_lib.datasets.classes import VOID, ClassSet
from wsss_lib.datasets.devkit import Sample
from wsss_lib.evaluate.cells import (
    cell_labels,
    nearest_mean_recall,
    one_label_per_cell,
    resize_labels,
)


class Few:
    """Images in memory with the face of a data set."""

    classes = ClassSet(("background", "leaf", "shell"), ("bkg", "leaf", "shell"))

    def __init__(self, *samples):
        self.samples = {sample.id: sample for sample in samples}
        self.ids = tuple(self.samples)

    def __len__(self):
        return len(self.ids)

    def __iter__(self):
        return iter(self.samples.values())

    def mask(self, id_):
        return self.samples[id_].mask


def picture(id_, mask):
    """An image whose red channel tells the class: 0, 100 or 200."""
    mask = np.array(mask, np.uint8)
    image = np.zeros((*mask.shape, 3), np.uint8)
    image[..., 0] = np.where(mask == VOID, 50, 100 * np.minimum(mask, 2))
    return Sample(id_, image, mask)


def test_a_cell_gets_its_most_frequent_class():
    mask = np.array([[1, 1, 0, 2], [1, 0, 2, 0]], np.uint8)
    np.testing.assert_array_equal(cell_labels(mask, (1, 2)), [[1, 0]])


def test_void_counts_only_where_a_cell_holds_nothing_else():
    mask = np.array([[VOID, VOID, VOID, 2], [VOID, VOID, VOID, VOID]], np.uint8)
    np.testing.assert_array_equal(cell_labels(mask, (1, 2)), [[VOID, 2]])
    np.testing.assert_array_equal(cell_labels(mask[:, :2], (2, 1)), [[VOID], [VOID]])


def test_cells_of_one_pixel_keep_the_mask():
    mask = np.random.default_rng(0).integers(0, 3, (5, 7)).astype(np.uint8)
    np.testing.assert_array_equal(cell_labels(mask, mask.shape), mask)
    np.testing.assert_array_equal(resize_labels(mask, mask.shape), mask)


def test_spreading_covers_sides_that_cells_do_not_divide():
    spread = resize_labels(np.array([[0, 1, 2]], np.uint8), (2, 7))
    np.testing.assert_array_equal(spread, [[0, 0, 0, 1, 1, 2, 2]] * 2)


def test_iou_of_coarse_masks_by_hand():
    dataset = Few(picture("a", [[1, 1, 1, 0], [1, 1, 0, 0]]))
    table = one_label_per_cell(dataset, [1, 2])
    assert table.loc[1, "mean"] == 100
    # at stride 2 the left cell is leaf, the right one background: one leaf pixel is lost
    assert table.loc[2, "leaf"] == pytest.approx(100 * 4 / 5)
    assert table.loc[2, "bkg"] == pytest.approx(100 * 3 / 4)
    assert np.isnan(table.loc[2, "shell"])


def test_classes_of_one_colour_are_recognised_and_absent_ones_stay_empty():
    train = Few(picture("a", [[0, 1], [0, 1]]), picture("b", [[1, 0], [1, VOID]]))
    table = nearest_mean_recall(train, Few(picture("c", [[1, 1], [0, 0]])), ["img"], None)
    assert table.loc["img", ["bkg", "leaf", "mean"]].tolist() == [100, 100, 100]
    assert np.isnan(table.loc["img", "shell"])


def test_recall_is_the_share_of_cells_that_are_recognised():
    train = Few(picture("a", [[0, 1], [0, 1]]))
    lying = picture("b", [[1, 1], [0, 0]])
    lying.mask[0, 0] = 0  # looks like a leaf, is called background
    table = nearest_mean_recall(train, Few(lying), ["img"], None)
    assert table.loc["img", "bkg"] == pytest.approx(200 / 3)
    assert table.loc["img", "leaf"] == 100
