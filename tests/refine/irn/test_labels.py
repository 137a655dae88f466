import numpy as np
import pytest

from wsss_lib.errors import ParameterError
from wsss_lib.expand.seeds import with_background
from wsss_lib.refine.crf import dense_crf, unary_from_labels
from wsss_lib.refine.irn.labels import (
    affinity_labels,
    merge_labels,
    runs_from_cams,
    runs_from_scores,
)
from wsss_lib.scores import ClassScores


@pytest.fixture
def disc():
    """A disc in a ring of another colour, and scores that fall off from its middle."""
    rows, cols = np.indices((48, 60))
    distance = np.hypot(rows - 24, cols - 30)
    colours = np.array([(220, 180, 40), (120, 10, 130), (40, 90, 60)], np.uint8)
    image = colours[np.digitize(distance, (14, 21))]
    return image, np.clip(1 - distance / 24, 0, 1).astype(np.float32)[None]


def test_merging_keeps_sure_objects_and_sure_background():
    foreground = np.array([[0, 0, 0, 5, 5, 5]], np.uint8)
    background = np.array([[0, 5, 7, 0, 5, 7]], np.uint8)
    merged = merge_labels(foreground, background)
    assert merged.tolist() == [[0, 255, 255, 5, 5, 5]]
    assert merged.dtype == np.uint8


def test_cams_are_set_against_irns_two_constants():
    cams = np.float32([[[0.01, 0.1, 0.2, 0.4]], [[0.02, 0.04, 0.29, 0.31]]])
    foreground, background = runs_from_cams(cams, (3, 8))
    assert foreground.labels == background.labels == (0, 3, 8)
    assert foreground.mask().tolist() == [[0, 0, 0, 3]]
    assert background.mask().tolist() == [[0, 3, 8, 3]]


def test_scores_are_taken_as_they_are_and_with_half_the_background():
    scores = ClassScores(np.float32([[[0.8, 0.8, 0.8]], [[0.9, 0.5, 0.3]]]), (0, 6))
    foreground, background = runs_from_scores(scores)
    assert foreground.mask().tolist() == [[6, 0, 0]]
    assert background.mask().tolist() == [[6, 6, 0]]
    assert scores.values[0, 0, 0] == np.float32(0.8)


def test_labels_are_void_between_the_two_runs(disc):
    image, cam = disc
    labels = affinity_labels(image, *runs_from_cams(cam, (5,)))
    assert set(np.unique(labels).tolist()) == {0, 5, 255}
    assert labels[24, 30] == 5
    assert labels[0, 0] == 0


def test_runs_go_through_the_crf_for_hard_labels(disc):
    image, cam = disc
    run = with_background(cam, (5,), 0.3)
    hard = (cam[0] > 0.3).astype(np.uint8)
    expected = 5 * dense_crf(image, unary_from_labels(hard, 2, 0.7)).argmax(0)
    assert (hard != expected / 5).any()
    np.testing.assert_array_equal(affinity_labels(image, run, run), expected)


def test_an_image_without_classes_is_background(disc):
    scores = ClassScores(np.ones((1, 48, 60), np.float32), (0,))
    assert (affinity_labels(disc[0], *runs_from_scores(scores)) == 0).all()


def test_runs_without_background_or_of_other_classes_are_refused(disc):
    image, cam = disc
    cams = ClassScores(cam, (5,))
    with pytest.raises(ParameterError, match=r"\(5,\) and \(5,\); expected the background"):
        affinity_labels(image, cams, cams)
    runs = (with_background(cam, (label,), 0.3) for label in (5, 6))
    with pytest.raises(ParameterError, match=r"\(0, 5\) and \(0, 6\); expected .* same classes"):
        affinity_labels(image, *runs)
