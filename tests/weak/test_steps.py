"""What steps see of an image."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, softmax

from wsss_lib.errors import ParameterError, WeightsError
from wsss_lib.expand.sampling import SAMPLES_PER_CLASS
from wsss_lib.expand.svm import ImageSVM
from wsss_lib.features import extract
from wsss_lib.scores import ClassScores
from wsss_lib.weak.crf import PRESETS, dense_crf, unary_from_labels, unary_from_probabilities
from wsss_lib.weak.irn.network import edge_map
from wsss_lib.weak.irn.walk import refine_scores
from wsss_lib.weak.selection import SELECTIONS, select_samples
from wsss_lib.weak.steps import (
    CRF,
    IRN,
    SVM,
    Seed,
    StepResult,
    View,
    decision_scores,
    make_steps,
    run_steps,
)


def test_features_are_z_scored_ones_of_the_localisers_backbone(squares, networks):
    view = View(squares, squares.ids[0], networks)
    np.testing.assert_array_equal(view.image, squares[0].image)
    maps = view.features(["F4", "img", "F1"])
    backbone = networks.localiser.load().network.backbone
    expected = extract(squares[0].image, ("img", "F1", "F4"), backbone)
    assert list(maps) == ["F4", "img", "F1"]
    for layer, found in maps.items():
        np.testing.assert_array_equal(found.values, expected[layer].values)
    assert abs(float(maps["F4"].values.mean())) < 1e-5


def test_edges_that_are_not_there_are_a_sentence(networks, tmp_path):
    with pytest.raises(ParameterError, match="needs IRN's edge network, and none was given"):
        replace(networks, edges=None).load_edges()
    with pytest.raises(WeightsError, match="No weights file"):
        replace(networks, edges=tmp_path / "nowhere.pth").load_edges()
    with pytest.raises(WeightsError, match="an edge network was expected"):
        replace(networks, edges=networks.localiser.path).load_edges()


def test_edges_run_where_the_localiser_does(networks):
    assert next(networks.load_edges().parameters()).device.type == "cpu"
    elsewhere = replace(networks.localiser, device="nowhere")
    with pytest.raises(ParameterError, match="device='nowhere' cannot be used here"):
        replace(networks, localiser=elsewhere).load_edges()


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


def test_each_step_gets_the_scores_of_the_one_before(view):
    got = []

    class Noted:
        def __init__(self, name):
            self.name = name

        def run(self, of, before):
            got.append((self.name, of, before and before.labels))
            labels = (0, {"a": 3, "b": 5}[self.name])
            return StepResult(ClassScores(view.scores.values[:2], labels))

    steps = [Noted("a"), Noted("b")]
    done = run_steps(view, steps)
    assert list(done) == steps
    assert got == [("a", view, None), ("b", view, (0, 3))]
    for result, seconds in done.values():
        assert result.scores.labels[0] == 0
        assert 0 <= seconds < 5


def test_steps_are_made_by_their_names_and_take_the_parameters_that_they_have():
    chosen = {"samples": 50, "C": 4, "temperature": None, "preset": "psa", "threshold": 0.3}
    steps = make_steps(["seed", "svm", "crf", "irn"], "toy", **chosen)
    assert steps == (Seed(), SVM(50, C=4), CRF("psa"), IRN(beta=20))
    for dataset, count in SAMPLES_PER_CLASS.items():
        assert make_steps(["seed", "svm"], dataset)[1].samples == count


@pytest.mark.parametrize(
    ("names", "hard"),
    [
        (["seed", "crf"], True),
        (["seed", "svm", "crf"], False),
        (["seed", "irn", "crf"], False),
        (["seed", "crf", "svm"], True),
    ],
)
def test_only_right_after_the_seed_the_crf_gets_labels(names, hard):
    (crf,) = (step for step in make_steps(names, "toy") if step.name == "crf")
    assert crf.hard is hard


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["seed", "glow"], "No step 'glow'; expected some of seed, svm, crf, irn"),
        (["svm", "crf"], "The steps svm, crf; expected a seed, then different ones"),
        (["seed", "svm", "svm"], "The steps seed, svm, svm"),
        ([], "expected a seed"),
    ],
)
def test_steps_that_do_not_go_together_are_refused(names, text):
    with pytest.raises(ParameterError, match=text):
        make_steps(names, "toy")
