"""A trained network in use: probabilities, masks, CRF, confusion matrix."""

from copy import deepcopy
from functools import partial

import numpy as np
import pytest
import torch
from torch.nn import functional

from wsss_lib.errors import DivergedError, ParameterError
from wsss_lib.segmentation.segmenter import load_segmenter, pooled_confusion, probabilities
from wsss_lib.weak.crf import PRESETS, dense_crf, unary_from_probabilities


@pytest.fixture(scope="module")
def segmenter(trained):
    return load_segmenter(trained)


def test_scores_are_probabilities_in_the_size_of_the_image(segmenter, squares):
    image = squares[0].image[:37, :43]
    scores = segmenter.scores(image)
    assert scores.labels == tuple(range(len(squares.classes)))
    assert scores.values.shape == (len(squares.classes), 37, 43)
    assert scores.values.dtype == np.float32
    network = segmenter.network
    assert not network.training
    with torch.no_grad():
        logits = network(network.backbone.normalise(image))
        logits = functional.interpolate(logits, (37, 43), mode="bilinear")[0].double().numpy()
    expected = np.exp(logits) / np.exp(logits).sum(0)
    np.testing.assert_allclose(scores.values, expected, atol=1e-6)
    np.testing.assert_array_equal(segmenter.mask(image), expected.argmax(0))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_network_that_diverged_gives_no_mask(segmenter, squares, value):
    network = deepcopy(segmenter.network)
    network.aspp.branches[0].bias.data[2] = value
    with pytest.raises(DivergedError, match=r"Probabilities that are not finite: .* \(--lr\)"):
        probabilities(network, squares[0].image)


def test_the_crf_is_given_the_probabilities(segmenter, squares):
    image = squares[0].image
    plain, refined = segmenter.scores(image), segmenter.scores(image, "deeplab")
    expected = dense_crf(image, unary_from_probabilities(plain.values), PRESETS["deeplab"])
    np.testing.assert_array_equal(refined.values, expected)
    np.testing.assert_array_equal(segmenter.mask(image, "deeplab"), expected.argmax(0))
    assert np.abs(plain.values - refined.values).max() > 0.01
    with pytest.raises(ParameterError, match="No CRF preset 'afa'"):
        segmenter.scores(image, "afa")


def test_the_confusion_matrix_is_that_of_all_images(squares):
    """What is predicted is the truth with a column moved to the next class."""
    truths = {sample.image.tobytes(): sample.mask for sample in squares}

    def predict(image):
        mask = truths[image.tobytes()].copy()
        mask[:, 0] += 1
        return mask

    confusion = pooled_confusion(predict, squares)
    assert confusion.sum() == 12 * 40 * 52
    first = np.concatenate([sample.mask[:, 0] for sample in squares])
    for label in range(3):
        assert confusion[label, label + 1] == (first == label).sum()
    assert np.trace(confusion) == 12 * 40 * 51


def test_masks_with_a_crf_are_scored_too(segmenter, squares):
    two = squares.subset(squares.ids[:2])
    refined = pooled_confusion(partial(segmenter.mask, crf_preset="deeplab"), two)
    assert refined.sum() == 2 * 40 * 52


def test_the_caption_says_whose_miou_it_is(segmenter):
    last = segmenter.history.iloc[-1]
    assert segmenter.caption() == (
        f"loss {last['loss']:.3f}, mIoU {100 * last['mean_iou']:.1f} % on val against "
        "SegmentationClass, CRF: no; learnt from 12 images of train (toy) with SegmentationClass"
    )
