"""The expansion in rounds: by hand, where classes are lost, and in a run over a list."""

import json
import os
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.ndimage import binary_propagation
from scipy.special import expit, softmax
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import SVC

from wsss_lib.checkpoints import write_checkpoint
from wsss_lib.classify.backbones import build_backbone
from wsss_lib.classify.network import ClassificationNetwork
from wsss_lib.cli import main
from wsss_lib.datasets.toy import TOY
from wsss_lib.expand.product import ProductSVM
from wsss_lib.features import extract
from wsss_lib.metrics import confusion_matrix, sparse
from wsss_lib.scores import ClassScores
from wsss_lib.weak import masks
from wsss_lib.weak.crf import refine_by_crf
from wsss_lib.weak.rounds import network_signs, random_halves, round_signs, sample_signs
from wsss_lib.weak.selection import select_samples
from wsss_lib.weak.steps import CRF, SVM, Expand, Seed

from ..killed import run_until_killed, stored


@pytest.fixture
def blurred(stripes):
    """The image of `stripes` with more noise, and ``before``: scores of its stripes, moved."""
    rng = np.random.default_rng(5)
    noise = rng.normal(0, 40, (24, 30, 3))
    image = (stripes.image("stripes") + noise).clip(0, 255).astype(np.uint8)
    values = np.roll(stripes.scores.values, 3, 2) + 0.6 * rng.random((3, 24, 30), np.float32)
    before = ClassScores(values, (0, 3, 5))
    parts = {"image": lambda id_: image, "labels": lambda id_: (3, 5), "before": before}
    return SimpleNamespace(**vars(stripes) | parts)


def expand(dataset, feature="img", crf="psa", rounds=2, **more):
    settings = {"C": 0.5, "gamma": "2xscale", "temperature": 0.8, "seed": 7} | more
    svm = SVM(dataset.localiser, 30, feature, **settings)
    return Expand(svm, CRF(crf) if crf else None, rounds, touching=False, least_change=0)


def pixels(dataset, feature):
    """The z-scored values of all pixels, (720, d), of each layer of a product."""
    places = np.indices((24, 30))[::-1].reshape(2, -1).T
    colours = dataset.image("stripes").reshape(-1, 3).astype(np.float64)
    values = {"img": colours, "xy": places}
    chosen = [values[layer] for layer in feature.split("*")]
    return [(X - X.mean(0)) / X.std(0) for X in chosen]


def decide(layers, strokes):
    """scikit-learn's decisions for all pixels by an SVM whose kernel is the layers' product."""
    known = np.flatnonzero(strokes.ravel() != 255)
    kernels = []
    for X in layers:
        gamma = 2 / (X.shape[1] * X[known].var())
        kernels.append(np.exp(-gamma * ((X[:, None] - X[known]) ** 2).sum(-1)))
    kernel = np.prod(kernels, axis=0) ** (1 / len(layers))
    svc = OneVsRestClassifier(SVC(kernel="precomputed", C=0.5, tol=1e-5))
    return svc.fit(kernel[known], strokes.ravel()[known]).decision_function(kernel)


def rounds_by_hand(dataset, before, feature="img", crf="psa", rounds=2):
    """The scores after each round, and its samples; no class may be lost before the last."""
    layers, scores, done = pixels(dataset, feature), before, []
    for number in range(rounds):
        samples = select_samples(scores, 30, "seed", None, 7 + number, "stripes")
        decision = decide(layers, samples.label_image()) / 0.8
        if decision.ndim == 1:
            values = np.stack([expit(-2 * decision), expit(2 * decision)])
        else:
            values = softmax(decision, -1).T
        labels = tuple(np.unique(scores.mask()).tolist())
        scores = ClassScores(values.reshape(-1, 24, 30).astype(np.float32), labels)
        if crf:
            scores = refine_by_crf(dataset.image("stripes"), scores, crf)
        done.append((scores, samples))
    return done


@pytest.mark.parametrize("feature", ["img", "img*xy"])
@pytest.mark.parametrize("crf", ["psa", None])
def test_a_round_is_samples_a_fit_a_softmax_and_a_crf(blurred, feature, crf):
    result = expand(blurred, feature, crf).run(blurred, "stripes", blurred.before)
    by_hand = rounds_by_hand(blurred, blurred.before, feature, crf)
    masks = [blurred.before.mask(), *(scores.mask() for scores, _ in by_hand)]
    assert all(set(np.unique(mask)) == {0, 3, 5} for mask in masks)
    assert min((masks[0] != masks[1]).sum(), (masks[1] != masks[2]).sum()) > 20
    for found, expected in zip(result.rounds, masks[1:], strict=True):
        np.testing.assert_array_equal(found.mask, expected)
        assert found.signs == {}
    scores, samples = by_hand[-1]
    assert result.labels == (0, 3, 5)
    np.testing.assert_allclose(result.values, scores.values, atol=1e-3)
    np.testing.assert_array_equal(result.samples.label_image(), samples.label_image())
    assert 0 < result.rounds[0].seconds <= result.rounds[1].seconds


def test_a_label_without_a_pixel_in_the_seed_stays_away(blurred):
    before = ClassScores(blurred.before.values * np.float32([[[1]], [[0]], [[1]]]), (0, 3, 5))
    result = expand(blurred).run(blurred, "stripes", before)
    scores, _ = rounds_by_hand(blurred, before)[-1]
    assert result.labels == (0, 5)
    assert set(np.unique(result.mask())) == {0, 5}
    np.testing.assert_allclose(result.values, scores.values, atol=1e-3)


@pytest.fixture
def specks(blurred):
    """Scores of the background and, at two pixels in it each, of the classes 3 and 5."""
    values = np.zeros((3, 24, 30), np.float32)
    values[0] = 0.5
    values[1, 5, 2:4] = values[2, 20:22, 25] = 1
    return ClassScores(values, (0, 3, 5))


def test_classes_that_lost_all_their_pixels_keep_the_seeds(blurred, specks):
    (scores, _), *_ = rounds_by_hand(blurred, specks, rounds=1)
    seed = specks.mask()
    assert not scores.mask().any()  # so both would be lost
    result = expand(blurred, rounds=3).run(blurred, "stripes", specks)
    for each in result.rounds:
        np.testing.assert_array_equal(each.mask, seed)
    np.testing.assert_array_equal(result.mask(), seed)
    assert result.samples.counts == {0: 30, 3: 2, 5: 2}


def test_parts_of_objects_that_do_not_touch_their_seed_are_background(blurred):
    (scores, _), *_ = rounds_by_hand(blurred, blurred.before, crf=None, rounds=1)
    seed, kept = blurred.before.mask(), np.zeros((24, 30), np.uint8)
    for label in (3, 5):  # grow the seed's pixels within the mask
        own = scores.mask() == label
        kept[binary_propagation((seed == label) & own, mask=own)] = label
    assert (kept != scores.mask()).sum() > 20
    step = replace(expand(blurred, crf=None, rounds=1), touching=True)
    np.testing.assert_array_equal(step.run(blurred, "stripes", blurred.before).mask(), kept)


def test_where_the_first_round_hardly_changes_the_objects_area_the_seed_stays(blurred):
    before, step = blurred.before, expand(blurred)
    moved = step.run(blurred, "stripes", before)
    areas = [np.count_nonzero(mask) for mask in (before.mask(), moved.rounds[0].mask)]
    change = abs(areas[1] - areas[0]) / areas[0]
    assert change > 0.01
    for least, stays in ((0.99 * change, False), (1.01 * change, True)):
        result = replace(step, least_change=least).run(blurred, "stripes", before)
        expected = [before.mask()] * 2 if stays else [each.mask for each in moved.rounds]
        np.testing.assert_array_equal([each.mask for each in result.rounds], expected)
        assert (result.values is before.values) == stays
        assert (result.samples is None) == stays


@pytest.mark.parametrize("label", [0, 3])
def test_a_seed_of_one_class_is_handed_on(stripes, label):
    """An empty one is all background."""
    values = np.full((3, 24, 30), 0.1, np.float32)
    values[(0, 3, 5).index(label)] = 0.4
    before = ClassScores(values, (0, 3, 5))
    result = expand(stripes).run(SimpleNamespace(), "nothing is read", before)
    assert (result.values is values, result.labels, result.samples) == (True, (0, 3, 5), None)
    assert [(each.mask == label).all() for each in result.rounds] == [True, True]


@pytest.mark.parametrize("feature", ["img", "img*xy"])
def test_crossed_samples_are_those_that_the_other_half_gives_their_own_label(blurred, feature):
    values = blurred.before.values.copy()
    values[2] = 0
    values[2, [1, 7, 13, 22], [9, 24, 3, 17]] = 9  # of class 5 only specks, at any colour
    before = ClassScores(values, (0, 3, 5))
    samples = select_samples(before, 30, "seed", None, 7, "stripes")
    half, layers, crossed = random_halves(samples), pixels(blurred, feature), []
    for fitting in (half, ~half):
        strokes = samples.take(np.flatnonzero(fitting)).label_image()
        decision = decide(layers, strokes).reshape(24, 30, 3)[samples.rows, samples.cols]
        found = np.uint8([0, 3, 5])[decision.argmax(-1)]
        crossed.append(~fitting & (found == samples.labels))
    kept = np.logical_or(*crossed)
    assert 30 < kept.sum() < 60
    assert not kept[samples.labels == 5].any()
    kept |= samples.labels == 5  # a class that would lose all of them keeps them
    svm = expand(blurred, feature, selection="crossed").svm
    result = svm.run(blurred, "stripes", before)
    expected = samples.take(np.flatnonzero(kept)).label_image()
    np.testing.assert_array_equal(result.samples.label_image(), expected)


def test_an_svm_of_a_product_is_the_product_svm(stripes):
    svm, id_ = {"C": 3, "gamma": "2xscale"}, "stripes"
    step = SVM(stripes.localiser, 20, "img*xy", **svm, temperature=2)
    result = step.run(stripes, id_, stripes.scores)
    maps = list(extract(stripes.image(id_), ["img", "xy"]).values())
    fitted = ProductSVM(**svm, threads=1).fit(maps, result.samples.label_image())
    softened = softmax(fitted.decision_function(maps) / 2, -1).transpose(2, 0, 1)
    np.testing.assert_allclose(result.values, softened, rtol=1e-5)
    np.testing.assert_array_equal(result.mask(), fitted.predict(maps))


@pytest.fixture
def watched(blurred):
    """The step of one round and that of two, with their signs, and the network of these."""
    network = ClassificationNetwork(build_backbone("resnet10"), len(TOY) - 1)
    blurred.localiser.load = lambda: SimpleNamespace(network=network)
    both = [replace(expand(blurred, rounds=number), watched=True) for number in (1, 2)]
    return both, network


def test_signs_of_watched_rounds_are_noted(blurred, watched):
    (one, two), network = watched
    image, seed = blurred.image("stripes"), blurred.before
    first, second = (step.run(blurred, "stripes", seed) for step in (one, two))
    feature = list(one.svm.maps(blurred, "stripes").values())
    before = seed.mask()
    for scores, round_ in zip((first, second), second.rounds, strict=True):
        np.testing.assert_array_equal(round_.mask, scores.mask())
        assert round_.signs == {
            **sample_signs(one.svm.classifier(), feature, scores.samples),
            **round_signs(scores, before, seed),
            **network_signs(network, image, scores.mask(), (3, 5)),
        }
        before = scores.mask()
    assert first.rounds[0].signs == second.rounds[0].signs != second.rounds[1].signs


@pytest.mark.parametrize("has_truth", [True, False])
def test_rows_tell_of_each_round(blurred, watched, tmp_path, monkeypatch, has_truth):
    truth = np.repeat(np.uint8([0, 3, 5]), 10)[None].repeat(24, 0)
    path = tmp_path / "mask.png"
    if has_truth:
        path.touch()
    blurred.classes, blurred.mask_path = TOY, lambda id_: path
    blurred.sample = lambda id_: SimpleNamespace(mask=truth)
    blurred.localiser.scores = lambda dataset, id_: blurred.before
    monkeypatch.setattr(masks, "checkpoints", lambda steps: {})
    steps = (Seed(blurred.localiser), watched[0][1])
    (seed, _), (row, mask) = masks.step_rows(blurred, steps, {}, "stripes", steps)
    result = steps[1].run(blurred, "stripes", blurred.before)
    assert "rounds" not in seed
    assert json.loads(json.dumps(row)) == row
    np.testing.assert_array_equal(mask, result.mask())
    for found, expected in zip(row["rounds"], result.rounds, strict=True):
        own = {"seconds": found["seconds"], **expected.signs}
        if has_truth:
            own["confusion"] = sparse(confusion_matrix(truth, expected.mask, len(TOY)))
        assert found == own
    first, second = (each["seconds"] for each in row["rounds"])
    assert 0 < first <= second <= row["seconds"] + 1e-3
    assert ("samples" in row) == has_truth


@pytest.mark.parametrize(("crf", "told"), [("psa", "CRF: yes"), (None, "CRF: no")])
def test_a_caption_tells_of_the_crf_between_rounds(blurred, crf, told):
    steps = Seed(blurred.localiser), expand(blurred, crf=crf)
    names = ("scored", "list", "dataset", "masks", "threshold")
    of = dict.fromkeys(names) | {"steps": [step.parameters() for step in steps]}
    assert masks.caption(SimpleNamespace(provenance=of)).endswith(told)


def pseudo_command(squares, network, out, *more):
    """`wsss pseudo` on six of the squares, with the expansion, without the program's name."""
    return [
        *("pseudo", "--data", str(squares.root), "--images", "6", "--weights", str(network)),
        *("--steps", "seed,expand", "--layer", "F1*F2", "--samples", "30", "--rounds", "2"),
        *("--threshold", "0.4", "--out", str(out), *more),
    ]


@pytest.fixture(scope="module")
def network(squares, tmp_path_factory):
    """The checkpoint of a network that learned nothing."""
    path = tmp_path_factory.mktemp("network") / "untrained.pth"
    names = list(squares.classes.names[1:])
    network = ClassificationNetwork(build_backbone("resnet10"), len(names))
    setting = {"dataset": "toy", "preset": {"backbone": "resnet10", "epochs": 1}}
    content = {"epoch": 1, "history": "[]", "classes": names, "setting": setting}
    write_checkpoint(path, content | {"network": network.state_dict()})
    return path


def run_here(cache, squares, network, out, *more):
    command = pseudo_command(squares, network, out, *more)
    result = CliRunner().invoke(main, command, env={"WSSS_CACHE": str(cache)})
    assert result.exit_code == 0, result.output


def written(folder):
    """All masks and tables."""
    paths = [*folder.glob("*/*.png"), *folder.glob("*.csv")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def whole(squares, network, tmp_path_factory):
    """What a run makes that nothing stops, in one process."""
    folder = tmp_path_factory.mktemp("whole")
    run_here(folder / "cache", squares, network, folder / "out")
    files = written(folder / "out")
    assert len(files) == 2 * 6 + 2
    assert files["expand/square_00.png"] != files["seed/square_00.png"]
    return files


def test_two_workers_make_the_same_files(squares, network, whole, tmp_path):
    run_here(tmp_path / "cache", squares, network, tmp_path / "out", "--workers", "2")
    assert written(tmp_path / "out") == whole


def test_a_run_that_is_killed_goes_on_with_what_is_missing(squares, network, whole, tmp_path):
    cache, out = tmp_path / "cache", tmp_path / "out"
    command = [sys.executable, "-m", "wsss_lib", *pseudo_command(squares, network, out)]
    environment = os.environ | {"WSSS_CACHE": str(cache), "OMP_NUM_THREADS": "1"}
    before = run_until_killed(command, environment, rows=4)
    assert 4 <= len(before) < 12
    run_here(cache, squares, network, out)
    after = stored(cache / "rows.sqlite")
    assert len(after) == 12
    assert {key: after[key] for key in before} == before
    assert written(out) == whole
