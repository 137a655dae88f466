import numpy as np
import pytest
from scipy.spatial.distance import pdist

from wsss_lib.errors import ParameterError
from wsss_lib.expand.sampling import sample_mask
from wsss_lib.expand.schemes import draw_samples, parse_scheme


@pytest.fixture
def mask():
    mask = np.zeros((60, 90), np.uint8)
    mask[10:50, 20:70] = 3
    mask[2:5, 2:5] = 7  # within one block of 20
    mask[:, 80] = 255
    return mask


@pytest.mark.parametrize("seed", range(5))
def test_blocks_that_are_drawn_from_are_never_set_aside(mask, seed):
    samples = draw_samples(mask, 40, "blocks20", seed)
    block = (samples.rows // 20) * 5 + samples.cols // 20
    rows, cols = np.nonzero(samples.set_aside)
    assert not set(block) & set((rows // 20) * 5 + cols // 20)
    assert not samples.held_out()[samples.rows, samples.cols].any()
    assert set(samples.counts) == {0, 3, 7}
    assert not samples.set_aside[mask == 7].any()
    assert 0.3 < samples.set_aside.mean() <= 0.5


def test_samples_apart_are_apart_and_leave_no_gap(mask):
    samples = draw_samples(mask, 10_000, "apart6")
    places = np.stack([samples.rows, samples.cols], 1)
    assert pdist(places).min() >= 6
    free = np.argwhere(mask != 255)
    distances = np.sqrt(((free[:, None] - places) ** 2).sum(2)).min(1)
    assert distances.max() < 6  # wherever a sample fits there is one


def test_samples_apart_are_at_most_n_a_class(mask):
    samples = draw_samples(mask, 8, "apart2")
    assert samples.counts == {0: 8, 3: 8, 7: 4}
    assert samples.short_classes == (7,)


def test_uniform_is_the_papers_sampling(mask):
    drawn, expected = draw_samples(mask, 9, "uniform", 2, "a"), sample_mask(mask, 9, 2, "a")
    assert np.array_equal(drawn.label_image(), expected.label_image())
    assert drawn.held_out().sum() == mask.size - len(drawn)


@pytest.mark.parametrize("scheme", ["blocks", "apart0", "apart-3", "half", "uniform4", ""])
def test_a_scheme_that_is_none_is_refused(scheme):
    with pytest.raises(ParameterError, match="expected uniform"):
        parse_scheme(scheme)
