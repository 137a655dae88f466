import numpy as np
import pandas as pd
import pytest

from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.thresholds import THRESHOLDS, ThresholdCurve, threshold_curve
from wsss_lib.expand.seeds import with_background
from wsss_lib.metrics import confusion_matrix, iou_of_counted, mean


def noisy_cams(dataset, dtype=np.float32):
    """Maps that are higher on their class, half of whose values equal a threshold."""

    def cams(id_):
        rng = np.random.default_rng(int(id_[-1]))
        truth = dataset.mask(id_)
        own = np.stack([truth == label for label in dataset.labels(id_)])
        values = (0.5 * own + 0.6 * rng.random(own.shape)).clip(0, 1)
        rounded = values.round(2)
        return np.where(rng.random(own.shape) < 0.5, rounded, values).astype(dtype)

    return cams


@pytest.mark.parametrize(
    ("dtype", "thresholds"),
    [
        (np.float32, THRESHOLDS),
        (np.float64, THRESHOLDS),
        (np.float16, (0.125, 0.5, 1)),
        (np.float32, (0.3,)),
    ],
)
def test_the_curve_is_what_each_threshold_gives_alone(tiny, dtype, thresholds):
    cams, k = noisy_cams(tiny, dtype), len(tiny.classes)
    images = [(tiny.mask(id_), cams(id_), tiny.labels(id_)) for id_ in tiny.ids]
    table = threshold_curve(tiny, cams, thresholds).table
    assert table["threshold"].tolist() == list(thresholds)
    for line in table.to_dict("records"):
        confusion = np.zeros((k, k), np.int64)
        for truth, maps, labels in images:
            seed = with_background(maps, labels, line["threshold"]).mask()
            confusion += confusion_matrix(truth, seed, k)
        scores = iou_of_counted(confusion)
        assert [line[name] for name in tiny.classes.short] == (100 * scores).tolist()
        assert line["mean"] == 100 * mean(scores)


def test_the_customary_thresholds_go_from_0_to_59_hundredths():
    assert len(THRESHOLDS) == 60
    assert THRESHOLDS[:3] == (0, 0.01, 0.02)
    assert THRESHOLDS[-1] == 0.59


def test_void_counts_nowhere(tiny):
    cams = noisy_cams(tiny)

    def other_on_void(id_):
        return np.where(tiny.mask(id_) == 255, 1 - cams(id_), cams(id_))

    pd.testing.assert_frame_equal(
        threshold_curve(tiny, cams).table, threshold_curve(tiny, other_on_void).table
    )


def test_a_class_in_no_mask_has_no_score_though_it_is_predicted(tiny, monkeypatch):
    monkeypatch.setattr(type(tiny), "labels", lambda self, id_: (1, 2))
    dataset = tiny.subset(tiny.ids[:1])  # without class 2
    table = threshold_curve(dataset, lambda _: np.ones((2, 24, 32)) * [[[0.4]], [[0.5]]]).table
    assert table["low"].isna().all()
    # over background and class 1: none is right below 0.5, above it the background
    assert table["mean"].iloc[45] == 0
    assert table["mean"].iloc[55] == pytest.approx((100 * 24 / 32 + 0) / 2)


def test_the_best_threshold_is_the_lowest_of_equal_ones(tiny):
    def cams(id_):
        truth = tiny.mask(id_)
        return np.stack([0.3 + 0.2 * (truth == label) for label in tiny.labels(id_)])

    best = threshold_curve(tiny, cams).best
    assert (best["threshold"], best["mean"]) == (0.3, 100)


def test_every_line_on_disk_says_what_it_was_scored_on(tiny, tmp_path):
    curve = threshold_curve(tiny, noisy_cams(tiny), (0, 0.125, 0.3))
    assert (curve.list_name, curve.masks, curve.images, curve.crf) == (
        "train",
        "SegmentationClass",
        4,
        False,
    )
    table = pd.read_csv(curve.write(tmp_path / "out" / "curve.csv"))
    columns = ["threshold", *tiny.classes.short, "mean", "list", "masks", "images", "crf"]
    assert table.columns.tolist() == columns
    assert table["threshold"].tolist() == [0, 0.125, 0.3]
    np.testing.assert_allclose(table["mean"], curve.table["mean"], atol=0.005)
    origin = table[["list", "masks", "images", "crf"]].drop_duplicates()
    assert origin.values.tolist() == [["train", "SegmentationClass", 4, False]]


def test_an_absent_class_is_an_empty_field(tmp_path):
    table = pd.DataFrame({"threshold": [0.5], "bkg": [100.0], "left": [np.nan], "mean": [100.0]})
    path = ThresholdCurve(table, "train", "masks", 1, crf=True).write(tmp_path / "curve.csv")
    assert path.read_text().splitlines()[1] == "0.5,100.00,,100.00,train,masks,1,True"


@pytest.mark.parametrize("thresholds", [(), (0.2, 0.2), (0.3, 0.1), (-0.1, 0), (0.5, 1.5)])
def test_thresholds_that_do_not_rise_or_are_out_of_range_are_refused(tiny, thresholds):
    with pytest.raises(ParameterError, match="from 0 to 1, rising"):
        threshold_curve(tiny, noisy_cams(tiny), thresholds)


def test_maps_of_another_size_are_refused(tiny):
    with pytest.raises(
        ParameterError, match=r"CAMs of \(12, 32\) for tiny_0; its size, \(24, 32\)"
    ):
        threshold_curve(tiny, lambda id_: noisy_cams(tiny)(id_)[:, :12])
