import numpy as np
import pandas as pd
import pytest
import sklearn.metrics
from PIL import Image

from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.rows.settings import Setting
from wsss_lib.evaluate.rows.sweep import sweep
from wsss_lib.evaluate.studies import STUDIES, find_study
from wsss_lib.evaluate.tables.bootstrap import DRAWS, drawn_scores, interval
from wsss_lib.evaluate.tables.scores import FIELDS, compared, region_of, score_table


def test_scores_are_those_of_scikit_learn_on_the_pooled_pixels(tiny, tmp_path):
    setting = Setting("xy", 30, kernel="nearest")
    result = sweep(tiny, [setting], store=tmp_path / "s", masks_out=tmp_path)
    table = score_table(result, tiny.classes, over=("left", "low"))
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


def test_drawing_images_anew_gives_the_spread_of_a_mean():
    # one class, each image right on a share of its pixels: IoU of a pool is the mean of shares
    rng = np.random.default_rng(0)
    shares = rng.integers(0, 101, 200)
    confusions = [[[0, 0, int(s)], [0, 1, int(100 - s)]] for s in shares]
    draws = drawn_scores(confusions, 2, over=[0])
    assert draws.shape == (DRAWS,)
    assert draws.std() == pytest.approx(shares.std() / np.sqrt(200), rel=0.1)
    low, high = interval(draws)
    assert high - low == pytest.approx(2 * 1.96 * shares.std() / np.sqrt(200), rel=0.1)


def test_a_region_without_pixels_has_no_score(tiny, tmp_path):
    result = sweep(tiny, [Setting("xy", 30, kernel="nearest")], store=tmp_path / "s")
    line = score_table(result, tiny.classes, ["far64"]).iloc[0]
    assert line[["mean", "mean_low", "mean_high"]].isna().all()


def test_an_unknown_class_is_refused(tiny, tmp_path):
    result = sweep(tiny, [Setting("xy", 30, kernel="nearest")], store=tmp_path / "s")
    with pytest.raises(ParameterError, match="No class 'cat'"):
        score_table(result, tiny.classes, over=["bkg", "cat"])


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


def test_two_settings_are_drawn_alike():
    one = [[[0, 0, k], [0, 1, 10]] for k in range(1, 30)]
    assert np.array_equal(drawn_scores(one, 2, [0]), drawn_scores(one, 2, [0]))


def test_a_region_is_found_by_its_name():
    row = {"confusion": [[0, 0, 1]], "far": {"8": [[1, 1, 2]]}, "near_held_out": {"16": []}}
    assert region_of(row, "confusion") == [[0, 0, 1]]
    assert region_of(row, "far8") == [[1, 1, 2]]
    assert region_of(row, "near_held_out16") == []
    for unknown in ("far", "far7", "away8", "edge3", "id"):
        with pytest.raises(ParameterError, match="No region"):
            region_of(row, unknown)


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_has_distinct_settings(name):
    settings = find_study(name).settings(40, 1)
    assert len(set(settings)) == len(settings)
    assert min(setting.seed for setting in settings) == 1


def test_away_from_boundaries_is_all_but_near_them():
    row = {
        "confusion": [[0, 0, 9], [0, 1, 2], [1, 1, 4]],
        "held_out": [[1, 1, 3]],
        "near": {"8": [[0, 0, 4], [0, 1, 2]]},
        "near_held_out": {"8": [[1, 1, 1]]},
    }
    assert region_of(row, "away8") == [[0, 0, 5], [1, 1, 4]]
    assert region_of(row, "away_held_out8") == [[1, 1, 2]]


def test_an_unknown_study_is_refused():
    with pytest.raises(ParameterError, match="which-svm"):
        find_study("none")
