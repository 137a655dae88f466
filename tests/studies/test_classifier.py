import pytest

from wsss_lib.engine import SweepResult
from wsss_lib.evaluate.scores import difference_table
from wsss_lib.studies.classifier import JOINED, LAYER, PRODUCT, STUDY, settings

from .made import IMAGES, iou, rows


def test_classifiers_are_set_against_the_svm_and_joined_layers_against_their_product():
    scores = {(LAYER, "rbf"): 80, (PRODUCT, "rbf"): 90}
    made = {each: scores.get((each.feature, each.kernel), 70) for each in settings(10, 0)}
    result = SweepResult(IMAGES, {each: rows(10, right) for each, right in made.items()})
    table = difference_table(result, STUDY.regions, reference=STUDY.reference)
    assert len(table) == 2 * (len(made) - 2)  # in two regions; the SVM has nobody for each sampling
    gains = table.groupby(["feature", "against"])["difference"].unique().to_dict()
    assert gains == {
        (LAYER, LAYER): pytest.approx([iou(70) - iou(80)]),
        (JOINED, PRODUCT): pytest.approx([iou(70) - iou(90)]),
        (PRODUCT, LAYER): pytest.approx([iou(90) - iou(80)]),
    }
