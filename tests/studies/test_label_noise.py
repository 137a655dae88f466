import pytest

from wsss_lib.datasets.classes import ClassSet
from wsss_lib.evaluate.settings import Setting
from wsss_lib.evaluate.sweeps import SweepResult
from wsss_lib.studies.label_noise import loss_table

CLASSES = ClassSet(("background", "thing"), ("bkg", "thing"))


def rows(*shares):
    """Images of 100 pixels of each class, so many of each of them right."""
    return [
        {"held_out": [[0, 0, right], [0, 1, 100 - right], [1, 1, right], [1, 0, 100 - right]]}
        for right in shares
    ]


def iou(share):
    return 100 * share / (200 - share)


def test_a_loss_is_what_a_feature_is_below_itself_with_clean_labels():
    result = SweepResult(
        {
            Setting("F1", 10): rows(80, 80, 80),
            Setting("F2", 10): rows(90, 90, 90),
            Setting("F1", 10, noise="random2.5"): rows(60, 60, 60),
            Setting("F2", 10, noise="border20"): rows(80, 90, 100),
        }
    )
    first, second = loss_table(result, CLASSES).to_dict("records")
    assert (first["feature"], first["kind"], first["percent"]) == ("F1", "random", 2.5)
    expected = pytest.approx(iou(80) - iou(60))
    assert [first[name] for name in ("loss", "loss_low", "loss_high")] == [expected] * 3
    assert (second["feature"], second["kind"], second["percent"]) == ("F2", "border", 20)
    assert second["loss_low"] < second["loss"] == 0 < second["loss_high"]


def test_noise_is_set_against_clean_labels_that_are_alike_in_all_else():
    settings = [Setting("F1", 10, seed=1), Setting("F1", 10, noise="random5")]
    settings += [Setting("F1", 10, seed=1, noise="random5")]
    table = loss_table(SweepResult({each: rows(50) for each in settings}), CLASSES)
    assert table["seed"].tolist() == [1]
