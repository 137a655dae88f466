import numpy as np
import pytest

from wsss_lib.errors import MaskError, ParameterError
from wsss_lib.expand.sampling import sample_mask


@pytest.fixture
def mask():
    mask = np.zeros((40, 50), np.uint8)
    mask[5:15, 5:15] = 3
    mask[20:22, 20:22] = 7
    mask[0] = 255
    return mask


def test_each_class_gives_n_pixels_of_its_own_without_repetition(mask):
    samples = sample_mask(mask, 60, seed=1, image_id="a")
    assert samples.counts == {0: 60, 3: 60, 7: 4}
    assert np.array_equal(mask[samples.rows, samples.cols], samples.labels)
    assert len(set(zip(samples.rows, samples.cols, strict=True))) == len(samples)


def test_a_class_with_fewer_pixels_is_named(mask):
    assert sample_mask(mask, 60).short_classes == (7,)
    assert sample_mask(mask, 4).short_classes == ()


def test_the_pixels_hang_on_seed_and_image_alone(mask):
    first, again = sample_mask(mask, 9, 1, "a"), sample_mask(mask, 9, 1, "a")
    assert np.array_equal(first.rows, again.rows)
    for other in (sample_mask(mask, 9, 2, "a"), sample_mask(mask, 9, 1, "b")):
        assert not np.array_equal(first.rows, other.rows)


def test_more_samples_keep_the_earlier_ones(mask):
    few, many = (sample_mask(mask, n).label_image() for n in (10, 20))
    assert np.array_equal(many[few != 255], few[few != 255])


def test_sampling_is_uniform():
    mask = np.zeros((1, 20), np.uint8)
    drawn = sum(~sample_mask(mask, 5, seed).held_out() for seed in range(4000))
    # 4000 draws at 1/4: expectation 1000, deviation 27
    assert np.abs(drawn - 1000).max() < 5 * 27


def test_label_image_and_held_out_pixels_are_complements(mask):
    samples = sample_mask(mask, 30)
    assert np.array_equal(samples.label_image() == 255, samples.held_out())
    assert (~samples.held_out()).sum() == len(samples)


@pytest.mark.parametrize("n", [0, -5, 2.5])
def test_no_samples_are_refused(mask, n):
    with pytest.raises(ParameterError, match=f"samples={n}"):
        sample_mask(mask, n)


def test_a_mask_of_void_is_refused():
    with pytest.raises(MaskError, match="all void"):
        sample_mask(np.full((3, 3), 255, np.uint8), 5, image_id="b")
