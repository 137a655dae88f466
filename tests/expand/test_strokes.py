import numpy as np
import pytest

from wsss_lib.datasets.classes import VOID
from wsss_lib.errors import MaskError, ParameterError
from wsss_lib.evaluate.cells import resize_labels
from wsss_lib.expand.sampling import sample_mask
from wsss_lib.expand.strokes import (
    paint_stroke,
    shrink_strokes,
    stroke_samples,
)

EMPTY = np.full((30, 40), VOID, np.uint8)


def distance_to_segment(x, y, start, end):
    """By trying many places on it."""
    places = np.linspace(start, end, 4001)
    return np.hypot(places[:, 0] - x, places[:, 1] - y).min()


@pytest.mark.parametrize(
    ("start", "end"), [((5, 5), (30, 20)), ((35, 2), (35, 28)), ((-4, 9), (50, 40))]
)
def test_a_stroke_labels_what_is_within_half_its_width(start, end):
    painted = paint_stroke(EMPTY, [start, end], 3, 5.3)
    for y, x in np.ndindex(EMPTY.shape):
        distance = distance_to_segment(x, y, start, end)
        if abs(distance - 2.65) > 1e-3:
            assert (painted[y, x] == 3) == (distance < 2.65)
    assert set(np.unique(painted)) == {3, VOID}
    assert (EMPTY == VOID).all()


def test_a_single_point_is_a_dot_and_a_line_is_its_segments():
    dot = paint_stroke(EMPTY, [(10, 6)], 0, 2)
    assert sorted(map(tuple, np.argwhere(dot == 0))) == [(5, 10), (6, 9), (6, 10), (6, 11), (7, 10)]
    corner = [(5, 5), (20, 5), (20, 25)]
    whole = paint_stroke(EMPTY, corner, 1, 4)
    parts = paint_stroke(paint_stroke(EMPTY, corner[:2], 1, 4), corner[1:], 1, 4)
    np.testing.assert_array_equal(whole, parts)


def test_a_later_stroke_lies_on_top_and_the_label_255_rubs_out():
    painted = paint_stroke(
        paint_stroke(EMPTY, [(0, 10), (39, 10)], 1, 3), [(20, 0), (20, 29)], 2, 3
    )
    assert (painted[10, 20], painted[10, 5], painted[5, 20]) == (2, 1, 2)
    rubbed = paint_stroke(painted, [(20, 10)], VOID, 80)
    assert (rubbed == VOID).all()


def test_what_lies_outside_is_left_out():
    assert (paint_stroke(EMPTY, [(-30, -30), (-10, 80)], 1, 4) == VOID).all()
    assert (paint_stroke(EMPTY, [(90, 90)], 1, 4) == VOID).all()


@pytest.mark.parametrize(
    ("points", "label", "width"), [([], 1, 3), ([(1, 1)], 1, 0), ([(1, 1)], 256, 3)]
)
def test_what_is_no_stroke_is_refused(points, label, width):
    with pytest.raises(ParameterError, match="A stroke of"):
        paint_stroke(EMPTY, points, label, width)


def test_shrinking_loses_not_even_the_thinnest_stroke():
    strokes = np.full((400, 300), VOID, np.uint8)
    strokes[123, 200], strokes[399, 299], strokes[0, 0] = 0, 7, 4
    small = shrink_strokes(strokes, (40, 30))
    assert (small[12, 20], small[39, 29], small[0, 0]) == (0, 7, 4)
    assert (small != VOID).sum() == 3
    np.testing.assert_array_equal(shrink_strokes(strokes, strokes.shape), strokes)


@pytest.mark.parametrize("size", [(30, 40), (71, 93), (300, 401)])
def test_shrinking_takes_back_what_enlarging_did(size):
    strokes = np.random.default_rng(0).choice(np.array([0, 3, VOID], np.uint8), EMPTY.shape)
    large = resize_labels(strokes, size)
    assert large.shape == size
    np.testing.assert_array_equal(shrink_strokes(large, strokes.shape), strokes)


def test_of_each_class_at_most_n_pixels_are_drawn_as_from_a_mask():
    strokes = paint_stroke(paint_stroke(EMPTY, [(5, 5), (30, 5)], 0, 5), [(9, 20)], 7, 2)
    samples = stroke_samples(strokes, 12, seed=4)
    assert samples.counts == {0: 12, 7: 5}
    assert (strokes[samples.rows, samples.cols] == samples.labels).all()
    np.testing.assert_array_equal(samples.rows, sample_mask(strokes, 12, 4).rows)


@pytest.mark.parametrize(
    ("strokes", "found"),
    [(EMPTY, "no labels at all"), (paint_stroke(EMPTY, [(5, 5)], 0, 4), "only the class 0")],
)
def test_fewer_than_two_classes_are_refused(strokes, found):
    with pytest.raises(MaskError, match=f"hold {found}; two classes or more"):
        stroke_samples(strokes, 10)
