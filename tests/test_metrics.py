import numpy as np
import pytest
import sklearn.metrics
import torch
import torchmetrics.functional.classification as oracle

from wsss_lib.errors import ParameterError
from wsss_lib.metrics import (
    DRAWS,
    confusion_matrix,
    dense,
    drawn_scores,
    interval,
    iou,
    mean_iou,
    sparse,
)

RNG = np.random.default_rng(0)


def masks(n_classes=4, void=0.1, size=(30, 40)):
    truth = RNG.integers(0, n_classes, size, np.uint8)
    prediction = RNG.integers(0, n_classes, size, np.uint8)
    return np.where(RNG.random(size) < void, np.uint8(255), truth), prediction


def test_confusion_matrix_agrees_with_scikit_learn_where_the_truth_is_not_void():
    truth, prediction = masks()
    judged = truth != 255
    expected = sklearn.metrics.confusion_matrix(truth[judged], prediction[judged])
    assert np.array_equal(confusion_matrix(truth, prediction, 4), expected)


def test_iou_agrees_with_torchmetrics():
    truth, prediction = masks()
    expected = oracle.multiclass_jaccard_index(
        torch.tensor(prediction.astype(int)),
        torch.tensor(truth.astype(int)),
        num_classes=4,
        average="none",
        ignore_index=255,
    )
    np.testing.assert_allclose(iou(confusion_matrix(truth, prediction, 4)), expected, atol=1e-6)


def test_a_perfect_prediction_scores_one_and_a_disjoint_one_zero():
    truth = np.array([[0, 0, 1, 1]], np.uint8)
    assert iou(confusion_matrix(truth, truth, 2)).tolist() == [1, 1]
    assert iou(confusion_matrix(truth, 1 - truth, 2)).tolist() == [0, 0]


def test_a_class_that_is_nowhere_has_no_score_and_does_not_lower_the_mean():
    truth = np.array([[0, 2]], np.uint8)
    confusion = confusion_matrix(truth, truth, 3)
    assert np.isnan(iou(confusion)[1])
    assert mean_iou(confusion) == 1


def test_a_class_that_is_predicted_but_absent_scores_zero():
    confusion = confusion_matrix(np.zeros((1, 2), np.uint8), np.array([[0, 1]], np.uint8), 2)
    assert iou(confusion).tolist() == [0.5, 0]


def test_nothing_but_void_has_no_mean():
    void = np.full((2, 2), 255, np.uint8)
    assert np.isnan(mean_iou(confusion_matrix(void, np.zeros_like(void), 3)))


def test_what_is_predicted_at_void_pixels_does_not_count():
    truth = np.array([[0, 255]], np.uint8)
    assert confusion_matrix(truth, np.array([[0, 200]], np.uint8), 2).sum() == 1


def test_pixels_outside_the_region_are_left_out():
    truth, prediction = masks()
    region = RNG.random(truth.shape) < 0.5
    left_out = np.where(region, truth, np.uint8(255))
    assert np.array_equal(
        confusion_matrix(truth, prediction, 4, region), confusion_matrix(left_out, prediction, 4)
    )


def test_masks_of_two_images_and_unknown_classes_are_refused():
    with pytest.raises(ParameterError, match="one image"):
        confusion_matrix(np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8), 2)
    with pytest.raises(ParameterError, match="classes 0 to 1"):
        confusion_matrix(np.zeros((1, 1), np.uint8), np.full((1, 1), 7, np.uint8), 2)


def test_a_sparse_confusion_matrix_comes_back_whole():
    confusion = np.array([[5, 0, 2], [0, 0, 0], [1, 0, 7]])
    assert sparse(confusion) == [[0, 0, 5], [0, 2, 2], [2, 0, 1], [2, 2, 7]]
    assert np.array_equal(dense(sparse(confusion), 3), confusion)


def test_drawing_images_anew_gives_the_spread_of_a_mean():
    # one class, each image right on a share of its pixels: IoU of a pool is the mean of shares
    rng = np.random.default_rng(0)
    shares = rng.integers(0, 101, 200)
    confusions = [[[0, 0, int(s)], [0, 1, int(100 - s)]] for s in shares]
    draws = drawn_scores(confusions, 2, over=[0])
    assert draws.shape == (DRAWS,)
    assert draws.std() == pytest.approx(shares.std() / np.sqrt(200), rel=0.1)
    low, high = interval(draws)
    assert high - low == pytest.approx(2 * 1.96 * shares.std() / np.sqrt(200), rel=0.1)
