"""What each step makes of an image, and how steps are put together."""

import pickle
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import expit, softmax

from wsss_lib.errors import ParameterError
from wsss_lib.expand.sampling import SAMPLES_PER_CLASS
from wsss_lib.expand.svm import ImageSVM
from wsss_lib.features import extract
from wsss_lib.scores import ClassScores
from wsss_lib.weak import steps as steps_module
from wsss_lib.weak.chain import BETA, SINGLE, make_steps, run_steps
from wsss_lib.weak.crf import refine_by_crf
from wsss_lib.weak.irn.network import edge_map
from wsss_lib.weak.irn.train import load_edges
from wsss_lib.weak.irn.walk import refine_scores
from wsss_lib.weak.seeds import with_background
from wsss_lib.weak.selection import SELECTIONS, select_samples
from wsss_lib.weak.steps import (
    CRF,
    IRN,
    SVM,
    Expand,
    Seed,
    decision_scores,
)


def some(scores, *labels):
    """The scores of some of the classes."""
    return ClassScores(scores.values[[scores.labels.index(label) for label in labels]], labels)


def test_a_seed_is_what_the_localiser_gives(stripes):
    assert Seed(stripes.localiser).run(stripes, "stripes") is stripes.scores


@pytest.mark.parametrize("labels", [(3,), (0, 5), (0, 3, 5)])
@pytest.mark.parametrize("temperature", [0.01, 1, 30])
def test_decision_scores_are_a_softmax_whose_mask_is_the_prediction(stripes, labels, temperature):
    strokes = some(stripes.scores, *labels).mask()
    strokes[::2] = 255
    layers = list(extract(stripes.image("stripes"), ["img"]).values())
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


@pytest.mark.parametrize(
    ("feature", "selection"), [("img", "seed"), ("img+xy", "confident"), ("F4", "consistent")]
)
def test_the_svm_learns_from_samples_of_the_scores(few_squares, localiser, feature, selection):
    """On z-scored features, those of the localiser's backbone among them."""
    id_, svm = few_squares.ids[0], {"C": 3, "gamma": "2xscale"}
    before = localiser.scores(few_squares, id_)
    step = SVM(localiser, 20, feature, selection, look="F1", **svm, temperature=2, seed=7)
    result = step.run(few_squares, id_, before)
    backbone = localiser.load().network.backbone
    maps = extract(few_squares.image(id_), ("img", "xy", "F1", "F4"), backbone)
    chosen = select_samples(before, 20, selection, maps["F1"], 7, id_)
    np.testing.assert_array_equal(result.samples.label_image(), chosen.label_image())
    layers = [maps[layer] for layer in feature.split("+")]
    svm = ImageSVM(**svm, threads=1).fit(layers, chosen.label_image())
    np.testing.assert_array_equal(result.mask(), svm.predict(layers))
    softened = softmax(svm.decision_function(layers) / 2, -1).transpose(2, 0, 1)
    np.testing.assert_allclose(result.values, softened, rtol=1e-5)


def test_a_label_that_the_seed_lost_stays_lost(stripes):
    values = stripes.scores.values * np.float32([[[1]], [[0]], [[1]]])
    svm = SVM(stripes.localiser, 20, "img", "confident", "img")
    result = svm.run(stripes, "stripes", ClassScores(values, (0, 3, 5)))
    assert result.labels == (0, 5)
    assert result.samples.counts == {0: 20, 5: 20}
    assert CRF().run(stripes, "stripes", result).labels == (0, 5)


@pytest.mark.parametrize("kind", ["maps", "labels", "probabilities"])
def test_the_crf_takes_probabilities_as_they_are_and_all_else_by_its_labels(stripes, kind):
    values = stripes.scores.values
    if kind == "labels":
        values = (values == values.max(0)).astype(np.float32)
    elif kind == "probabilities":
        values = values / values.sum(0)
    before = ClassScores(values, (0, 3, 5))
    refined = CRF("deeplab").run(stripes, "stripes", before)
    image = stripes.image("stripes")
    expected = refine_by_crf(image, before, "deeplab", hard=kind != "probabilities")
    np.testing.assert_array_equal(refined.values, expected.values)
    assert refined.labels == (0, 3, 5)
    assert refined.samples is None


def test_irn_walks_along_the_edges_of_the_image(stripes, checkpoints):
    irn = IRN(checkpoints.edges, power=1.2, beta=4, doublings=2)
    found = irn.run(stripes, "stripes", stripes.scores)
    edge = edge_map(load_edges(checkpoints.edges).network, stripes.image("stripes"))
    expected = refine_scores(stripes.scores, edge, power=1.2, beta=4, doublings=2)
    assert found.labels == (0, 3, 5)
    np.testing.assert_array_equal(found.values, expected.values)
    plain = IRN(checkpoints.edges).run(stripes, "stripes", stripes.scores)
    np.testing.assert_array_equal(plain.values, refine_scores(stripes.scores, edge).values)


@pytest.fixture
def three_rooms(monkeypatch):
    """An image of three rooms between walls of edges, 24 x 60, and the middles of the rooms."""
    edge = np.zeros((6, 15), np.float32)
    edge[:, [4, 5, 9, 10]] = 1
    monkeypatch.setattr(steps_module, "edge_map", lambda network, image: edge)
    monkeypatch.setattr(IRN, "load", lambda irn: SimpleNamespace(network=None))
    return SimpleNamespace(image=lambda id_: None), np.s_[:, [6, 29, 52]]


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        # by hand: CAMs divided by the greatest are 1, 0.3 and 0.2 in their rooms
        ((0.8, 0.24, 0.16), (4, 9, 0)),
        ((0.4, 0.1, 0.104), (4, 0, 9)),  # 1, 0.25 (no more than the background), 0.26
    ],
)
def test_plain_cams_walk_first_and_meet_their_background_afterwards(three_rooms, levels, expected):
    dataset, middles = three_rooms
    rooms = np.repeat(np.float32([levels]), 20, 1).reshape(60)
    first = np.arange(60) < 20
    cams = np.stack([np.where(first, rooms, 0), np.where(first, 0, rooms)])
    before = with_background(np.repeat(cams[:, None], 24, 1), (4, 9), 0.15)
    irn = IRN("edges.pth", power=1.0, background=0.25)
    found = irn.run(dataset, "rooms", before)
    assert found.labels == (0, 4, 9)
    assert (found.mask()[middles] == expected).all()
    assert (found.values[0] == 0.25).all()
    # SIPE's way: the background walks, too, and all are raised to 1.5 first
    together = IRN("edges.pth").run(dataset, "rooms", before)
    np.testing.assert_allclose(
        together.values[0][middles], [[(0.15 / max(levels)) ** 1.5] * 3] * 24, rtol=0.02
    )


def test_a_walk_spreads_a_cam_over_its_room(three_rooms):
    dataset, middles = three_rooms
    cam = np.zeros((1, 24, 60), np.float32)
    cam[0, 8:16, 4:12] = 1
    found = IRN("edges.pth", power=1.0, background=0.25).run(
        dataset, "rooms", with_background(cam, (4,), 0.15)
    )
    assert (found.mask()[middles] == (4, 0, 0)).all()


@pytest.mark.parametrize(
    ("names", "has_background", "plain"),
    [
        (["seed", "irn"], False, True),
        (["seed", "irn", "crf"], False, True),
        (["seed", "irn"], True, False),
        (["seed", "crf", "irn"], False, False),  # the CRF's background is the image's own
    ],
)
def test_plain_cams_walk_as_irn_does_and_all_else_as_sipe(stripes, names, has_background, plain):
    localiser = SimpleNamespace(device="cpu", has_background=has_background)
    steps = make_steps(names, stripes, localiser=localiser, edges="edges.pth")
    (irn,) = (step for step in steps if step.name == "irn")
    assert (irn.power, irn.background) == ((1.0, 0.25) if plain else (1.5, None))


def test_an_image_without_object_labels_is_background_at_every_step(stripes, checkpoints):
    before = ClassScores(np.full((1, 24, 30), 0.4, np.float32), (0,))
    for selection in SELECTIONS:
        svm = SVM(stripes.localiser, 20, "img", selection, "img")
        result = svm.run(stripes, "stripes", before)
        assert result.samples.counts == {0: 20}
        assert (result.values == 1).all()
    walks = IRN(checkpoints.edges), IRN(checkpoints.edges, power=1.0, background=0.25)
    for step in (CRF(), *walks):
        scores = step.run(stripes, "stripes", before)
        assert scores.labels == (0,)
        assert not scores.mask().any()
        assert np.isfinite(scores.values).all()


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: SVM(None, 0), "samples=0"),
        (lambda: SVM(None, 20, "F6"), "No layer 'F6'"),
        (lambda: SVM(None, 20, "F1*F3+F4"), r"No feature 'F1\*F3\+F4'"),
        (lambda: Expand(SVM(None, 20), CRF(), 0), "rounds=0"),
        (lambda: SVM(None, 20, selection="best"), "No selection 'best'"),
        (lambda: SVM(None, 20, look="F9"), "No layer 'F9'"),
        (lambda: SVM(None, 20, C=-1), "C=-1"),
        (lambda: SVM(None, 20, temperature=0), "temperature=0"),
        (lambda: SVM(None, 20, temperature=float("inf")), "temperature=inf"),
        (lambda: CRF("afa"), "'afa'"),
    ],
)
def test_bad_parameters_are_refused_before_any_work(make, text):
    with pytest.raises(ParameterError, match=text):
        make()


def test_steps_are_small_and_say_what_they_depend_on(steps, checkpoints):
    seed, svm, crf, irn = steps
    assert len(pickle.dumps(steps)) < 1500
    assert pickle.loads(pickle.dumps(steps)) == steps
    assert seed.parameters() == {}
    assert crf.parameters() == {"preset": "irn"}
    assert irn.parameters() == {
        "power": 1.5,
        "beta": 10,
        "doublings": 3,
        "background": None,
    }
    assert seed.load() is svm.load()
    assert crf.load() is None
    assert (seed.load().path, irn.load().path) == (checkpoints.plain, checkpoints.edges)


def test_each_step_gets_the_scores_of_the_one_before(stripes):
    got = []

    class Noted:
        def __init__(self, label):
            self.label = label

        def run(self, dataset, id_, before):
            got.append((self.label, dataset, id_, before and before.labels))
            return ClassScores(stripes.scores.values[:2], (0, self.label))

    steps = [Noted(3), Noted(5)]
    done = run_steps(stripes, "stripes", steps)
    assert list(done) == steps
    assert got == [(3, stripes, "stripes", None), (5, stripes, "stripes", (0, 3))]
    for step, (scores, seconds) in done.items():
        assert scores.labels == (0, step.label)
        assert 0 <= seconds < 5


def test_steps_are_made_by_their_names(stripes, localiser, tmp_path):
    names, edges = ["seed", "svm", "crf", "irn"], tmp_path / "edges.pth"
    given = {"localiser": localiser, "edges": edges}
    steps = make_steps(names, stripes, **given, samples=50, C=4, preset="psa")
    svm = SVM(localiser, 50, C=4, **SINGLE["toy"])
    assert steps == (Seed(localiser), svm, CRF("psa"), IRN(edges, beta=BETA["toy"]))
    elsewhere = replace(localiser, device="cuda")
    assert make_steps(names, stripes, localiser=elsewhere, edges=edges)[3].device == "cuda"
    for name, count in SAMPLES_PER_CLASS.items():
        dataset = SimpleNamespace(name=name)
        assert make_steps(["seed", "svm"], dataset, localiser=localiser)[1].samples == count


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["seed", "glow"], "'glow'; expected some of seed, svm, expand, crf, irn, pmm, mars"),
        (["svm", "crf"], "The steps svm, crf; expected a seed, then different ones"),
        (["seed", "irn"], "needs IRN's edge network, and none was given"),
        (["seed", "mars"], "needs centroids, and none were given"),
    ],
)
def test_steps_that_do_not_go_together_are_refused(stripes, localiser, names, text):
    with pytest.raises(ParameterError, match=text):
        make_steps(names, stripes, localiser=localiser)
