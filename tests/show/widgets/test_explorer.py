import threading

import numpy as np
import pandas as pd
import pytest

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.errors import MaskError, ParameterError
from wsss_lib.evaluate.exploration import SeedSource, explore, history
from wsss_lib.evaluate.settings import Setting
from wsss_lib.features import KNOWN_LAYERS
from wsss_lib.show.widgets import explorer as module
from wsss_lib.show.widgets.controls import GAMMAS
from wsss_lib.show.widgets.explorer import LayerExplorer
from wsss_lib.weak.seeds import Localiser
from wsss_lib.weak.selection import SELECTIONS


def make(pair, **choices):
    choices = dict(samples=20, max_samples=100, background=False) | choices
    return LayerExplorer(pair, None, ["img", "xy"], **choices)


@pytest.fixture
def explorer(pair):
    return make(pair)


def shows(explorer):
    return explorer._now.value


def test_it_shows_its_first_choice_at_once(explorer, pair):
    row = explorer.result.row()
    assert (row["image"], row["layer"], row["n"]) == ("two", "img", 20)
    assert shows(explorer).count("data:image/png") == 3
    assert explorer.controls.below_image.value.count("data:image/") == 2
    assert explorer.status.value == ""
    pd.testing.assert_frame_equal(explorer.history, history([explorer.result], pair.classes))


def test_what_is_chosen_first_can_be_given(pair):
    explorer = make(pair, image="three", layer="img*xy", seed=3)
    expected = explore(pair, None, "three", "img*xy", 20, 3)
    assert np.array_equal(explorer.result.mask, expected.mask)


@pytest.mark.parametrize(
    ("control", "value", "expected"),
    [
        ("image", "three", dict(id_="three")),
        ("layer", "xy", dict(feature="xy")),
        ("layer", "img+xy", dict(feature="img+xy")),
        ("layer", "img*xy", dict(feature="img*xy")),
        ("samples", 1.0, dict(samples=1)),
        ("samples", 50.1, dict(samples=50)),
        ("kernel", "linear", dict(kernel="linear")),
        ("kernel", "logistic regression", dict(kernel="logistic regression")),
        ("kernel", "random forest", dict(kernel="random forest")),
        ("cost", 1000.0, dict(C=1000.0)),
        ("gamma", GAMMAS[-1], dict(gamma=GAMMAS[-1])),
    ],
)
def test_each_control_changes_what_explore_is_asked(explorer, pair, control, value, expected):
    before = shows(explorer)
    getattr(explorer.controls, control).value = value
    settings = dict(id_="two", feature="img", samples=20) | expected
    id_, setting = settings.pop("id_"), Setting(**settings)
    svm = setting.svm(threads=None)
    result = explore(pair, None, id_, setting.feature, setting.samples, svm=svm)
    assert np.array_equal(explorer.result.mask, result.mask)
    assert repr(explorer.result.expansion.svm) == repr(svm)
    assert shows(explorer) != before
    assert len(explorer.history) == 2


@pytest.mark.parametrize("selection", SELECTIONS)
def test_samples_can_come_from_a_seed(few_squares, checkpoints, selection):
    seeds = {"CAM": Localiser(checkpoints.plain, scales=(1.0,))}
    network = BackboneSpec("resnet10", "random")
    explorer = LayerExplorer(
        few_squares, network, ["xy"], seeds=seeds, samples=20, background=False
    )
    explorer.controls.source.value = "CAM"
    explorer.controls.selection.value = selection
    source = SeedSource("CAM", seeds["CAM"], selection)
    expected = explore(few_squares, network, few_squares.ids[0], "xy", 20, source=source)
    assert np.array_equal(explorer.result.mask, expected.mask)
    assert explorer.result.source == f"CAM: {selection}"


def test_every_layer_can_be_shown(pair):
    explorer = LayerExplorer(pair, BackboneSpec("resnet18", "random"), samples=10, background=False)
    for layer in KNOWN_LAYERS:
        explorer.controls.layer.value = layer
        assert explorer.result.layer == layer
        assert explorer.status.value == ""


def test_a_result_can_be_kept_beside_the_next_and_forgotten(explorer):
    kept = explorer.result
    explorer.keep.click()
    explorer.controls.layer.value = "xy"
    assert explorer.kept is kept
    assert explorer._sides.children == (explorer._beside, explorer._now)
    assert ">A</b>two · img" in explorer._beside.value
    assert ">B</b>two · xy" in shows(explorer)
    assert "B minus A" in explorer._scores.value
    explorer.forget.click()
    assert (explorer.kept, explorer._sides.children) == (None, (explorer._now,))
    assert explorer.forget.disabled
    assert ">now</b>two · xy" in shows(explorer)
    assert "minus" not in explorer._scores.value


def test_what_is_kept_follows_the_image(explorer, pair):
    explorer.keep.click()
    explorer.controls.layer.value = "xy"
    explorer.controls.image.value = "three"
    assert np.array_equal(explorer.kept.mask, explore(pair, None, "three", "img", 20).mask)
    assert ">A</b>three · img" in explorer._beside.value
    assert ">B</b>three · xy" in shows(explorer)
    assert explorer.history[["image", "layer"]].to_numpy().tolist() == [
        ["two", "img"],
        ["two", "xy"],
        ["three", "img"],
        ["three", "xy"],
    ]


def test_a_line_of_what_was_tried_chooses_it_again(explorer):
    first = explorer.result
    explorer.controls.image.value = "three"
    explorer.controls.layer.value = "img*xy"
    _, *lines = explorer._lines.children
    assert [line.description for line in lines[::2]] == ["3", "2", "1"]
    assert ["img*xy" in line.value for line in lines[1::2]] == [True, False, False]
    lines[-2].click()
    assert explorer.controls.way(0)[0].feature == "img"
    assert np.array_equal(explorer.result.mask, first.mask)
    assert (explorer.result.sample.id, len(explorer.history)) == ("two", 3)


def test_an_error_is_shown_and_raised_and_goes_when_all_is_well(explorer, pair):
    mask = pair.mask_path("three")
    good = mask.read_bytes()
    mask.write_bytes(good[:40])
    with pytest.raises(MaskError):
        explorer.controls.image.value = "three"
    assert "three.png" in explorer.status.value
    assert explorer.controls.below_image.value == ""
    assert ">now</b>two" in shows(explorer)
    mask.write_bytes(good)
    explorer.controls.layer.value = "xy"
    assert explorer.status.value == ""
    assert explorer.result.sample.id == "three"


def test_on_a_thread_it_says_that_it_computes_and_shows_the_newest_choice_only(pair, monkeypatch):
    explorer = make(pair, background=True)
    begun, go = threading.Event(), threading.Event()

    def slow(*arguments):
        begun.set()
        assert go.wait(10)
        return explore(*arguments)

    def scores(results, classes):
        greyed.append("wsss-busy" in explorer._answer._dom_classes)
        return scores_html(results, classes)

    greyed, scores_html = [], module.page.scores_html
    monkeypatch.setattr(module.page, "scores_html", scores)
    monkeypatch.setattr(module, "explore", slow)
    explorer.controls.layer.value = "xy"
    assert begun.wait(10)
    assert "computing" in explorer.status.value
    assert "wsss-busy" in explorer._answer._dom_classes
    old = explorer.controls.below_image.value
    explorer.controls.image.value = "three"
    assert explorer.controls.below_image.value not in ("", old)  # while the answer is awaited
    explorer.controls.image.value = "two"
    for n in (5, 10, 30):
        explorer.controls.samples.value = n
    go.set()
    explorer.wait()
    assert greyed == [True]  # until all of it is new
    assert "wsss-busy" not in explorer._answer._dom_classes
    assert explorer.history[["layer", "n"]].to_numpy().tolist() == [["img", 20], ["xy", 30]]
    assert explorer.status.value == ""


@pytest.mark.parametrize(
    ("choice", "text"),
    [
        (dict(image="nope"), "No image 'nope' here; expected one of two, three"),
        (dict(layer="F1"), "No layer 'F1' here; expected one of img, xy"),
        (dict(layers=["img", "F9"]), "No layer 'F9'"),
        (dict(layers=["F1"]), "network"),
        (dict(samples=0), "samples=0"),
    ],
)
def test_a_first_choice_that_is_none_is_refused_in_a_sentence(pair, choice, text):
    with pytest.raises(ParameterError, match=text):
        LayerExplorer(pair, None, **dict(layers=["img", "xy"]) | choice)
