"""Training crops of the segmentation network."""

from types import SimpleNamespace

import numpy as np
import pytest

from wsss_lib.segment.crops import SegmentationCrops


class Gradient:
    """Five images; red grows from left to right, and so does the mask."""

    ids = tuple("abcde")

    def __getitem__(self, index):
        rows, cols = np.indices((50, 61), np.uint8)
        image = np.stack([4 * cols, 4 * rows, 0 * rows], -1)
        return SimpleNamespace(image=image, mask=4 * cols)


@pytest.fixture
def make():
    def make(**changes):
        setting = {"crop": 33, "factors": (1.0,), "batch": 2, "seed": 0, "epoch": 0} | changes
        return SegmentationCrops(Gradient(), **setting)

    return make


@pytest.mark.parametrize("crop", [33, 90])
def test_masks_lie_on_what_they_label_and_are_void_beyond(make, crop):
    for epoch in range(6):
        shown, valid, mask = make(crop=crop, factors=(0.5, 1.0, 1.5), epoch=epoch)[0]
        assert shown.shape == (crop, crop, 3)
        assert valid.shape == mask.shape == (crop, crop)
        assert (shown.dtype, valid.dtype, mask.dtype) == (np.uint8, bool, np.uint8)
        assert (np.abs(shown[..., 0].astype(int) - mask)[valid] <= 6).all()
        assert (mask[~valid] == 255).all()
        assert not shown[~valid].any()


def test_every_factor_is_drawn(make):
    widths = {
        make(crop=100, factors=(0.5, 1.0, 1.5), epoch=epoch)[0][1].any(0).sum()
        for epoch in range(30)
    }
    assert widths == {30, 61, 92}


def test_crops_come_from_seed_epoch_and_image_alone(make):
    first = [part.numpy() for part in next(iter(make().batches()))]
    for part, same in zip(first, next(iter(make().batches())), strict=True):
        np.testing.assert_array_equal(part, same)
    for changes in ({"seed": 1}, {"epoch": 1}):
        assert not np.array_equal(next(iter(make(**changes).batches()))[0], first[0])
