import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.exploration import (
    SeedSource,
    class_scores,
    explore,
    history,
    image_features,
    image_iou,
)
from wsss_lib.evaluate.image import evaluate_image
from wsss_lib.evaluate.settings import Setting
from wsss_lib.expand.product import ProductSVM
from wsss_lib.expand.svm import ImageSVM
from wsss_lib.metrics import dense
from wsss_lib.weak.seeds import Localiser
from wsss_lib.weak.selection import SELECTIONS, select_samples

NETWORK = BackboneSpec("resnet18", "random")


@pytest.mark.parametrize("feature", ["img", "xy", "F2", "img+xy", "F1+F2", "img*xy", "F1*F2*img"])
def test_it_makes_and_counts_what_the_sweep_does(tiny, feature):
    setting = Setting(feature, 20, C=10.0, seed=2)
    result = explore(tiny, NETWORK, "tiny_1", feature, 20, seed=2, svm=setting.svm())
    ((row, mask),) = evaluate_image(tiny, "tiny_1", [setting], NETWORK)
    assert np.array_equal(result.mask, mask)
    assert np.array_equal(result.confusion, dense(row["confusion"], 3))
    assert np.array_equal(result.held_out, dense(row["held_out"], 3))


@pytest.mark.parametrize(("feature", "svm"), [("img*xy", ImageSVM()), ("img", ProductSVM())])
def test_a_product_and_no_other_feature_needs_a_product_of_kernels(tiny, feature, svm):
    with pytest.raises(ParameterError, match="expected a ProductSVM for a product"):
        explore(tiny, None, "tiny_0", feature, 20, svm=svm)


def test_a_classifier_of_scikit_learn_is_fed_with_pixels(tiny):
    forest = RandomForestClassifier(5, random_state=0)
    result = explore(tiny, None, "tiny_1", "img", 20, svm=forest)
    X = image_features(tiny, "tiny_1", None)["img"].at(result.pixels.rows, result.pixels.cols)
    fitted = result.expansion.svm.estimator_.predict(X)
    assert isinstance(result.expansion.svm.estimator_, RandomForestClassifier)
    assert np.array_equal(result.mask[result.pixels.rows, result.pixels.cols], fitted)
    line = history([result], tiny.classes).iloc[0]
    assert (line["kernel"], line["gamma"], line["support vectors"]) == (
        "RandomForestClassifier",
        "",
        0,
    )


@pytest.mark.parametrize("selection", SELECTIONS)
def test_samples_come_from_a_seed_and_are_scored_with_ground_truth(
    few_squares, checkpoints, selection
):
    localiser, id_ = Localiser(checkpoints.sipe, scales=(1.0,)), few_squares.ids[0]
    source = SeedSource("SIPE", localiser, selection)
    result = explore(few_squares, NETWORK, id_, "xy", 30, 4, source=source)
    look = image_features(few_squares, id_, NETWORK)["F2"]
    scores = localiser.scores(few_squares, id_)
    expected = select_samples(scores, 30, selection, look, 4, id_)
    truth = few_squares.mask(id_)
    assert np.array_equal(result.pixels.label_image(), expected.label_image())
    assert result.source == f"SIPE: {selection}"
    assert result.confusion.sum() == truth.size
    right = truth[expected.rows, expected.cols] == expected.labels
    assert result.labels_right() == pytest.approx(100 * right.mean())


def test_consistent_samples_need_the_network_of_the_layer_they_look_at(few_squares, checkpoints):
    source = SeedSource("CAM", Localiser(checkpoints.plain, scales=(1.0,)), "consistent")
    with pytest.raises(ParameterError, match="F2 comes from a network"):
        explore(few_squares, None, few_squares.ids[0], "xy", 30, source=source)


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


def test_scores_of_classes_are_intersections_over_unions(tiny):
    result = explore(tiny, None, "tiny_0", "img", 20)
    table = class_scores(result, tiny.classes)
    assert table.index.tolist() == ["background", "left", "mean"]  # "low" is not in this image
    known = result.sample.mask < 255
    for column, counted in {
        "all pixels": known,
        "held out": known & result.pixels.held_out(),
    }.items():
        ious = []
        for label in (0, 1):
            true, called = (m[counted] == label for m in (result.sample.mask, result.mask))
            ious.append(100 * (true & called).sum() / (true | called).sum())
        assert table[column].tolist() == pytest.approx([*ious, np.mean(ious)])
    row = result.row()
    assert [row["IoU, all pixels"], row["IoU, held out"]] == table.loc["mean"].tolist()


def test_the_history_has_settings_scores_and_costs_in_the_order_of_trying(tiny):
    linear = explore(tiny, None, "tiny_1", "img", 20, svm=ImageSVM("linear", C=3.0))
    product = explore(tiny, None, "tiny_0", "img*xy", 5)
    table = history([linear, product], tiny.classes)
    settings = ["image", "samples from", "labels right", "layer", "n", "kernel", "C", "gamma"]
    assert table[settings].to_numpy().tolist() == [
        ["tiny_1", "ground truth", 100, "img", 20, "linear", 3, "scale"],
        ["tiny_0", "ground truth", 100, "img*xy", 5, "rbf", 1, "scale"],
    ]
    assert table["support vectors"].tolist() == [
        linear.expansion.svm.n_support_,
        product.expansion.svm.n_support_,
    ]
    assert np.isnan(table.loc[1, "IoU, low"])
    assert table.loc[0, "IoU, low"] == class_scores(linear, tiny.classes).loc["low", "all pixels"]
