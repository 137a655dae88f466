from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax

from wsss_lib.datasets import load_dataset
from wsss_lib.errors import ParameterError
from wsss_lib.scores import ClassScores
from wsss_lib.weak.crf import (
    PRESETS,
    CRFParameters,
    DenseCRF,
    dense_crf,
    refine_by_crf,
    unary_from_labels,
    unary_from_probabilities,
)

#: Rounding decides whether a pixel on a cell's face touches one more corner of the lattice, with no
#: weight but open to the blur. Mostly marginals differ by 1e-5, rarely a few by some 1e-3.
LARGEST_DIFFERENCE, MEAN_DIFFERENCE = 1e-2, 2e-6


@pytest.fixture
def disc():
    """An image of a noisy bright disc, and labels of a smaller square in another place."""
    rng = np.random.default_rng(0)
    rows, cols = np.indices((60, 83))
    inside = (rows - 30) ** 2 + (cols - 40) ** 2 < 20**2
    image = np.where(inside[..., None], (220, 180, 40), (40, 90, 60)) + rng.normal(
        0, 4, (60, 83, 3)
    )
    labels = np.zeros((60, 83), np.uint8)
    labels[16:46, 24:54] = 1
    labels[50:54, 70:75] = 2
    return image.clip(0, 255).astype(np.uint8), labels, inside


@pytest.fixture(scope="module")
def pydensecrf():
    reason = "pydensecrf, the oracle, is not installed: pip install pydensecrf2"
    return pytest.importorskip("pydensecrf.densecrf", reason=reason)


def theirs(pydensecrf, image, unary, parameters):
    labels, height, width = unary.shape
    crf = pydensecrf.DenseCRF2D(width, height, labels)
    crf.setUnaryEnergy(np.ascontiguousarray(unary.reshape(labels, -1)))
    crf.addPairwiseGaussian(sxy=parameters.gaussian_sxy, compat=parameters.gaussian_compat)
    crf.addPairwiseBilateral(
        sxy=parameters.bilateral_sxy,
        srgb=parameters.bilateral_srgb,
        rgbim=np.array(image, order="C"),
        compat=parameters.bilateral_compat,
    )
    return np.array(crf.inference(parameters.iterations)).reshape(unary.shape)


def assert_agreement(pydensecrf, image, unary, preset):
    ours = dense_crf(image, unary, PRESETS[preset])
    oracle = theirs(pydensecrf, image, unary, PRESETS[preset])
    assert (ours.argmax(0) == oracle.argmax(0)).mean() >= 0.999
    assert np.abs(ours - oracle).max() < LARGEST_DIFFERENCE
    assert np.abs(ours - oracle).mean() < MEAN_DIFFERENCE


@pytest.mark.parametrize("preset", PRESETS)
def test_marginals_are_pydensecrf_s(pydensecrf, disc, preset):
    image, labels, _ = disc
    assert_agreement(pydensecrf, image, unary_from_labels(labels, 3), preset)


@pytest.mark.parametrize("preset", PRESETS)
def test_marginals_are_pydensecrf_s_on_photographs(pydensecrf, voc_root, preset):
    for sample in load_dataset("voc", root=voc_root, images=3):
        image, mask = np.asarray(sample.image), np.asarray(sample.mask)
        shifted = np.roll(np.where(mask == 255, 0, mask), 9, axis=1)
        labels = np.unique(shifted, return_inverse=True)[1].reshape(mask.shape)
        assert_agreement(pydensecrf, image, unary_from_labels(labels, 3), preset)


def test_unaries_are_pydensecrf_s(pydensecrf, disc):
    utils = pytest.importorskip("pydensecrf.utils")
    labels = disc[1]
    expected = utils.unary_from_labels(labels, 3, 0.7, zero_unsure=False)
    np.testing.assert_array_equal(unary_from_labels(labels, 3), expected.reshape(3, 60, 83))


def test_labels_move_to_the_borders_of_the_image(disc):
    image, labels, inside = disc
    marginals = dense_crf(image, unary_from_labels(labels, 3))
    assert marginals.dtype == np.float32
    np.testing.assert_allclose(marginals.sum(0), 1, rtol=1e-5)
    assert (labels == inside).mean() < 0.93
    assert (marginals.argmax(0) == inside).mean() > 0.99


def test_without_weights_or_iterations_the_unary_decides(disc):
    image, labels, _ = disc
    unary = unary_from_labels(labels, 3)
    for parameters in (CRFParameters(3, 0, 50, 5, 0), replace(PRESETS["irn"], iterations=0)):
        marginals = dense_crf(image, unary, parameters)
        np.testing.assert_allclose(marginals, softmax(-unary, axis=0), rtol=1e-5)


def test_one_image_s_kernels_serve_any_number_of_inferences(disc):
    image, labels, _ = disc
    soft = np.random.default_rng(0).random((4, *labels.shape))
    unaries = [unary_from_labels(labels, 3), unary_from_probabilities(soft)]
    crf = DenseCRF(image, PRESETS["psa"])
    for unary in (*unaries, unaries[0]):
        found = crf.marginals(unary)
        np.testing.assert_array_equal(found, dense_crf(image, unary, PRESETS["psa"]))


def test_one_label_is_certain(disc):
    image, labels, _ = disc
    unary = unary_from_labels(np.zeros_like(labels), 1)
    np.testing.assert_array_equal(dense_crf(image, unary), np.ones((1, 60, 83)))


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 1), (13, 17)])
def test_any_size(size):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (*size, 3), np.uint8)
    marginals = dense_crf(image, unary_from_probabilities(rng.random((4, *size))))
    np.testing.assert_allclose(marginals.sum(0), np.ones(size), rtol=1e-5)


def test_labels_are_right_with_probability_07(disc):
    probabilities = np.exp(-unary_from_labels(disc[1], 4))
    np.testing.assert_allclose(probabilities.sum(0), 1, rtol=1e-6)
    np.testing.assert_allclose(probabilities.max(0), 0.7, rtol=1e-6)
    np.testing.assert_array_equal(probabilities.argmax(0), disc[1])


def test_unary_of_probabilities_rules_no_label_out():
    scores = 7 * np.random.default_rng(0).dirichlet((1, 1, 1), (4, 5)).transpose(2, 0, 1)
    unary = unary_from_probabilities(scores)
    assert unary.dtype == np.float32
    np.testing.assert_allclose(unary, -np.log(scores / 7), rtol=1e-5, atol=1e-6)
    certain = np.zeros((2, 1, 2))
    certain[1, 0, 1] = 3  # the first pixel says nothing, the second is sure
    found = np.exp(-unary_from_probabilities(certain))
    np.testing.assert_allclose(found[:, 0, 0], 0.5)
    np.testing.assert_allclose(found[:, 0, 1], [1e-5, 1], rtol=1e-4)


def test_images_and_unaries_that_do_not_fit_are_refused():
    image, unary = np.zeros((4, 5, 3), np.uint8), np.zeros((2, 4, 5), np.float32)
    with pytest.raises(ParameterError, match=r"float64; expected \(H, W, 3\), uint8"):
        dense_crf(image / 255, unary)
    with pytest.raises(ParameterError, match=r"A unary of \(2, 5, 4\).*expected \(K, H, W\)"):
        dense_crf(image, unary.transpose(0, 2, 1))


@pytest.mark.parametrize("hard", [False, True])
def test_scores_are_refined_as_they_are_or_by_their_labels(disc, hard):
    image, labels, _ = disc
    rng = np.random.default_rng(0)
    values = np.float32(labels == np.arange(3)[:, None, None]) + rng.random((3, *labels.shape))
    refined = refine_by_crf(image, ClassScores(values, (0, 4, 9)), "psa", hard=hard)
    unary = unary_from_labels(values.argmax(0), 3) if hard else unary_from_probabilities(values)
    np.testing.assert_array_equal(refined.values, dense_crf(image, unary, PRESETS["psa"]))
    assert refined.labels == (0, 4, 9)
