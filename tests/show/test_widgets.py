import matplotlib.pyplot as plt
import numpy as np
import pytest

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.errors import MaskError, ParameterError
from wsss_lib.evaluate.explore import explore
from wsss_lib.expand.svm import ImageSVM
from wsss_lib.features import KNOWN_LAYERS
from wsss_lib.show.widgets import LayerExplorer

PNG = b"\x89PNG"


@pytest.fixture
def explorer(pair):
    return LayerExplorer(pair, None, ["img", "xy"], samples=20, max_samples=100)


def test_it_shows_its_first_choice_at_once(explorer):
    row = explorer.result.row()
    assert (row["image"], row["layer"], row["n"]) == ("two", "img", 20)
    assert bytes(explorer.picture.value).startswith(PNG)
    assert explorer.status.value == ""


def test_what_is_chosen_first_can_be_given(pair):
    explorer = LayerExplorer(pair, None, ["img", "xy"], image="three", layer="xy", seed=3)
    expected = explore(pair, None, "three", "xy", 300, 3)
    assert np.array_equal(explorer.result.mask, expected.mask)


@pytest.mark.parametrize(
    ("control", "value", "expected"),
    [
        ("image", "three", dict(id_="three")),
        ("layer", "xy", dict(layer="xy")),
        ("samples", 50.1, dict(n=50)),
        ("kernel", "linear", dict(svm=ImageSVM(kernel="linear"))),
        ("cost", 100.0, dict(svm=ImageSVM(C=100.0))),
    ],
)
def test_each_control_changes_what_explore_is_asked(explorer, pair, control, value, expected):
    before = bytes(explorer.picture.value)
    getattr(explorer, control).value = value
    asked = dict(dataset=pair, backbone=None, id_="two", layer="img", n=20) | expected
    result = explore(**asked)
    assert np.array_equal(explorer.result.mask, result.mask)
    assert explorer.result.expansion.svm.get_params() == result.expansion.svm.get_params()
    assert bytes(explorer.picture.value).startswith(PNG)
    assert bytes(explorer.picture.value) != before


@pytest.mark.parametrize("layer", KNOWN_LAYERS)
def test_every_layer_can_be_shown(pair, layer):
    explorer = LayerExplorer(pair, BackboneSpec("resnet18", "random"), KNOWN_LAYERS, samples=10)
    explorer.layer.value = layer
    assert explorer.result.layer == layer
    assert explorer.status.value == ""


def test_sliders_wait_until_they_are_let_go(explorer):
    assert not explorer.samples.continuous_update
    assert not explorer.cost.continuous_update


def test_an_error_is_shown_and_raised_and_goes_when_all_is_well(explorer, pair):
    mask = pair.mask_path("three")
    good = mask.read_bytes()
    mask.write_bytes(good[:40])
    with pytest.raises(MaskError):
        explorer.image.value = "three"
    assert "three.png" in explorer.status.value
    mask.write_bytes(good)
    explorer.redraw()
    assert explorer.status.value == ""
    assert explorer.result.sample.id == "three"


def test_an_unforeseen_error_shows_its_traceback(explorer, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("<deep inside>")

    monkeypatch.setattr("wsss_lib.show.widgets.explore", broken)
    with pytest.raises(ZeroDivisionError):
        explorer.layer.value = "xy"
    assert "Traceback" in explorer.status.value
    assert "&lt;deep inside&gt;" in explorer.status.value


def test_a_layer_that_needs_a_network_is_refused_at_once(pair):
    with pytest.raises(ParameterError, match="network"):
        LayerExplorer(pair, None, ["F1"])


@pytest.mark.parametrize(
    ("first", "text"),
    [
        (dict(image="nope"), "No image 'nope' here; expected one of two, three"),
        (dict(layer="F9"), "No layer 'F9' here; expected one of img, xy"),
        (dict(layers=["img", "F9"]), "No layer 'F9'"),
        (dict(samples=0), "samples=0"),
    ],
)
def test_a_first_choice_that_is_none_is_refused_in_a_sentence(pair, first, text):
    with pytest.raises(ParameterError, match=text):
        LayerExplorer(pair, None, **dict(layers=["img", "xy"]) | first)


def test_no_figure_is_left_open(explorer):
    assert plt.get_fignums() == []
