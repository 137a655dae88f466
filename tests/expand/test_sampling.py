import numpy as np
import pytest
from scipy.ndimage import binary_erosion, distance_transform_edt
from scipy.spatial.distance import pdist

from wsss_lib.datasets.classes import ClassSet
from wsss_lib.errors import MaskError, ParameterError
from wsss_lib.expand.sampling import (
    coverage_by_n,
    draw_samples,
    parse_scheme,
    sample_coverage,
    sample_mask,
    simulate_strokes,
)


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
    assert samples.short_classes == (7,)
    assert np.array_equal(mask[samples.rows, samples.cols], samples.labels)
    assert len(set(zip(samples.rows, samples.cols, strict=True))) == len(samples)


def test_the_pixels_depend_on_seed_and_image_alone(mask):
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


@pytest.fixture
def drawn_mask():
    drawn_mask = np.zeros((60, 90), np.uint8)
    drawn_mask[10:50, 20:70] = 3
    drawn_mask[2:5, 2:5] = 7  # within one block of 20
    drawn_mask[:, 80] = 255
    return drawn_mask


@pytest.mark.parametrize("seed", range(5))
def test_blocks_that_are_drawn_from_are_never_set_aside(drawn_mask, seed):
    samples = draw_samples(drawn_mask, 40, "blocks20", seed)
    block = (samples.rows // 20) * 5 + samples.cols // 20
    rows, cols = np.nonzero(samples.set_aside)
    assert not set(block) & set((rows // 20) * 5 + cols // 20)
    assert not samples.held_out()[samples.rows, samples.cols].any()
    assert set(samples.counts) == {0, 3, 7}
    assert not samples.set_aside[drawn_mask == 7].any()
    assert 0.3 < samples.set_aside.mean() <= 0.5


def test_samples_apart_are_apart_and_leave_no_gap(drawn_mask):
    samples = draw_samples(drawn_mask, 10_000, "apart6")
    places = np.stack([samples.rows, samples.cols], 1)
    assert pdist(places).min() >= 6
    free = np.argwhere(drawn_mask != 255)
    distances = np.sqrt(((free[:, None] - places) ** 2).sum(2)).min(1)
    assert distances.max() < 6  # wherever a sample fits there is one


def test_samples_apart_are_at_most_n_per_class(drawn_mask):
    samples = draw_samples(drawn_mask, 8, "apart2")
    assert samples.counts == {0: 8, 3: 8, 7: 4}
    assert samples.short_classes == (7,)


def test_uniform_is_the_papers_sampling(mask):
    drawn, expected = draw_samples(mask, 9, "uniform", 2, "a"), sample_mask(mask, 9, 2, "a")
    assert np.array_equal(drawn.label_image(), expected.label_image())


@pytest.fixture(scope="module")
def regions():
    """Background with a disc, a slanted bar, a void edge and a class of three pixels."""
    rows, cols = np.mgrid[:160, :240]
    mask = np.zeros((160, 240), np.uint8)
    mask[(rows - 80) ** 2 + (cols - 60) ** 2 < 45**2] = 3
    mask[(np.abs(rows - cols + 80) < 14) & (rows > 20) & (rows < 140)] = 7
    mask[:, -4:], mask[150, 10:13] = 255, 9
    return mask


@pytest.mark.parametrize("length", [30, 120])
def test_simulated_strokes_are_thin_lines_inside_every_class(regions, length):
    strokes = simulate_strokes(regions, length, 1, "a")
    assert ((strokes == 255) | (strokes == regions)).all()
    assert np.unique(strokes).tolist() == [0, 3, 7, 9, 255]
    for label in (0, 3, 7):
        # a brush 3 pixels wide is never as deep as a square of 7 x 7 unless lines cross
        assert 20 < (strokes == label).sum() < 3 * (length + 4) * 5
        inner = binary_erosion(strokes == label, iterations=5)
        assert inner.sum() < 0.1 * (strokes == label).sum()


def test_simulated_strokes_keep_to_the_middle(regions):
    strokes, depth = simulate_strokes(regions, 60, 0), distance_transform_edt(regions == 7)
    assert depth[strokes == 7].mean() > 1.2 * depth[regions == 7].mean()


def test_simulated_strokes_depend_on_seed_image_and_length_alone(regions):
    drawn = simulate_strokes(regions, 60, 2, "a")
    assert np.array_equal(drawn, simulate_strokes(regions.copy(), 60, 2, "a"))
    for other in ((60, 3, "a"), (60, 2, "b"), (20, 2, "a")):
        assert not np.array_equal(drawn, simulate_strokes(regions, *other))
    samples = draw_samples(regions, 50, "strokes60", 2, "a").label_image()
    assert (samples[samples != 255] == drawn[samples != 255]).all()
    assert np.bincount(samples.ravel(), minlength=10)[[0, 3, 7]].tolist() == [50] * 3


@pytest.mark.parametrize("scheme", ["blocks", "apart0", "apart-3", "half", "uniform4", ""])
def test_an_unknown_scheme_is_refused(scheme):
    with pytest.raises(ParameterError, match="expected uniform"):
        parse_scheme(scheme)


CLASSES = ClassSet(("background", "absent", "small"), ("bkg", "absent", "small"))


def test_each_class_present_is_counted_void_never():
    mask = np.array([[0, 0, 0, 0], [2, 2, 255, 255]], np.uint8)
    table = sample_coverage(mask, sample_mask(mask, 3), CLASSES)
    assert table.to_dict("index") == {
        "background": {"pixels": 4, "sampled": 3, "held out": 1, "share": 75.0},
        "small": {"pixels": 2, "sampled": 2, "held out": 0, "share": 100.0},
    }


def test_coverage_of_a_data_set():
    # two images: background, two classes, void
    counts = np.array([[100, 10, 0, 5], [60, 0, 30, 0]])
    table = coverage_by_n(counts, [10, 20])
    assert table.index.tolist() == [10, 20]
    # an object with exactly n pixels has not fewer
    assert table["objects with fewer pixels"].tolist() == [0, 50]
    assert table["object pixels sampled"].tolist() == pytest.approx([50, 75])
    assert table["background pixels sampled"].tolist() == pytest.approx([12.5, 25])
