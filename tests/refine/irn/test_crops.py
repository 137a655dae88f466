from types import SimpleNamespace

import numpy as np
import pytest
import torch

from wsss_lib.errors import MaskError, ParameterError
from wsss_lib.refine.irn.crops import AffinityCrops, augment_both


@pytest.fixture
def dataset():
    """Five images; red grows from left to right, green from top to bottom."""
    rows, cols = np.indices((50, 61), np.uint8)
    image = np.stack([4 * cols, 4 * rows, 0 * rows], -1)
    return SimpleNamespace(ids=tuple("abcde"), image=lambda id_: image)


@pytest.fixture
def make(dataset):
    def make(channel=0, **changes):
        setting = {"crop": 32, "batch": 2, "seed": 0, "epoch": 0} | changes
        return AffinityCrops(dataset, lambda id_: dataset.image(id_)[..., channel], **setting)

    return make


def arrays(batches):
    return [[part.numpy() for part in batch] for batch in batches]


@pytest.mark.parametrize("channel", [0, 1])
@pytest.mark.parametrize("crop", [32, 80])
def test_labels_lie_on_what_they_label(make, channel, crop):
    for epoch in range(6):
        shown, valid, labels = make(channel, crop=crop, epoch=epoch)[0]
        inside = valid[2::4, 2::4]
        colours = shown[2::4, 2::4, channel].astype(int)
        assert inside.any()
        assert (np.abs(colours - labels)[inside] <= 6).all()
        assert (labels[~inside] == 255).all()


def test_shapes_and_types(make):
    shown, valid, labels = make()[0]
    assert (shown.shape, valid.shape, labels.shape) == ((32, 32, 3), (32, 32), (8, 8))
    assert (shown.dtype, valid.dtype, labels.dtype) == (np.uint8, bool, np.uint8)


def test_beyond_the_image_crops_are_0(make):
    shown, valid, _ = make(crop=160)[0]
    assert not shown[~valid].any()
    rows, cols = valid.any(1).sum(), valid.any(0).sum()
    assert valid.sum() == rows * cols < valid.size


def test_sizes_are_half_to_one_and_a_half(dataset):
    image, sides = dataset.image("a"), []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        sides.append(augment_both(image, image[..., 0], 100, rng)[1].any(0).sum())
    assert 30 <= min(sides) <= 34
    assert 88 <= max(sides) <= 92


def test_half_of_the_crops_are_mirrored(make):
    crops = (make(crop=80, epoch=epoch)[0] for epoch in range(100))
    mirrored = [shown[valid][0, 0] > 120 for shown, valid, _ in crops]
    assert 35 < sum(mirrored) < 65


def test_crops_come_from_seed_epoch_and_image_alone(make):
    first, again = arrays(make().batches()), arrays(make().batches())
    for one, other in zip(first, again, strict=True):
        for part, same in zip(one, other, strict=True):
            np.testing.assert_array_equal(part, same)
    for changes in ({"seed": 1}, {"epoch": 1}):
        assert not np.array_equal(arrays(make(**changes).batches())[0][0], first[0][0])


def test_images_that_fill_no_batch_are_left_out(make):
    state = torch.random.get_rng_state()
    shapes = [[part.shape for part in batch] for batch in arrays(make().batches())]
    assert shapes == [[(2, 32, 32, 3), (2, 32, 32), (2, 8, 8)]] * 2
    assert [len(shown) for shown, _, _ in make(batch=9).batches()] == [5]
    assert torch.equal(torch.random.get_rng_state(), state)


def test_bad_crops_and_labels_of_another_size_are_refused(make, dataset):
    with pytest.raises(ParameterError, match="crop=30; a multiple of 4"):
        make(crop=30)
    small = AffinityCrops(
        dataset, lambda id_: np.zeros((25, 61), np.uint8), crop=32, batch=1, seed=0, epoch=0
    )
    with pytest.raises(MaskError, match=r"labels of a are \(25, 61\), its image is \(50, 61\)"):
        small[0]
