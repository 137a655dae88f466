import numpy as np
import pytest
from scipy.spatial.distance import cdist

from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.regions import (
    FAR,
    NEAR,
    boundary_distance,
    count_regions,
    region_of,
    sample_distance,
)
from wsss_lib.expand.sampling import sample_mask
from wsss_lib.metrics import confusion_matrix, dense

RNG = np.random.default_rng(0)
TRUTH = np.repeat(np.repeat(RNG.integers(0, 3, (4, 5)), 6, 0), 7, 1).astype(np.uint8)
TRUTH[:, 17:19] = 255
PREDICTION = np.where(RNG.random(TRUTH.shape) < 0.7, TRUTH, 1).astype(np.uint8)
PREDICTION[PREDICTION == 255] = 0


def test_the_boundary_is_where_the_nearest_other_label_is():
    pixels, labels = np.argwhere(TRUTH < 256), TRUTH.ravel()
    distances = np.where(labels[:, None] == labels, np.inf, cdist(pixels, pixels))
    np.testing.assert_allclose(boundary_distance(TRUTH).ravel(), distances.min(1))


def test_a_mask_of_one_label_has_no_boundary():
    assert np.isinf(boundary_distance(np.zeros((3, 4), np.uint8))).all()


def test_every_region_counts_the_pixels_that_belong_to_it():
    pixels = sample_mask(TRUTH, 4)
    places = np.stack([pixels.rows, pixels.cols], 1)
    distance = cdist(np.argwhere(TRUTH < 256), places).min(1).reshape(TRUTH.shape)
    np.testing.assert_allclose(sample_distance(pixels.label_image()), distance)
    boundary, held_out = boundary_distance(TRUTH), pixels.held_out()
    found = count_regions(TRUTH, PREDICTION, held_out, (distance, boundary), 3)

    def counted(where=None):
        return confusion_matrix(TRUTH, PREDICTION, 3, where)

    assert np.array_equal(dense(found["confusion"], 3), counted())
    assert np.array_equal(dense(found["held_out"], 3), counted(held_out))
    for r in FAR:
        expected = counted(held_out & (distance > r))
        assert np.array_equal(dense(found["far"][str(r)], 3), expected)
    for w in NEAR:
        assert np.array_equal(dense(found["near"][str(w)], 3), counted(boundary <= w))
        expected = counted(held_out & (boundary <= w))
        assert np.array_equal(dense(found["near_held_out"][str(w)], 3), expected)


def test_a_region_is_found_by_its_name():
    row = {"confusion": [[0, 0, 1]], "far": {"8": [[1, 1, 2]]}, "near_held_out": {"16": []}}
    assert region_of(row, "confusion") == [[0, 0, 1]]
    assert region_of(row, "far8") == [[1, 1, 2]]
    assert region_of(row, "near_held_out16") == []
    for unknown in ("far", "far7", "away8", "edge3", "id"):
        with pytest.raises(ParameterError, match="No region"):
            region_of(row, unknown)


def test_away_from_boundaries_is_all_but_near_them():
    row = {
        "confusion": [[0, 0, 9], [0, 1, 2], [1, 1, 4]],
        "held_out": [[1, 1, 3]],
        "near": {"8": [[0, 0, 4], [0, 1, 2]]},
        "near_held_out": {"8": [[1, 1, 1]]},
    }
    assert region_of(row, "away8") == [[0, 0, 5], [1, 1, 4]]
    assert region_of(row, "away_held_out8") == [[1, 1, 2]]
