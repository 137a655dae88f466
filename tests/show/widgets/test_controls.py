from pathlib import Path

import pytest

from wsss_lib.evaluate.explore import SeedSource
from wsss_lib.expand.localise import Localiser
from wsss_lib.show.widgets.controls import GAMMAS, Controls

SIPE = Localiser(Path("sipe.pth"))
FIRST = dict(image="a", layer="F1", samples=300, max_samples=2500, seed=2, look="F1")


@pytest.fixture
def controls():
    return Controls(["a", "b"], ["img", "F1"], {"SIPE": SIPE}, **FIRST)


def test_it_begins_with_ground_truth_and_the_defaults_of_scikit_learn(controls):
    setting = controls.setting()
    assert (setting.feature, setting.samples, setting.seed) == ("F1", 300, 2)
    assert (setting.kernel, setting.C, setting.gamma) == ("rbf", 1.0, "scale")
    assert controls.seed_source() is None


def test_a_seed_is_named_with_its_selection_and_its_shallow_layer(controls):
    assert controls.selection.disabled
    controls.watch(lambda: None)
    controls.source.value = "SIPE"
    controls.selection.value = "consistent"
    assert not controls.selection.disabled
    assert controls.seed_source() == SeedSource("SIPE", SIPE, "consistent", "F1")


def test_a_product_has_no_other_kernel_than_rbf(controls):
    controls.watch(lambda: None)
    controls.kernel.value = "linear"
    assert controls.gamma.disabled
    controls.layer.value = "img*F1"
    assert (controls.kernel.disabled, controls.gamma.disabled) == (True, False)
    assert controls.setting().kernel == "rbf"
    controls.layer.value = "img+F1"
    assert controls.setting().kernel == "linear"


@pytest.mark.parametrize(
    ("control", "value"),
    [
        ("image", "b"),
        ("layer", "img"),
        ("samples", 10.0),
        ("source", "SIPE"),
        ("selection", "confident"),
        ("kernel", "linear"),
        ("cost", 10.0),
        ("gamma", "3xscale"),
    ],
)
def test_each_choice_is_told_once(controls, control, value):
    told = []
    controls.watch(lambda: told.append(control))
    getattr(controls, control).value = value
    assert told == [control]


def test_sliders_wait_until_they_are_let_go(controls):
    sliders = (controls.samples, controls.cost, controls.gamma)
    assert not any(slider.continuous_update for slider in sliders)


def test_the_slider_goes_as_far_as_its_first_value(controls):
    wide = Controls(["a"], ["F1"], {}, **FIRST | dict(samples=5000))
    assert round(10**wide.samples.max) == 5000
    assert round(10**controls.samples.max) == 2500


@pytest.mark.parametrize("gamma", GAMMAS)
def test_every_gamma_is_one_that_the_svm_knows(controls, gamma):
    controls.gamma.value = gamma
    controls.setting().svm().check_parameters()
