from functools import partial
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics
from PIL import Image

from wsss_lib.datasets.classes import ClassSet
from wsss_lib.engine import SweepResult
from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.scores import (
    AVERAGED,
    FIELDS,
    best_layer,
    compared,
    difference_table,
    over_seeds,
    own_classifier,
    same_setting,
    score_table,
)
from wsss_lib.evaluate.settings import Setting
from wsss_lib.evaluate.sweeps import sweep
from wsss_lib.metrics import drawn_scores, interval


def test_scores_are_those_of_scikit_learn_on_the_pooled_pixels(tiny, tmp_path):
    setting = Setting("xy", 30, kernel="nearest")
    result = sweep(tiny, [setting], store=tmp_path / "s", masks_out=tmp_path)
    table = score_table(result, over=("left", "low"))
    truth = np.concatenate([tiny.mask(id_).ravel() for id_ in tiny.ids])
    predicted = np.concatenate(
        [np.array(Image.open(tmp_path / "xy" / f"{id_}.png")).ravel() for id_ in tiny.ids]
    )
    expected = sklearn.metrics.jaccard_score(
        truth[truth < 255], predicted[truth < 255], average=None
    )
    line = table[table["region"] == "confusion"].iloc[0]
    np.testing.assert_allclose(line[["left", "low"]].astype(float), 100 * expected[1:])
    assert line["mean"] == pytest.approx(100 * expected[1:].mean())
    assert line["mean_low"] <= line["mean"] <= line["mean_high"]
    assert "bkg" not in table


def test_a_region_without_pixels_has_no_score(tiny, tmp_path):
    result = sweep(tiny, [Setting("xy", 30, kernel="nearest")], store=tmp_path / "s")
    line = score_table(result, ["far64"]).iloc[0]
    assert line[["mean", "mean_low", "mean_high"]].isna().all()


def test_lines_are_set_against_each_other_draw_by_draw():
    alike = {field: "same" for field in FIELDS} | {"region": "held_out"}
    lines = [
        alike | {"feature": "F1", "kernel": "rbf"},
        alike | {"feature": "F2", "kernel": "rbf"},
        alike | {"feature": "xy", "kernel": "nearest"},
        alike | {"feature": "F2", "kernel": "rbf", "region": "confusion"},
    ]
    draws = np.array([[1.0, 5, 3, 3], [2, 4, 4, np.nan], [0, 9, 2, 1], [7, 7, 7, 7]])
    found = compared(pd.DataFrame(lines), draws)
    np.testing.assert_array_equal(found["best"], [50, 50, np.nan, 100])
    assert found["ahead"].iloc[[0, 2]].tolist() == [1, 0]  # of 1, -4, 1 and 2
    assert found["ahead_low"].iloc[0] == pytest.approx(np.percentile([1, -4, 1, 2], 2.5))
    assert np.isnan(found["ahead"].iloc[3])


IMAGES = SimpleNamespace(classes=ClassSet(("background", "thing"), ("bkg", "thing")))


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
    return difference_table(result, ["confusion"], reference=reference)


def test_a_pooled_classifier_is_set_against_the_own_one_of_the_same_feature():
    result = SweepResult(
        IMAGES,
        {
            Setting("F1", 10): rows(80, 80, 80),
            Setting("F2", 10): rows(10, 20, 30),
            Setting("F1", 10, pool="pooled4"): rows(60, 60, 60),
        },
    )
    (line,) = table(result, own_classifier).to_dict("records")
    assert (line["feature"], line["pool"], line["against"]) == ("F1", "pooled4", "F1")
    expected = pytest.approx(iou(60) - iou(80))
    assert [line[f"difference{end}"] for end in ("", "_low", "_high")] == [expected] * 3


def test_layers_together_are_set_against_the_best_single_one_that_is_alike():
    alike = partial(Setting, samples=10)
    result = SweepResult(
        IMAGES,
        {
            alike("F1"): rows(50, 60, 70),
            alike("F2"): rows(70, 80, 60),
            alike("F3", seed=1): rows(99, 99, 99),
            alike("xy", kernel="nearest"): rows(99, 99, 99),
            alike("F1*F2", weights="tuned"): rows(80, 90, 70),
            alike("F1+F2"): rows(70, 80, 60),
        },
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
    settings = Setting("F1", 10), Setting("F1", 10, pool="pooled1")
    result = SweepResult(IMAGES, dict(zip(settings, (own, pooled), strict=True)))
    (line,) = table(result, own_classifier).to_dict("records")
    low, high = interval(drawn_scores([row["confusion"] for row in own], 2, [0, 1]))
    assert line["difference_high"] < 0
    assert line["difference_high"] - line["difference_low"] < (high - low) / 5


def test_a_setting_is_set_against_itself_with_another_network():
    alike = partial(Setting, samples=10)
    trained = SweepResult(IMAGES, {alike("F1"): rows(80, 80), alike("xy"): rows(10, 20)})
    untrained = SweepResult(IMAGES, {alike("F1"): rows(60, 60)})
    how = {"reference": same_setting, "others": untrained}
    (line,) = difference_table(trained, ["confusion"], **how).to_dict("records")
    expected = pytest.approx(iou(80) - iou(60))
    assert [line[f"difference{end}"] for end in ("", "_low", "_high")] == [expected] * 3


def test_two_sweeps_of_other_images_are_not_compared():
    one = SweepResult(IMAGES, {Setting("F1", 10): rows(80, 80)})
    other = SweepResult(IMAGES, {Setting("F1", 10): rows(80)}, {"b": "no mask"})
    with pytest.raises(ParameterError, match=r"failed for \[\], the other for \['b'\]"):
        difference_table(one, ["confusion"], reference=same_setting, others=other)


def test_without_a_reference_there_is_no_line():
    assert table(SweepResult(IMAGES, {Setting("F1", 10): rows(50)}), best_layer).empty


@pytest.fixture
def scores(tiny, tmp_path):
    """Two draws of a number of samples, of a share of the cells, and of all pixels."""
    settings = [
        Setting("img", samples, seed=seed)
        for seed in (5, 6)
        for samples in (4, "0.05xcells", 24 * 32)
    ]
    return score_table(sweep(tiny, settings, store=tmp_path / "s"))


def test_lines_that_differ_in_the_seed_become_one(scores):
    table = over_seeds(scores)
    assert list(zip(table["samples"], table["region"], strict=True)) == [
        (samples, region)
        for samples in (4, "0.05xcells", 768)
        for region in ("confusion", "held_out")
    ]
    assert "seed" not in table
    line = table.iloc[0]
    single = scores[(scores["samples"] == 4) & (scores["region"] == "confusion")]
    np.testing.assert_allclose(line[list(AVERAGED)].astype(float), single[list(AVERAGED)].mean())
    assert line["seed_low"] == single["mean"].min() < line["mean"]
    assert line["seed_high"] == single["mean"].max() > line["mean"]
    assert line["seeds"] == 2


def test_one_seed_has_the_seconds_of_a_first_call(scores):
    lines = scores[(scores["samples"] == 4) & (scores["seed"] == 5)]
    lines = [lines.assign(seed=seed, seconds=s) for seed, s in enumerate((9.0, 0.3, 0.2))]
    assert over_seeds(pd.concat(lines))["seconds"].tolist() == [0.3, 0.3]


def test_where_all_pixels_are_samples_nothing_is_held_out(scores):
    every, held_out = over_seeds(scores)[-2:].to_dict("records")
    assert every["samples_drawn"] == held_out["samples_drawn"] == 23 * 32  # a row is void
    assert every["seed_low"] == pytest.approx(every["seed_high"], abs=1)
    assert every["seeds"] == 2
    assert held_out["seeds"] == 0
    assert np.isnan([held_out[name] for name in ("mean", "seed_low", "seed_high")]).all()


def test_the_lines_of_two_networks_are_not_averaged(scores):
    with pytest.raises(ParameterError, match=r"several rows of .*'seed': 5"):
        over_seeds(pd.concat([scores, scores]))
