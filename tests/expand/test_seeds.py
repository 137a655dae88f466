import numpy as np
import pytest

from wsss_lib.errors import ParameterError
from wsss_lib.expand.seeds import with_background


@pytest.fixture
def cams():
    cams = np.random.default_rng(0).random((2, 9, 11), np.float32)
    return cams / cams.max((1, 2), keepdims=True)


@pytest.mark.parametrize("threshold", [0, 0.3, 0.7])
def test_background_wins_where_no_map_is_above_it(cams, threshold):
    scores = with_background(cams, (3, 8), threshold)
    assert scores.labels == (0, 3, 8)
    assert scores.values.dtype == np.float32
    higher = np.where(cams[0] >= cams[1], 3, 8)
    expected = np.where(cams.max(0) > np.float32(threshold), higher, 0)
    assert np.array_equal(scores.mask(), expected)
    assert set(np.unique(expected)) >= {3, 8}


def test_a_map_that_equals_the_threshold_leaves_the_pixel_to_the_background():
    threshold = np.float32(0.15)
    above = np.nextafter(threshold, np.float32(1))
    for dtype in (np.float32, np.float64):
        cams = np.array([[[0, threshold, above, 1]]], dtype)
        assert with_background(cams, (5,), 0.15).mask().tolist() == [[0, 0, 5, 5]]


def test_above_every_map_and_without_labels_all_is_background(cams):
    assert not with_background(cams, (3, 8), 1).mask().any()
    assert np.array_equal(with_background(cams[:0], (), 0.2).mask(), np.zeros((9, 11)))


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_a_threshold_out_of_range_is_refused(cams, threshold):
    with pytest.raises(ParameterError, match=f"threshold={threshold}; a number from 0 to 1"):
        with_background(cams, (3, 8), threshold)


@pytest.mark.parametrize("wrong", [-1.0, 3.0, np.nan])
def test_maps_that_are_not_normalised_are_refused(cams, wrong):
    cams[0, 0, 0] = wrong
    with pytest.raises(ParameterError, match="expected 0 to 1, each class divided"):
        with_background(cams, (3, 8), 0.2)


@pytest.mark.parametrize("labels", [(3,), (8, 3), (0, 3)])
def test_labels_that_do_not_fit_the_maps_are_refused(cams, labels):
    with pytest.raises(ParameterError, match="labels"):
        with_background(cams, labels, 0.2)
