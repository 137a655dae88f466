"""The estimator against scikit-learn's one-vs-rest SVM."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import SVC

from wsss_lib.errors import ParameterError
from wsss_lib.expand.svm import ImageSVM, one_vs_rest_maps, parse_gamma
from wsss_lib.features import FeatureMap

from .maps import feature_map, full_resolution

SIZE = (23, 31)


def five_channels(channels=5):
    return feature_map(channels, (6, 8), SIZE)


def label_image(classes, seed=1, labelled=0.4):
    """Classes that the first channels of `five_channels` tell apart, but for some noise."""
    generator = np.random.default_rng(seed)
    scores = full_resolution(five_channels())[:, : len(classes)].reshape(*SIZE, -1)
    noisy = scores + 0.2 * generator.normal(size=scores.shape)
    labels = np.array(classes, np.uint8)[noisy.argmax(-1)]
    return np.where(generator.random(SIZE) < labelled, labels, np.uint8(255))


def sklearn_ovr(X, y, **parameters):
    return OneVsRestClassifier(SVC(**parameters)).fit(X, y)


@pytest.mark.parametrize("solver", ["ours", "libsvm"])
@pytest.mark.parametrize("kernel", ["rbf", "linear"])
@pytest.mark.parametrize("classes", [(0, 8), (0, 3, 12)])
def test_agrees_with_sklearn_on_maps(solver, kernel, classes):
    maps, labels = (five_channels(), feature_map(3, (12, 16), SIZE, seed=2)), label_image(classes)
    pixels, known = full_resolution(*maps), labels.ravel() != 255
    oracle = sklearn_ovr(pixels[known], labels.ravel()[known], kernel=kernel, tol=1e-5)
    svm = ImageSVM(kernel=kernel, solver=solver, tol=1e-5).fit(maps, labels)
    expected = oracle.decision_function(pixels)
    found = svm.decision_function(maps)
    assert found.shape == (SIZE if len(classes) == 2 else (*SIZE, 3))
    np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=1e-4, atol=2e-4)
    mask = svm.predict(maps)
    assert mask.dtype == np.uint8
    assert (mask.ravel() == oracle.predict(pixels)).mean() > 0.995
    np.testing.assert_array_equal(svm.classes_, oracle.classes_)


@pytest.mark.parametrize("gamma", ["scale", "3xscale", 0.2])
def test_agrees_with_sklearn_on_vectors(gamma):
    generator = np.random.default_rng(0)
    X, y = generator.normal(size=(120, 7)), generator.choice(["cat", "cow", "dog"], 120)
    value = 3 / (7 * X.var()) if gamma == "3xscale" else gamma
    oracle = sklearn_ovr(X, y, gamma=value, C=10, tol=1e-5)
    svm = ImageSVM(gamma=gamma, C=10, tol=1e-5).fit(X, y)
    new = generator.normal(size=(50, 7))
    np.testing.assert_allclose(svm.decision_function(new), oracle.decision_function(new), atol=2e-4)
    np.testing.assert_array_equal(svm.predict(new), oracle.predict(new))


def test_two_classes_are_positive_for_the_second():
    svm = ImageSVM().fit(np.array([[0.0], [1.0], [5.0], [6.0]]), np.array(["a", "a", "b", "b"]))
    decision = svm.decision_function(np.array([[0.5], [5.5]]))
    assert decision.shape == (2,)
    assert decision[0] < 0 < decision[1]


def test_one_class_is_constant():
    svm = ImageSVM().fit(five_channels(), label_image([7]))
    np.testing.assert_array_equal(svm.predict(five_channels()), np.full(SIZE, 7, np.uint8))
    np.testing.assert_array_equal(svm.decision_function(five_channels()), np.zeros(SIZE))


def test_follows_the_conventions_of_estimators():
    svm = ImageSVM(C=3, gamma="2xscale")
    assert clone(svm).get_params() == svm.get_params()
    with pytest.raises(NotFittedError):
        svm.predict(five_channels())
    assert svm.fit(five_channels(), label_image([0, 1])) is svm
    assert svm.n_support_ == len(svm.support_) == len(svm.duals_.support)


@pytest.mark.parametrize(
    "parameters",
    [
        {"kernel": "poly"},
        {"solver": "fast"},
        {"C": 0},
        {"C": float("nan")},
        {"tol": -1},
        {"threads": 0},
        {"gamma": "auto"},
        {"gamma": "-1xscale"},
        {"gamma": 0},
    ],
)
def test_refuses_bad_parameters(parameters):
    (name,) = parameters
    with pytest.raises(ParameterError, match=f"{name}="):
        ImageSVM(**parameters).fit(five_channels(), label_image([0, 1]))


def test_refuses_bad_input():
    svm, good, labels = ImageSVM(), five_channels(), label_image([0, 1])
    broken = FeatureMap(good.values.clone(), SIZE, "F1")
    broken.values[0, 0, 0] = float("nan")
    other_size = FeatureMap(good.values, (5, 5))
    for X, y, message in [
        (broken, labels, "'F1' holds NaN"),
        (good, labels[1:], "label image has shape"),
        (good, np.full(SIZE, 255, np.uint8), "void"),
        ([good, other_size], labels, "one size"),
        ([], labels, "empty"),
        (np.array([[np.inf]]), [0], "infinity"),
        (np.zeros((0, 3)), [], "at least one sample"),
        (np.zeros(3), np.zeros(3), "expected numbers of shape"),
        (np.zeros((3, 2)), np.zeros(2), "one label for each"),
    ]:
        with pytest.raises(ParameterError, match=message):
            svm.fit(X, y)
    with pytest.raises(ParameterError, match="fitted with 5"):
        svm.fit(good, labels).predict(five_channels(3))


def test_reads_gamma():
    assert parse_gamma("0.5xscale") == (0.5, True)
    assert parse_gamma("0.25") == (0.25, False)


@pytest.mark.parametrize("classes", [1, 2, 3])
def test_the_largest_of_the_decision_maps_is_the_prediction(classes):
    map_ = feature_map(4, (6, 8), (12, 16))
    labels = np.arange(12 * 16, dtype=np.uint8).reshape(12, 16) % classes
    svm = ImageSVM().fit(map_, labels)
    decision = one_vs_rest_maps(svm.decision_function(map_), classes)
    assert decision.shape == (12, 16, classes)
    np.testing.assert_array_equal(svm.classes_[decision.argmax(-1)], svm.predict(map_))
