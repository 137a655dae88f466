import numpy as np
import pytest

from wsss_lib.evaluate.explore import explore
from wsss_lib.evaluate.tables.explored import class_scores, history
from wsss_lib.expand.svm import ImageSVM


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
