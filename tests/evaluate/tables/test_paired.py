from functools import partial

import numpy as np
import pytest

from wsss_lib.datasets.classes import ClassSet
from wsss_lib.evaluate.rows.settings import Setting
from wsss_lib.evaluate.rows.sweep import SweepResult
from wsss_lib.evaluate.tables.bootstrap import drawn_scores, interval
from wsss_lib.evaluate.tables.paired import best_layer, difference_table, own_classifier

CLASSES = ClassSet(("background", "thing"), ("bkg", "thing"))


def rows(*shares):
    """Images of 100 pixels of each class, so many of each of them right."""
    return [
        {
            "confusion": [
                *([0, 0, share], [0, 1, 100 - share]),
                *([1, 1, share], [1, 0, 100 - share]),
            ]
        }
        for share in shares
    ]


def iou(share):
    return 100 * share / (200 - share)


def table(result, reference):
    return difference_table(result, CLASSES, ["confusion"], reference=reference)


def test_a_pooled_classifier_is_set_against_the_own_one_of_the_same_feature():
    result = SweepResult(
        {
            Setting("F1", 10): rows(80, 80, 80),
            Setting("F2", 10): rows(10, 20, 30),
            Setting("F1", 10, pool="pooled4"): rows(60, 60, 60),
        }
    )
    (line,) = table(result, own_classifier).to_dict("records")
    assert (line["feature"], line["pool"], line["against"]) == ("F1", "pooled4", "F1")
    expected = pytest.approx(iou(60) - iou(80))
    assert [line[f"difference{end}"] for end in ("", "_low", "_high")] == [expected] * 3


def test_layers_together_are_set_against_the_best_single_one_that_is_alike():
    alike = partial(Setting, samples=10)
    result = SweepResult(
        {
            alike("F1"): rows(50, 60, 70),
            alike("F2"): rows(70, 80, 60),
            alike("F3", seed=1): rows(99, 99, 99),
            alike("xy", kernel="nearest"): rows(99, 99, 99),
            alike("F1*F2", weights="tuned"): rows(80, 90, 70),
            alike("F1+F2"): rows(70, 80, 60),
        }
    )
    product, concatenated = table(result, best_layer).to_dict("records")
    assert product["against"] == concatenated["against"] == "F2"
    assert product["difference_low"] > 0
    assert product["difference"] == pytest.approx(iou(80) - iou(70))
    assert concatenated["difference"] == concatenated["difference_high"] == 0


def test_a_difference_is_surer_than_its_two_scores():
    # images differ much, the two settings hardly: drawn together, that is seen
    shares = np.arange(8, 98, 3)
    own, pooled = rows(*shares), rows(*(shares - 5))
    result = SweepResult({Setting("F1", 10): own, Setting("F1", 10, pool="pooled1"): pooled})
    (line,) = table(result, own_classifier).to_dict("records")
    low, high = interval(drawn_scores([row["confusion"] for row in own], 2, [0, 1]))
    assert line["difference_high"] < 0
    assert line["difference_high"] - line["difference_low"] < (high - low) / 5


def test_without_a_reference_there_is_no_line():
    assert table(SweepResult({Setting("F1", 10): rows(50)}), best_layer).empty
