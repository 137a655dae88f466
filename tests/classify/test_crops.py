"""Training crops: scale, mirror, crop and paste."""

import numpy as np
import pytest

from wsss_lib.classify.crops import augment, augment_pair, random_crop, rescale


def numbered(height: int, width: int) -> np.ndarray:
    """An image whose pixels are all different and none 0."""
    numbers = np.arange(1, height * width + 1)
    return (
        np.stack([numbers % 251 + 1, numbers // 251 + 1, numbers * 0 + 7], -1)
        .reshape(height, width, 3)
        .astype(np.uint8)
    )


@pytest.mark.parametrize(
    ("size", "factor", "expected"),
    [
        ((500, 375), 1.25, (625, 469)),
        # one pixel more or less than sides in the ratio of the rounded longer one have
        ((333, 499), 0.5, (166, 250)),
        ((299, 333), 1.5, (448, 500)),
        ((71, 90), 0.75, (53, 68)),
        ((3, 200), 0.05, (1, 10)),
        ((1, 3), 0.1, (1, 1)),
    ],
)
def test_each_side_is_scaled_and_rounded(size, factor, expected):
    assert rescale(np.zeros((*size, 3), np.uint8), factor).shape[:2] == expected


@pytest.mark.parametrize("size", [(9, 12), (5, 12), (9, 4), (5, 4), (8, 8)])
def test_a_crop_shows_one_place_of_the_image(size):
    image = numbered(*size)
    for seed in range(5):
        crop, valid = random_crop(image, 8, np.random.default_rng(seed))
        assert crop.shape == (8, 8, 3)
        shown = min(size[0], 8), min(size[1], 8)
        assert valid.sum() == shown[0] * shown[1]
        assert not crop[~valid].any()
        piece = crop[valid].reshape(*shown, 3)
        windows = np.lib.stride_tricks.sliding_window_view(image, (*shown, 3))
        assert (windows == piece).all((-3, -2, -1)).sum() == 1


def test_every_place_is_reached():
    corners = {
        tuple(random_crop(numbered(6, 6), 5, np.random.default_rng(seed))[0][0, 0])
        for seed in range(50)
    }
    assert len(corners) == 4


def test_half_of_the_crops_are_mirrored():
    image = numbered(8, 8)
    rngs = (np.random.default_rng(seed) for seed in range(200))
    mirrored = [np.array_equal(augment(image, 8, None, rng)[0], image[:, ::-1]) for rng in rngs]
    assert 70 < sum(mirrored) < 130


def test_sizes_are_drawn_from_the_whole_range():
    image = np.ones((4, 8, 3), np.uint8)
    rngs = (np.random.default_rng(seed) for seed in range(60))
    widths = {augment(image, 20, (10, 12), rng)[1].any(0).sum() for rng in rngs}
    assert widths == {10, 11, 12}


def test_labels_go_where_their_pixels_go():
    """At the own size every pixel of a pair still stands for the same place."""
    image = numbered(9, 12)
    labels = image[..., 0] // 2
    for seed in range(20):
        crop, valid, cut = augment_pair(image, labels, 1.0, 10, np.random.default_rng(seed))
        np.testing.assert_array_equal(cut[valid], crop[..., 0][valid] // 2)
        assert valid.sum() == 9 * 10
        assert (cut[~valid] == 255).all()


@pytest.mark.parametrize(
    ("size", "factor", "expected"),
    [((23, 21), 0.5, (12, 10)), ((33, 23), 1.5, (50, 34)), ((71, 90), 0.75, (53, 68))],
)
def test_a_pair_has_the_scaled_size(size, factor, expected):
    image, labels = np.ones((*size, 3), np.uint8), np.ones(size, np.uint8)
    _, valid, cut = augment_pair(image, labels, factor, 80, np.random.default_rng(0))
    assert (valid.any(1).sum(), valid.any(0).sum()) == expected
    assert (cut == 1).sum() == expected[0] * expected[1]


@pytest.mark.parametrize("size", [(40, 60), (60, 41), (37, 37)])
@pytest.mark.parametrize("long_side", [29, 50, 87])
def test_a_drawn_longer_side_is_met(size, long_side):
    image = np.ones((*size, 3), np.uint8)
    _, valid = augment(image, 96, (long_side, long_side), np.random.default_rng(0))
    shorter = round(min(size) * (long_side / max(size)))
    assert sorted([valid.any(0).sum(), valid.any(1).sum()]) == [shorter, long_side]


def test_labels_of_another_size_are_the_nearest():
    image, labels = np.zeros((4, 6, 3), np.uint8), np.arange(24, dtype=np.uint8).reshape(4, 6)
    _, valid, cut = augment_pair(image, labels, 2.0, 20, np.random.default_rng(3))
    found = cut[valid].reshape(8, 12)
    expected = labels.repeat(2, 0).repeat(2, 1)
    assert any(np.array_equal(found, view) for view in (expected, expected[:, ::-1]))
