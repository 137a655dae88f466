from dataclasses import replace
from itertools import chain, zip_longest

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from wsss_lib.datasets.classes import ClassSet
from wsss_lib.errors import ParameterError
from wsss_lib.expand.sampling import sample_mask
from wsss_lib.features import FeatureMap
from wsss_lib.scores import ClassScores
from wsss_lib.weak import selection as module
from wsss_lib.weak.selection import (
    SELECTIONS,
    confident_seed,
    count_right,
    precision_table,
    select_samples,
)

LABELS = (0, 4, 9)


@pytest.fixture
def scores():
    values = np.random.default_rng(0).random((3, 30, 40), np.float32)
    values[1, :, :20] += 0.3
    return ClassScores(values, LABELS)


@pytest.fixture
def feature():
    """Of half the resolution, one channel of noise and one that tells left from right."""
    values = torch.randn((2, 15, 20), generator=torch.Generator().manual_seed(0))
    values[1, :, :10] += 4
    return FeatureMap(values, (30, 40)).zscore()


def places(samples, label):
    own = samples.labels == label
    return set(zip(samples.rows[own].tolist(), samples.cols[own].tolist(), strict=True))


@pytest.mark.parametrize("selection", SELECTIONS)
def test_labels_are_those_of_the_seed_and_no_pixel_comes_twice(scores, feature, selection):
    samples = select_samples(scores, 50, selection, feature)
    assert np.array_equal(samples.labels, scores.mask()[samples.rows, samples.cols])
    assert samples.counts == dict.fromkeys(LABELS, 50)
    assert sum(len(places(samples, label)) for label in LABELS) == 150
    assert (samples.image_size, samples.requested) == ((30, 40), 50)
    assert samples.labels.dtype == np.uint8


def test_seed_pixels_are_those_of_uniform_sampling(scores):
    samples, expected = select_samples(scores, 30, "seed", None, 3, "a"), scores.mask()
    assert np.array_equal(samples.label_image(), sample_mask(expected, 30, 3, "a").label_image())


def test_confident_pixels_have_the_largest_margins_of_their_class(scores):
    mask, kept = scores.mask(), confident_seed(scores)
    for label, values in zip(LABELS, scores.values, strict=True):
        others = np.delete(scores.values, LABELS.index(label), axis=0).max(0)
        margin, own = values - others, mask == label
        assert abs((kept == label).sum() - own.sum() / 2) < 1
        assert margin[kept == label].min() > margin[own & (kept != label)].max()
    samples = select_samples(scores, 20, "confident")
    assert np.array_equal(kept[samples.rows, samples.cols], samples.labels)


def test_equal_margins_are_kept_or_left_together():
    values = np.zeros((2, 2, 4), np.float32)
    values[0, 0], values[1, 1] = 0.2, (0.5, 0.5, 0.5, 0.1)
    assert confident_seed(ClassScores(values, (0, 7))).tolist() == [[0] * 4, [7, 7, 7, 255]]


def test_one_class_alone_is_sure_everywhere():
    scores = ClassScores(np.random.default_rng(0).random((1, 5, 6), np.float32), (0,))
    assert not confident_seed(scores).any()


class FirstPoints:
    """Stands for k-means: the centres are the first points."""

    def __init__(self, n_clusters, **_):
        self.n_clusters = n_clusters

    def fit(self, values):
        self.cluster_centers_ = values[: self.n_clusters]
        return self


def test_consistent_pixels_are_those_of_a_plain_search(scores, feature, monkeypatch):
    monkeypatch.setattr(module, "MiniBatchKMeans", FirstPoints)
    samples = select_samples(scores, 40, "consistent", feature, 2, "a")
    pixels = sample_mask(confident_seed(scores), module.CANDIDATES * 40, 2, "a")
    points = feature.at(pixels.rows, pixels.cols)
    centres = {label: points[pixels.labels == label][:8] for label in LABELS}
    for label in LABELS:
        queues = [[] for _ in range(8)]
        for index in np.flatnonzero(pixels.labels == label).tolist():
            to = {each: cdist(points[index][None], centres[each])[0] for each in LABELS}
            if all(to[label].min() < to[each].min() for each in LABELS if each != label):
                queues[to[label].argmin()].append(index)
        turns = [sorted(set(turn) - {None}) for turn in zip_longest(*queues)]
        expected = list(chain.from_iterable(turns))
        assert 40 < len(expected) < (pixels.labels == label).sum()
        assert places(samples, label) == places(pixels.take(expected[:40]), label)


def test_consistent_pixels_are_drawn_evenly_over_the_looks_of_a_class():
    """Of eight colours per class, which k-means finds exactly."""
    truth = np.repeat([0, 1], 30)[None].repeat(40, 0)
    number = np.random.default_rng(0).integers(0, 8, truth.shape)
    values = torch.from_numpy(np.stack([10 * number, 100 * truth]).astype(np.float32))
    scores = ClassScores(np.stack([truth == 0, truth == 1]).astype(np.float32), (0, 1))
    looks = {}
    for selection in ("confident", "consistent"):
        samples = select_samples(scores, 160, selection, FeatureMap(values, truth.shape))
        drawn = number[samples.rows, samples.cols] + 8 * samples.labels
        looks[selection] = np.bincount(drawn).tolist()
    assert looks["consistent"] == [20] * 16
    assert looks["confident"] != [20] * 16


def test_where_nothing_looks_like_its_class_confident_pixels_are_drawn(scores):
    blank = FeatureMap(torch.zeros(3, 15, 20), (30, 40))
    samples, confident = (
        select_samples(scores, 40, selection, blank, 5, "a")
        for selection in ("consistent", "confident")
    )
    assert np.array_equal(samples.label_image(), confident.label_image())
    assert samples.requested == 40


@pytest.mark.parametrize("selection", SELECTIONS)
def test_pixels_depend_on_seed_and_image_alone(scores, feature, selection):
    def pixels(*stream):
        return select_samples(scores, 50, selection, feature, *stream).label_image().tolist()

    assert pixels(1, "a") == pixels(1, "a")
    assert pixels(1, "a") != pixels(2, "a")
    assert pixels(1, "a") != pixels(1, "b")


@pytest.mark.parametrize("selection", SELECTIONS)
def test_a_class_with_few_pixels_gives_them_and_a_lost_one_none(scores, feature, selection):
    scores.values[1] = -1
    scores.values[2, :, 1:] = -1
    scores.values[2, 4:, 0] = -1
    scores.values[0, :4, 0], scores.values[2, :4, 0] = 0, 2  # all as sure as each other
    samples = select_samples(scores, 50, selection, feature)
    assert samples.counts == {0: 50, 9: 4}
    assert samples.short_classes == (9,)


def test_bad_arguments_are_refused(scores, feature):
    with pytest.raises(ParameterError, match="'best'; expected one of seed, confident, consistent"):
        select_samples(scores, 5, "best")
    with pytest.raises(ParameterError, match=r"\(30, 40\), and none was given"):
        select_samples(scores, 5, "consistent")
    with pytest.raises(ParameterError, match=r"\(30, 40\), and one of \(40, 30\) was given"):
        select_samples(scores, 5, "consistent", replace(feature, image_size=(40, 30)))


CLASSES = ClassSet(("background", "leaf", "shell"), ("bkg", "leaf", "shell"))


def test_samples_are_counted_by_their_label_and_void_is_left_out():
    seed = np.array([[0, 0, 0, 0], [1, 1, 1, 1]], np.uint8)
    truth = np.array([[0, 0, 1, 255], [1, 2, 0, 255]], np.uint8)
    assert count_right(sample_mask(seed, 9), truth) == {"0": [2, 3], "1": [1, 3]}


def test_precision_is_pooled_over_images_not_averaged():
    rows = [{"0": [9, 10], "1": [1, 2]}, {"0": [50, 90]}]
    table = precision_table(rows, CLASSES)
    assert table.index.tolist() == ["bkg", "leaf", "shell", "all"]
    assert table["right"].tolist() == [59, 1, 0, 60]
    assert table["drawn"].tolist() == [100, 2, 0, 102]
    expected = [59, 50, np.nan, 100 * 60 / 102]
    np.testing.assert_allclose(table["precision"], expected)


def test_a_class_with_nothing_but_void_has_no_precision():
    samples = sample_mask(np.ones((2, 2), np.uint8), 4)
    row = count_right(samples, np.full((2, 2), 255, np.uint8))
    assert row == {"1": [0, 0]}
    assert precision_table([row], CLASSES)["precision"].isna().all()
