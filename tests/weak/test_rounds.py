"""What is known of a round without ground truth, by hand and by scikit-learn."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy.special import expit
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import SVC

from wsss_lib.expand.product import ProductSVM, split_halves
from wsss_lib.expand.sampling import PixelSamples, sample_mask
from wsss_lib.expand.svm import ImageSVM
from wsss_lib.features import FeatureMap
from wsss_lib.scores import ClassScores
from wsss_lib.weak import rounds
from wsss_lib.weak.rounds import (
    area_change,
    attached,
    block_halves,
    cross_fitted,
    keep_lost,
    network_signs,
    random_halves,
    round_signs,
    sample_signs,
)

SIZE = (80, 100)


def scores_of(mask, labels):
    """Scores of 0.25 and, where the mask has the label, 1."""
    own = np.array(mask) == np.array(labels)[:, None, None]
    return ClassScores(np.where(own, np.float32(1), np.float32(0.25)), labels)


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        ([5, 5, 5, 5, 5, 5], [0, 0, 3, 3, 5, 5]),  # two are lost, the background among them
        ([5, 5, 3, 3, 3, 3], [0, 0, 3, 3, 5, 5]),  # what 0 is given back were the last of 5
        ([0, 3, 3, 0, 0, 0], [0, 3, 3, 0, 5, 5]),
    ],
)
def test_a_class_that_lost_all_its_pixels_gets_the_seeds_back(mask, expected):
    seed, scores = np.uint8([[0, 0, 3, 3, 5, 5]]), scores_of([mask], (0, 3, 5))
    before = scores.values.copy()
    kept = keep_lost(scores, seed)
    assert kept.mask().tolist() == [expected]
    assert kept.labels == (0, 3, 5)
    unchanged = np.array(expected) == mask
    np.testing.assert_array_equal(kept.values[:, 0, unchanged], before[:, 0, unchanged])
    np.testing.assert_array_equal(scores.values, before)


@pytest.mark.parametrize("seed", [[0, 0, 3, 3], [0, 0, 0, 0]])
def test_scores_stay_as_they_are_where_no_class_of_the_seed_is_lost(seed):
    scores = scores_of([[0, 3, 0, 0]], (0, 3, 5))  # 5 has no pixel, and the seed has none of it
    assert keep_lost(scores, np.uint8([seed])) is scores


@pytest.mark.parametrize("labels", [(0, 3, 5), (3, 5)])
def test_parts_that_share_no_pixel_with_their_seed_become_background(labels):
    seed = np.uint8([[3, 3, 0, 0, 5, 0], [0, 0, 0, 0, 0, 0], [5, 0, 0, 0, 0, 0]])
    mask = [[0, 3, 3, 0, 3, 3], [3, 0, 0, 0, 3, 0], [5, 0, 3, 5, 5, 0]]
    kept = [[0, 3, 3, 0, 0, 0], [0, 0, 0, 0, 0, 0], [5, 0, 0, 0, 0, 0]]  # corners do not touch
    scores = scores_of(mask, labels)
    found = attached(scores, seed)
    if 0 not in labels:
        assert found is scores
    else:
        assert found.mask().tolist() == kept
        alike = np.equal(mask, kept)
        np.testing.assert_array_equal(found.values[:, alike], scores.values[:, alike])
        assert attached(found, seed) is found  # nothing is left to do
        np.testing.assert_array_equal(scores.mask(), mask)


def test_the_change_of_the_objects_area_is_a_share_of_the_seeds():
    seed = np.uint8([[0, 3, 3, 5]])
    for mask, change in (([3, 5, 5, 5], 1 / 3), ([0, 0, 0, 3], 2 / 3), ([3, 5, 0, 5], 0)):
        assert area_change(seed, np.uint8([mask])) == pytest.approx(change)
    assert area_change(np.zeros((1, 4), np.uint8), seed) == 3


@pytest.fixture(scope="module")
def maps():
    """Many channels on few cells, and a few on as many cells as pixels, which tell more."""
    rng = np.random.default_rng(0)
    place = np.indices(SIZE)[1] / SIZE[1]
    noise = rng.normal(0, 0.3, (2, *SIZE))
    values = [rng.normal(0, 1, (6, 5, 7)), np.stack([place, place**2]) * 3 + noise]
    return [FeatureMap(torch.from_numpy(each.astype(np.float32)), SIZE) for each in values]


@pytest.fixture(scope="module")
def samples():
    """Of three stripes, a sixth of them with the label of another one."""
    rng = np.random.default_rng(1)
    mask = np.repeat(np.uint8([0, 3, 5]), [40, 35, 25])[None].repeat(SIZE[0], 0)
    wrong = rng.random(SIZE) < 1 / 6
    return sample_mask(np.where(wrong, rng.choice(np.uint8([0, 3, 5]), SIZE), mask), 40)


def by_sklearn(maps, samples, half, product, C=1.0):
    """What each half is called by an SVM of the other one, with kernels by hand."""
    vectors = [map_.at(samples.rows, samples.cols).astype(np.float64) for map_ in maps]
    if not product:
        vectors = [np.hstack(vectors)]
    found = np.empty_like(samples.labels)
    for fitting in (half, ~half):
        gammas = [1 / (X.shape[1] * X[fitting].var()) / len(vectors) for X in vectors]
        kernel = np.exp(
            -sum(
                gamma * ((X[:, None] - X[fitting]) ** 2).sum(-1)
                for gamma, X in zip(gammas, vectors, strict=True)
            )
        )
        svc = OneVsRestClassifier(SVC(kernel="precomputed", C=C, tol=1e-5))
        svc.fit(kernel[fitting], samples.labels[fitting])
        found[~fitting] = svc.predict(kernel[~fitting])
    return found


@pytest.mark.parametrize("svm", [ImageSVM(C=3), ProductSVM(C=3)], ids=["joined", "product"])
def test_samples_get_the_labels_of_a_classifier_of_the_other_half(maps, samples, svm):
    half = samples.cols % 3 == 0
    found = cross_fitted(svm, maps, samples, half)
    expected = by_sklearn(maps, samples, half, isinstance(svm, ProductSVM), C=3)
    np.testing.assert_array_equal(found, expected)
    assert 0.5 < (found == samples.labels).mean() < 0.95
    assert not hasattr(svm, "classes_")


def test_without_another_half_samples_keep_their_labels(maps, samples):
    for half in (np.ones(len(samples), bool), np.zeros(len(samples), bool)):
        found = cross_fitted(ImageSVM(), maps, samples, half)
        np.testing.assert_array_equal(found, samples.labels)


def test_a_half_of_a_single_class_gives_it_to_the_other(maps, samples):
    of_three = samples.labels == 3
    found = cross_fitted(ImageSVM(), maps, samples, of_three)
    assert (found[~of_three] == 3).all()
    assert set(found[of_three].tolist()) <= {0, 5}


def test_halves_are_random_ones_of_each_class_or_the_squares_of_a_chessboard(samples):
    for label, count in samples.counts.items():
        assert random_halves(samples)[samples.labels == label].sum() == count / 2
    rows, cols = np.array([[0, 0], [63, 63], [0, 64], [64, 0], [64, 64], [127, 128]]).T
    pixels = PixelSamples(rows, cols, np.zeros(6, np.uint8), (200, 200), 6)
    assert block_halves(pixels).tolist() == [True, True, False, False, True, False]


def test_signs_of_samples_are_the_shares_that_keep_their_label(maps, samples, monkeypatch):
    """Of the first few samples of each class."""
    monkeypatch.setattr(rounds, "JUDGED", 30)
    signs = sample_signs(ImageSVM(), maps, samples)
    samples = samples.take(np.concatenate([np.arange(30), np.arange(40, 70), np.arange(80, 110)]))
    at_random = np.zeros(len(samples), bool)
    at_random[split_halves(samples.labels)[0]] = True
    white = (samples.rows < 64) == (samples.cols < 64)
    expected = {
        name: (by_sklearn(maps, samples, half, False) == samples.labels).mean()
        for name, half in {"agreement": at_random, "carried": white}.items()
    }
    assert signs == expected
    assert len(set(signs.values())) == 2


class MeanColours(torch.nn.Module):
    """A network whose logit of class c is the mean of channel c - 1, around grey 100."""

    def __init__(self):
        super().__init__()
        self.backbone = SimpleNamespace(
            normalise=lambda images: torch.from_numpy(images).permute(0, 3, 1, 2).float() - 100
        )
        self.dropout = torch.nn.Dropout(0.5)

    def forward(self, x):
        return self.dropout(x.mean((2, 3)))


def test_signs_of_the_network_are_probabilities_of_the_labels_in_parts_of_the_image():
    image = np.full((3, 4, 3), 100, np.uint8)
    mask = np.uint8([[0, 0, 1, 1], [0, 0, 0, 0], [0, 0, 0, 3]])
    image[mask == 1, 0] = 108  # the first class: 2 pixels of +8, and 1 of +2 beside its mask
    image[0, 0, 0] = 102
    image[mask == 3, 2] = 112  # the third: 1 pixel of +12, and 1 of +20 beside
    image[1, 0, 2] = 120
    image[..., 1] = 250  # the second is no label
    signs = network_signs(MeanColours().train(), image, mask, (1, 3))
    # means of 4 means: of 4 pixels each in the upper two rows, of 2 in the last
    first, third = np.array([18, 16, 2]) / 16, np.array([44, 24, 20]) / 16
    expected = {
        "whole": expit(min(first[0], third[0])),
        "seen": expit(min(first[1], third[1])),
        "left": expit(max(first[2], third[2])),
    }
    assert signs == pytest.approx(expected)


def test_signs_of_a_round_are_those_by_hand():
    values = np.float32([[[2, 1, 0, 0.5]], [[0, 1, 4, 0.5]], [[0, 0, 0, 1]]])
    seed = ClassScores(values, (0, 3, 5))
    assert seed.mask().tolist() == [[0, 0, 3, 5]]
    now = np.float32([[[0.7, 0.1, 0.1, 0.1]], [[0.2, 0.6, 0.5, 0.8]], [[0.1, 0.3, 0.4, 0.1]]])
    scores = ClassScores(now, (0, 3, 5))
    before = np.uint8([[0, 3, 3, 0]])
    signs = round_signs(scores, before, seed)
    assert scores.mask().tolist() == [[0, 3, 3, 3]]
    # in shares: sure; two alike; sure; a quarter, a quarter and a half
    entropy = (0 + np.log(2) + 0 + 1.5 * np.log(2)) / 4 / np.log(3)
    assert signs == pytest.approx(
        {
            "stays": (1 / 2 + 2 / 3) / 2,  # of 0 and 3
            "near": (1 / 2 + 1 / 3 + 0) / 3,  # of 0, 3 and 5
            "margin": (0.5 + 0.3 + 0.1 + 0.7) / 4,
            "objects": 3 / 4,
            "seed_objects": 2 / 4,
            "least": 0,  # of 5
            "outline": 1 / 2,
            "entropy": entropy,
        }
    )


def test_classes_that_come_new_lower_the_overlap_only_of_those_that_they_push_out():
    seed = scores_of([[0, 0, 3, 3]], (0, 3, 5))
    signs = round_signs(scores_of([[0, 5, 3, 3]], (0, 3, 5)), seed.mask(), seed)
    assert (signs["stays"], signs["near"], signs["least"]) == (0.75, 0.75, 0.25)


def test_outlines_run_between_neighbours_in_rows_and_in_columns():
    seed, scores = (scores_of(mask, (0, 3)) for mask in ([[0, 0], [3, 3]], [[0, 3], [3, 3]]))
    assert round_signs(scores, seed.mask(), seed)["outline"] == 1
    assert round_signs(scores_of([[0, 3], [3, 0]], (0, 3)), seed.mask(), seed)["outline"] == 2


def test_one_class_alone_is_sure():
    seed = ClassScores(np.ones((1, 2, 3), np.float32), (0,))
    signs = round_signs(seed, seed.mask(), seed)
    assert (signs["margin"], signs["entropy"], signs["least"], signs["near"]) == (1, 0, 1, 1)
