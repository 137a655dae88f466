"""The product of kernels against scikit-learn on kernels that are multiplied one by one."""

import numpy as np
import pytest
import sklearn.metrics
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import SVC

from wsss_lib.errors import ParameterError
from wsss_lib.expand.product import ProductSVM, hinge_loss, split_halves
from wsss_lib.expand.svm import ImageSVM, one_vs_rest
from wsss_lib.features import FeatureMap

from .maps import feature_map

SIZE = (19, 26)
ROWS, COLS = (axis.ravel() for axis in np.indices(SIZE))


def layers():
    """Many channels on few cells, few on many, and as many cells as pixels."""
    shapes = [(20, (4, 5)), (5, (10, 13)), (3, SIZE)]
    return tuple(feature_map(*shape, SIZE, seed) for seed, shape in enumerate(shapes, 1))


def label_image(classes, *maps, labelled=0.3):
    """Classes that the first channels of the maps, added up, tell apart."""
    scores = sum(map_.at(ROWS, COLS)[:, : len(classes)] for map_ in maps)
    labels = np.array(classes, np.uint8)[scores.argmax(1)].reshape(SIZE)
    void = np.random.default_rng(5).random(SIZE) > labelled
    return np.where(void, np.uint8(255), labels)


def kernels(maps, gammas, known):
    """Each layer's kernel between all pixels and the labelled ones, in float64."""
    pixels = [map_.at(ROWS, COLS).astype(np.float64) for map_ in maps]
    distances = [((X[:, None] - X[known]) ** 2).sum(-1) for X in pixels]
    return [np.exp(-gamma * each) for gamma, each in zip(gammas, distances, strict=True)]


def scale(map_, known):
    """scikit-learn's gamma of the labelled pixels."""
    values = map_.at(ROWS[known], COLS[known]).astype(np.float64)
    return 1 / (map_.channels * values.var())


def one_vs_rest_svc(kernel, fitted, labels, **parameters):
    """scikit-learn's decisions for all rows of a kernel, some of which are those of the columns."""
    svc = SVC(kernel="precomputed", tol=1e-5, **parameters)
    return OneVsRestClassifier(svc).fit(kernel[fitted], labels).decision_function(kernel)


@pytest.mark.parametrize("classes", [(0, 8), (0, 3, 12)])
@pytest.mark.parametrize("gamma", ["2xscale", 0.1])
def test_agrees_with_sklearn_on_the_multiplied_kernels(classes, gamma):
    maps, weights = layers(), np.array([0.2, 0.5, 0.3])
    labels = label_image(classes, *maps)
    known = labels.ravel() != 255
    gammas = [2 * scale(map_, known) if gamma == "2xscale" else gamma for map_ in maps]
    first, second, third = kernels(maps, gammas, known)
    product = first**0.2 * second**0.5 * third**0.3
    expected = one_vs_rest_svc(product, known, labels.ravel()[known], C=3)
    svm = ProductSVM(C=3, gamma=gamma, weights=10 * weights, tol=1e-5)
    found = svm.fit(maps, labels).decision_function(maps)
    assert found.shape == (SIZE if len(classes) == 2 else (*SIZE, 3))
    np.testing.assert_allclose(found.reshape(expected.shape), expected, atol=3e-4)
    np.testing.assert_allclose(svm.weights_, weights)
    np.testing.assert_allclose(svm.gammas_, gammas, rtol=1e-5)
    np.testing.assert_array_equal(svm.classes_, classes)
    mask = svm.predict(maps)
    assert mask.dtype == np.uint8
    ours = found.argmax(-1) if len(classes) > 2 else (found > 0).astype(int)
    np.testing.assert_array_equal(mask, np.array(classes)[ours])


@pytest.mark.parametrize("gamma", ["scale", "3xscale", 0.05])
def test_a_single_weight_is_that_layers_svm(gamma):
    maps = layers()
    labels = label_image((0, 3, 12), *maps)
    alone = ImageSVM(gamma=gamma).fit(maps[1], labels)
    svm = ProductSVM(gamma=gamma, weights=[0, 2, 0]).fit(maps, labels)
    np.testing.assert_allclose(
        svm.decision_function(maps), alone.decision_function(maps[1]), atol=2e-4
    )
    assert svm.gammas_[1] == alone.gamma_
    assert svm.n_support_ == svm.svm_.n_support_ == alone.n_support_
    assert svm.svm_.n_features_in_ == maps[1].channels  # the others are not computed at all


def test_repeated_channels_do_not_count_more():
    deep, shallow, _ = layers()
    repeated = FeatureMap(deep.values.repeat(30, 1, 1), SIZE, "repeated")
    labels = label_image((0, 3, 12), deep, shallow)

    def change(svm):
        once, often = (
            clone(svm).fit(maps, labels).decision_function(maps)
            for maps in ([deep, shallow], [repeated, shallow])
        )
        return np.abs(once - often).max()

    assert change(ProductSVM()) < 1e-3
    assert change(ImageSVM()) > 0.1


@pytest.mark.parametrize("classes", [(0, 8), (0, 3, 12)])
def test_tuned_weights_are_those_of_the_informative_layer(classes):
    noise, informative = feature_map(20, SIZE, SIZE, 1), feature_map(5, (5, 6), SIZE, 2)
    labels = label_image(classes, informative)
    svm, again = (
        ProductSVM(weights="tuned", threads=threads).fit([noise, informative], labels)
        for threads in (1, 2)
    )
    assert svm.weights_.sum() == pytest.approx(1)
    assert svm.weights_[0] <= 0.25
    np.testing.assert_array_equal(svm.weights_, again.weights_)
    np.testing.assert_array_equal(
        svm.predict([noise, informative]), again.predict([noise, informative])
    )


@pytest.mark.parametrize("classes", [(0, 8), (0, 3, 12)])
def test_tuned_weights_judge_better_than_any_layer(classes):
    maps = layers()
    labels = label_image(classes, *maps)
    svm = ProductSVM(C=3, weights="tuned").fit(maps, labels)
    known = np.flatnonzero(labels != 255)
    fitting, judging = (known[half] for half in split_halves(labels.ravel()[known]))
    matrices = kernels(maps, svm.gammas_, fitting)

    def loss(weights):
        product = np.prod([k**w for k, w in zip(matrices, weights, strict=True)], axis=0)
        decision = one_vs_rest_svc(product, fitting, labels.ravel()[fitting], C=3)
        return sklearn.metrics.hinge_loss(labels.ravel()[judging], decision[judging])

    assert (svm.weights_ > 0).sum() > 1
    assert loss(svm.weights_) < min(map(loss, np.eye(3)))


def test_halves_hold_half_of_each_class():
    labels = np.repeat([4, 7, 9], [1, 5, 8])
    fitting, judging = split_halves(labels)
    np.testing.assert_array_equal(np.sort(np.concatenate([fitting, judging])), np.arange(14))
    assert [(labels[fitting] == label).sum() for label in (4, 7, 9)] == [1, 3, 4]
    np.testing.assert_array_equal(fitting, split_halves(labels)[0])


@pytest.mark.parametrize("classes", [2, 3])
def test_hinge_loss_is_sklearns(classes):
    generator = np.random.default_rng(0)
    labels = np.arange(30) % classes
    decision = generator.normal(size=(30, 1 if classes == 2 else classes))
    expected = sklearn.metrics.hinge_loss(labels, decision)
    assert hinge_loss(decision, one_vs_rest(labels)) == pytest.approx(expected)


def test_tunes_although_classes_have_a_single_sample():
    maps = layers()
    for classes in [(0, 8), (0, 3, 12)]:
        labels = np.full(SIZE, 255, np.uint8)
        labels[range(len(classes)), 0] = classes
        svm = ProductSVM(weights="tuned").fit(maps, labels)
        np.testing.assert_allclose(svm.weights_, 1 / 3)  # no sample is left to judge
        labels[4:, 3] = classes[-1]
        svm.fit(maps, labels)
        assert svm.weights_.sum() == pytest.approx(1)
        np.testing.assert_array_equal(np.unique(svm.classes_), classes)


@pytest.mark.parametrize("weights", ["equal", "tuned"])
def test_one_class_or_one_layer(weights):
    maps, svm = layers(), ProductSVM(weights=weights)
    svm.fit(maps, label_image([7], *maps))
    np.testing.assert_array_equal(svm.predict(maps), np.full(SIZE, 7, np.uint8))
    np.testing.assert_array_equal(svm.decision_function(maps), np.zeros(SIZE))
    np.testing.assert_allclose(svm.weights_, 1 / 3)
    svm.fit(maps[0], label_image([7, 9], maps[0]))
    assert svm.weights_.tolist() == [1]
    assert svm.predict(maps[0]).shape == SIZE


def test_follows_the_conventions_of_estimators():
    svm = ProductSVM(C=3, gamma="2xscale", weights=[1, 3, 2])
    assert clone(svm).get_params() == svm.get_params()
    maps = layers()
    with pytest.raises(NotFittedError):
        svm.predict(maps)
    assert svm.fit(maps, label_image([0, 1], *maps)) is svm
    assert svm.weights == [1, 3, 2]


@pytest.mark.parametrize(
    "parameters",
    [
        {"gamma": "auto"},
        {"weights": "best"},
        {"weights": [0, 0, 0]},
        {"weights": [1, 2, -1]},
        {"weights": [1, 2, float("nan")]},
        {"weights": [1, 2, float("inf")]},
        {"weights": [1, 2]},
        {"weights": [[1, 2, 3]]},
        {"weights": ["a", "b", "c"]},
        {"weights": 1},
        {"weights": None},
    ],
)
def test_refuses_bad_parameters(parameters):
    (name,) = parameters
    maps = layers()
    with pytest.raises(ParameterError, match=f"{name}=.*expected"):
        ProductSVM(**parameters).fit(maps, label_image([0, 1], *maps))


def test_other_layers_and_feature_vectors_are_refused():
    maps, vectors = layers(), np.zeros((3, 28))
    svm = ProductSVM().fit(maps, label_image([0, 1], *maps))
    for X in (maps[:2], maps[::-1], maps[0]):
        with pytest.raises(ParameterError, match=r"fitted with \(20, 5, 3\)"):
            svm.predict(X)
    for refuse in (lambda: svm.predict(vectors), lambda: svm.fit(vectors, [0, 1, 1])):
        with pytest.raises(ParameterError, match="ndarray; expected feature maps"):
            refuse()
