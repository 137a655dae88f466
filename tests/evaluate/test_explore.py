import numpy as np
import pytest

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.explore import explore, image_features, image_iou
from wsss_lib.evaluate.rows.image import evaluate_image
from wsss_lib.evaluate.rows.settings import Setting
from wsss_lib.expand.svm import ImageSVM
from wsss_lib.metrics import dense

NETWORK = BackboneSpec("resnet18", "random")


@pytest.mark.parametrize("layer", ["img", "xy", "F2"])
def test_it_counts_what_the_sweep_counts(tiny, layer):
    result = explore(tiny, NETWORK, "tiny_1", layer, 20, seed=2, svm=ImageSVM(C=10.0))
    ((row, _),) = evaluate_image(tiny, "tiny_1", [Setting(layer, 20, C=10.0, seed=2)], NETWORK)
    assert np.array_equal(result.confusion, dense(row["confusion"], 3))
    assert np.array_equal(result.held_out, dense(row["held_out"], 3))


def test_the_row_has_the_scores_in_per_cent_and_the_cost(tiny):
    result = explore(tiny, None, "tiny_0", "img", 20)
    row = result.row()
    truth, mask = result.sample.mask, result.mask
    known = truth < 255
    pairs = [((truth == k) & known, (mask == k) & known) for k in (0, 1)]
    ious = [(true & called).sum() / (true | called).sum() for true, called in pairs]
    assert row["IoU, all pixels"] == pytest.approx(100 * np.mean(ious))
    assert row["support vectors"] == len(result.expansion.svm.duals_.support)
    assert (row["image"], row["layer"], row["n"]) == ("tiny_0", "img", 20)


def test_a_class_without_counted_pixels_has_no_score():
    confusion = np.array([[8, 2, 0], [0, 0, 0], [0, 0, 0]])  # class 1 was sampled to its last pixel
    assert image_iou(confusion) == pytest.approx(80)
    assert np.isnan(image_iou(np.zeros((3, 3), int)))


def test_features_of_an_image_are_kept(tiny):
    assert image_features(tiny, "tiny_0", None) is image_features(tiny, "tiny_0", None)
    assert list(image_features(tiny, "tiny_0", None)) == ["img", "xy"]


@pytest.mark.parametrize(("layer", "n"), [("F6", 20), ("F1", 20), ("img", 0)])
def test_bad_choices_are_named(tiny, layer, n):
    with pytest.raises(ParameterError):
        explore(tiny, None, "tiny_0", layer, n)
