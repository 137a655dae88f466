"""Each step by itself, on a small image, against the library's parts put together by hand."""

import numpy as np
import pytest
from scipy.special import expit, softmax

from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.pseudo.steps import CRF, IRN, SVM, Seed, decision_scores
from wsss_lib.expand.selection import SELECTIONS, select_samples
from wsss_lib.expand.svm import ImageSVM
from wsss_lib.refine.crf import PRESETS, dense_crf, unary_from_labels, unary_from_probabilities
from wsss_lib.refine.irn.network import edge_map
from wsss_lib.refine.irn.walk import refine_scores
from wsss_lib.scores import ClassScores


def some(scores, *labels):
    """The scores of some of the classes."""
    return ClassScores(scores.values[[scores.labels.index(label) for label in labels]], labels)


def test_a_seed_is_what_the_localiser_gives(view):
    asked, scores = Seed().run(view, None).scores
    assert asked == ("some data set", "stripes")
    assert scores is view.scores


@pytest.mark.parametrize("labels", [(3,), (0, 5), (0, 3, 5)])
@pytest.mark.parametrize("temperature", [0.01, 1, 30])
def test_decision_scores_are_a_softmax_whose_mask_is_the_prediction(view, labels, temperature):
    strokes = some(view.scores, *labels).mask()
    strokes[::2] = 255
    layers = list(view.features(["img"]).values())
    svm = ImageSVM(threads=1).fit(layers, strokes)
    scores = decision_scores(svm, layers, temperature)
    assert scores.labels == labels
    np.testing.assert_array_equal(scores.mask(), svm.predict(layers))
    decision = svm.decision_function(layers) / temperature
    if len(labels) == 1:
        expected = np.ones((1, 24, 30))
    elif len(labels) == 2:  # two classes are one problem: a logistic function of twice its value
        expected = np.stack([expit(-2 * decision), expit(2 * decision)])
        assert len(np.unique(scores.mask())) == 2
    else:
        expected = softmax(decision, -1).transpose(2, 0, 1)
        assert len(np.unique(scores.mask())) == 3
    assert scores.values.dtype == np.float32
    np.testing.assert_allclose(scores.values, expected, rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("how", SELECTIONS)
@pytest.mark.parametrize("feature", ["img", "img+xy"])
def test_the_svm_learns_from_samples_of_the_scores(view, how, feature):
    step = SVM(20, feature, how, look="img", C=3, gamma="2xscale", temperature=2, seed=7)
    result = step.run(view, view.scores)
    look = view.features(["img"])["img"]
    chosen = select_samples(view.scores, 20, how, look, 7, "stripes")
    np.testing.assert_array_equal(result.samples.label_image(), chosen.label_image())
    layers = list(view.features(feature.split("+")).values())
    svm = ImageSVM(C=3, gamma="2xscale", threads=1).fit(layers, chosen.label_image())
    np.testing.assert_array_equal(result.scores.mask(), svm.predict(layers))
    softened = softmax(svm.decision_function(layers) / 2, -1).transpose(2, 0, 1)
    np.testing.assert_allclose(result.scores.values, softened, rtol=1e-5)


def test_a_label_that_the_seed_lost_stays_lost(view):
    values = view.scores.values * np.float32([[[1]], [[0]], [[1]]])
    before = ClassScores(values, (0, 3, 5))
    result = SVM(20, "img", "confident", "img").run(view, before)
    assert result.scores.labels == (0, 5)
    assert result.samples.counts == {0: 20, 5: 20}
    after = CRF().run(view, result.scores).scores
    assert after.labels == (0, 5)


@pytest.mark.parametrize("preset", ["irn", "deeplab"])
def test_the_crf_takes_scores_as_probabilities_or_only_their_labels(view, preset):
    before, parameters = view.scores, PRESETS[preset]
    soft, hard = (CRF(preset, hard).run(view, before) for hard in (False, True))
    values = dense_crf(view.image, unary_from_probabilities(before.values), parameters)
    np.testing.assert_array_equal(soft.scores.values, values)
    unary = unary_from_labels(before.values.argmax(0), 3, 0.7)
    np.testing.assert_array_equal(hard.scores.values, dense_crf(view.image, unary, parameters))
    assert soft.scores.labels == hard.scores.labels == (0, 3, 5)
    assert not np.array_equal(soft.scores.values, hard.scores.values)
    assert soft.samples is None


def test_irn_walks_along_the_edges_of_the_image(view, edges):
    found = IRN(power=1.2, beta=4, doublings=2).run(view, view.scores).scores
    edge = edge_map(edges, view.image)
    expected = refine_scores(view.scores, edge, power=1.2, beta=4, doublings=2)
    assert found.labels == (0, 3, 5)
    np.testing.assert_array_equal(found.values, expected.values)
    plain = IRN().run(view, view.scores).scores.values
    np.testing.assert_array_equal(plain, refine_scores(view.scores, edge).values)


def test_an_image_without_object_labels_is_background_at_every_step(view):
    before = ClassScores(np.full((1, 24, 30), 0.4, np.float32), (0,))
    for how in SELECTIONS:
        result = SVM(20, "img", how, "img").run(view, before)
        assert result.samples.counts == {0: 20}
        assert (result.scores.values == 1).all()
    for step in (CRF(), CRF(hard=True), IRN()):
        scores = step.run(view, before).scores
        assert scores.labels == (0,)
        assert not scores.mask().any()
        assert np.isfinite(scores.values).all()


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: SVM(0), "samples=0"),
        (lambda: SVM(20, "F6"), "No layer 'F6'"),
        (lambda: SVM(20, "F1*F3"), r"feature='F1\*F3'; expected a layer, or several joined by \+"),
        (lambda: SVM(20, selection="best"), "selection='best'; expected one of seed, confident"),
        (lambda: SVM(20, look="F9"), "No layer 'F9'"),
        (lambda: SVM(20, C=-1), "C=-1"),
        (lambda: SVM(20, gamma="wide"), "gamma='wide'"),
        (lambda: SVM(20, temperature=0), "temperature=0"),
        (lambda: SVM(20, temperature=float("nan")), "temperature=nan"),
        (lambda: SVM(20, temperature=float("inf")), "temperature=inf"),
        (lambda: CRF("afa"), "'afa'"),
    ],
)
def test_bad_parameters_are_refused_before_any_work(make, text):
    with pytest.raises(ParameterError, match=text):
        make()
