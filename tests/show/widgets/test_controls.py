from pathlib import Path

import pytest

from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.exploration import SeedSource
from wsss_lib.evaluate.settings import Setting
from wsss_lib.show.widgets.controls import GAMMAS, Controls, FeatureChoice
from wsss_lib.weak.seeds import Localiser

LAYERS = ["img", "F1", "F2", "F3"]


@pytest.fixture
def feature():
    return FeatureChoice(LAYERS, "F2")


def on(feature):
    return [layer for layer, chip in feature.chips.items() if chip.value]


def test_of_one_way_the_newest_layer_is_chosen(feature):
    feature.chips["F3"].value = True
    assert (feature.value, on(feature)) == ("F3", ["F3"])


@pytest.mark.parametrize("way", ["", "+", "*"])
def test_the_last_layer_cannot_be_switched_off(feature, way):
    feature.way.value = way
    feature.chips["F2"].value = False
    assert (feature.value, on(feature)) == ("F2", ["F2"])


@pytest.mark.parametrize("way", ["+", "*"])
def test_several_layers_are_put_together_in_their_order(feature, way):
    feature.way.value = way
    feature.chips["F3"].value = True
    feature.chips["img"].value = True
    assert feature.value == way.join(["img", "F2", "F3"])
    feature.chips["F2"].value = False
    assert feature.value == way.join(["img", "F3"])


def test_another_way_keeps_the_layers_and_one_keeps_the_first(feature):
    feature.value = "F1+F3"
    feature.way.value = "*"
    assert feature.value == "F1*F3"
    feature.way.value = ""
    assert (feature.value, on(feature)) == ("F1", ["F1"])


@pytest.mark.parametrize("value", ["img", "F3+F1", "img*F1*F2*F3"])
def test_the_buttons_follow_the_value(feature, value):
    feature.value = value
    assert feature.value == value
    assert set(on(feature)) == {layer for layer in LAYERS if layer in value}
    assert feature.way.value == next((sign for sign in "+*" if sign in value), "")


def test_each_click_changes_the_value_once(feature):
    seen = []
    feature.observe(lambda change: seen.append(change["new"]), names="value")
    feature.way.value = "+"
    feature.chips["F3"].value = True
    feature.way.value = ""
    assert seen == ["F2+F3", "F2"]


@pytest.mark.parametrize("value", ["xy", "F9", "F1+F9", "F1+F1", "F1+F2*F3", ""])
def test_what_is_no_feature_of_these_layers_is_refused(feature, value):
    with pytest.raises(ParameterError):
        feature.value = value
    assert feature.value == "F2"


SIPE = Localiser(Path("sipe.pth"))
FIRST = dict(image="a", layer="F1", samples=300, max_samples=2500)


@pytest.fixture
def controls():
    return Controls(["a", "b"], ["img", "F1"], {"SIPE": SIPE}, **FIRST)


def test_the_arrows_step_through_the_images_and_end_where_these_end():
    controls = Controls(["a", "b", "c"], ["img"], {}, **FIRST | dict(image="b", layer="img"))
    before, after = controls.before, controls.after
    after.click()
    assert (controls.image.value, before.disabled, after.disabled) == ("c", False, True)
    before.click()
    before.click()
    assert (controls.image.value, before.disabled, after.disabled) == ("a", True, False)
    alone = Controls(["a"], ["F1"], {}, **FIRST)
    assert (alone.before.disabled, alone.after.disabled) == (True, True)


def test_it_begins_with_ground_truth_and_the_defaults_of_scikit_learn(controls):
    setting, source = controls.way(seed=2)
    assert (setting.feature, setting.samples, setting.seed) == ("F1", 300, 2)
    assert (setting.kernel, setting.C, setting.gamma) == ("rbf", 1.0, "scale")
    assert source is None


def test_a_seed_is_named_with_its_selection(controls):
    assert controls.selection.disabled
    controls.source.value = "SIPE"
    controls.selection.value = "consistent"
    assert not controls.selection.disabled
    assert controls.way(0)[1] == SeedSource("SIPE", SIPE, "consistent")


def test_a_product_has_no_other_kernel_than_rbf(controls):
    controls.kernel.value = "linear"
    assert controls.gamma.disabled
    controls.layer.value = "img*F1"
    assert (controls.kernel.disabled, controls.gamma.disabled) == (True, False)
    assert controls.way(0)[0].kernel == "rbf"
    controls.layer.value = "img+F1"
    assert controls.way(0)[0].kernel == "linear"


@pytest.mark.parametrize("source", [None, SeedSource("SIPE", SIPE, "confident")])
@pytest.mark.parametrize(
    "setting",
    [
        Setting("F1", 123, kernel="linear", C=0.05, seed=4),
        Setting("img*F1", 7, C=1000.0, gamma="10xscale", seed=4),
    ],
)
def test_all_can_be_chosen_at_once_and_is_told_once(controls, setting, source):
    controls.kernel.value, controls.source.value, seen = "linear", "SIPE", []
    controls.watch(lambda: seen.append((controls.image.value, *controls.way(4))))
    controls.choose("b", setting, source)
    assert seen == [("b", setting, source)]
    assert controls.kernel.disabled == ("*" in setting.feature)


def test_what_a_classifier_has_no_use_for_is_switched_off(controls):
    used = {}
    for kind in controls.kernel.options.values():
        controls.kernel.value = kind
        used[kind] = (not controls.cost.disabled, not controls.gamma.disabled)
    others = dict.fromkeys(("logistic regression", "random forest"), (False, False))
    assert used == {"rbf": (True, True), "linear": (True, False)} | others
    controls.layer.value = "img*F1"  # whatever the menu says
    assert (controls.cost.disabled, controls.gamma.disabled) == (False, False)


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
    controls.way(0)[0].svm().check_parameters()
