"""Segmentation networks that learn from several kinds of masks."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from wsss_lib.datasets import load_dataset
from wsss_lib.datasets.images import write_mask
from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.second_stage import SecondStage, masks_miou, second_stage
from wsss_lib.metrics import mean_iou
from wsss_lib.segment.segmenter import load_segmenter, pooled_confusion


@pytest.fixture
def how(checkpoints):
    return {"weights": str(checkpoints.plain), "crop": 16, "batch": 3, "epochs": 1}


@pytest.fixture
def mirrored(few_squares, tmp_path):
    """A folder of masks that are the true ones, left and right exchanged, and labelled fully."""
    for id_ in few_squares.ids:
        write_mask(tmp_path / "mirrored" / f"{id_}.png", few_squares.mask(id_)[:, ::-1])
    return str(tmp_path / "mirrored")


def test_each_kind_and_seed_has_a_row_with_the_scores_of_its_own_network(
    few_squares, mirrored, how, tmp_path
):
    found = second_stage(few_squares, ["truth", mirrored], [0, 1], **how)
    assert list(found.scores["masks"]) == ["truth", "truth", "mirrored", "mirrored"]
    assert list(found.scores["seed"]) == [0, 1, 0, 1]
    names = {training["checkpoint"] for training in found.provenance["trainings"]}
    assert len(names) == 4
    val = load_dataset("toy", "val", root=few_squares.root)
    for row, training in zip(
        found.scores.to_dict("records"), found.provenance["trainings"], strict=True
    ):
        segmenter = load_segmenter(tmp_path / "cache/weights" / training["checkpoint"])
        expected = 100 * mean_iou(pooled_confusion(segmenter.mask, val))
        assert row["mean"] == pytest.approx(expected)


def test_finished_networks_are_not_trained_again(few_squares, how, monkeypatch):
    first = second_stage(few_squares, ["truth"], **how)
    monkeypatch.setattr("wsss_lib.segment.train.Training", None)
    pd.testing.assert_frame_equal(second_stage(few_squares, ["truth"], **how).scores, first.scores)


def test_masks_are_scored_by_themselves(few_squares, mirrored):
    assert masks_miou(few_squares, few_squares) == 1
    first, *_ = few_squares.ids
    one = few_squares.subset((first,))
    truth, found = one.mask(first), one.mask(first)[:, ::-1]
    expected = [
        np.sum((truth == label) & (found == label)) / np.sum((truth == label) | (found == label))
        for label in np.unique(truth)
    ]
    assert masks_miou(replace(one, masks=mirrored), one) == pytest.approx(np.mean(expected))


def test_pixels_without_a_label_count_as_background(few_squares, tmp_path):
    for id_ in few_squares.ids:
        mask = few_squares.mask(id_)
        write_mask(tmp_path / "objects" / f"{id_}.png", np.where(mask == 0, 255, mask))
        write_mask(tmp_path / "nothing" / f"{id_}.png", np.full_like(mask, 255))
    objects, nothing = (
        replace(few_squares, masks=str(tmp_path / name)) for name in ("objects", "nothing")
    )
    share = np.mean([np.mean(few_squares.mask(id_) == 0) for id_ in few_squares.ids])
    assert masks_miou(objects, few_squares) == 1
    assert masks_miou(nothing, few_squares) == pytest.approx(share / 3)


def test_the_spread_over_seeds(tmp_path):
    scores = pd.DataFrame(
        {"masks": ["truth", "truth", "svm"], "seed": [0, 1, 0], "masks_miou": [100.0, 100.0, 50.0]}
    ).assign(mean=[80.0, 84.0, 60.0])
    found = SecondStage(scores, {"dataset": "toy"})
    table = found.over_seeds()
    assert list(table.index) == ["truth", "svm"]
    assert list(table.loc["truth", ["mean", "lowest", "highest", "seeds"]]) == [82, 80, 84, 2]
    found.write(tmp_path)
    assert pd.read_csv(tmp_path / "spread.csv", index_col="masks").loc["svm", "mean"] == 60
    assert json.loads((tmp_path / "scores.json").read_text()) == {"dataset": "toy"}


@pytest.mark.parametrize(("kinds", "seeds"), [([], [0]), (["truth"], [])])
def test_nothing_to_compare_is_an_error(few_squares, kinds, seeds):
    with pytest.raises(ParameterError, match="Nothing to compare"):
        second_stage(few_squares, kinds, seeds)
