"""The masks that a segmentation network learns from."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from wsss_lib.datasets import load_dataset
from wsss_lib.datasets.images import read_mask, write_mask
from wsss_lib.errors import DataError, ParameterError
from wsss_lib.evaluate.mask_worth import (
    bound_masks,
    image_scores,
    masks_miou,
    output_columns,
    over_trainings,
    second_stage,
    training_masks,
    weak_masks,
)
from wsss_lib.evaluate.settings import Setting
from wsss_lib.metrics import mean_iou
from wsss_lib.segmentation.segmenter import load_segmenter, pooled_confusion
from wsss_lib.segmentation.train import SegmenterSettings, train_segmenter
from wsss_lib.weak import chain
from wsss_lib.weak.masks import pseudo_masks
from wsss_lib.weak.seeds import Localiser
from wsss_lib.weak.steps import SVM, Seed

IMG = Setting("img", 100)


@pytest.fixture
def steps(checkpoints):
    localiser = Localiser(checkpoints.plain, (1.0,), threshold=0.4)
    return Seed(localiser), SVM(localiser, 40, feature="F2")


@pytest.fixture
def mirrored(few_squares, tmp_path):
    """A folder of masks that are the true ones, left and right exchanged, and labelled fully."""
    for id_ in few_squares.ids:
        write_mask(tmp_path / "mirrored" / f"{id_}.png", few_squares.mask(id_)[:, ::-1])
    return str(tmp_path / "mirrored")


def test_ground_truth_and_a_folder_of_masks_need_no_making(squares, tmp_path):
    assert training_masks("truth", squares) is squares
    assert training_masks(str(tmp_path), squares) == replace(squares, masks=str(tmp_path))


def test_masks_of_the_upper_bound_are_nearly_the_ground_truth(few_squares):
    made = bound_masks(few_squares, IMG, None)
    assert made.mask_folder.name == "img"
    agree = [np.mean(made.mask(id_) == few_squares.mask(id_)) for id_ in few_squares.ids]
    assert min(agree) > 0.95


def test_pseudo_masks_are_those_of_the_last_step(few_squares, steps, tmp_path):
    made = weak_masks(few_squares, steps)
    pseudo_masks(few_squares, steps, masks_out=tmp_path / "own", store=tmp_path / "rows")
    for id_ in few_squares.ids:
        own = read_mask(tmp_path / "own" / "svm" / f"{id_}.png", len(few_squares.classes))
        assert np.array_equal(made.mask(id_), own)


def test_masks_made_in_another_way_lie_elsewhere(few_squares, steps, mirrored):
    made = [
        weak_masks(few_squares, steps),
        weak_masks(few_squares, (steps[0], replace(steps[1], samples=41))),
        bound_masks(few_squares, IMG, None),
        bound_masks(replace(few_squares, masks=mirrored), IMG, None),
    ]
    assert len({each.mask_folder for each in made}) == 4
    assert weak_masks(few_squares, steps) == made[0]


def test_an_image_without_a_mask_is_named(few_squares, steps):
    few_squares.image_path(few_squares.ids[1]).write_bytes(b"no photograph")
    with pytest.raises(DataError, match="1 of 3 images got no mask"):
        weak_masks(few_squares, steps[:1])


@pytest.mark.parametrize("kind", ["seed", "irn"])
def test_an_edge_network_is_trained_only_for_the_step_that_needs_it(
    few_squares, checkpoints, monkeypatch, kind
):
    asked = []

    def edges(images, localiser, **where):
        asked.append((images, localiser, where))
        return checkpoints.edges

    monkeypatch.setattr(chain, "choose_classifier", lambda *_, **where: checkpoints.sipe)
    monkeypatch.setattr(chain, "trained_edges", edges)
    made = training_masks(kind, few_squares, workers=1)
    assert made.mask_folder.name == kind
    localiser = Localiser(checkpoints.sipe)
    expected = (few_squares, localiser, {"device": "cpu", "workers": 1})
    assert asked == ([expected] if kind == "irn" else [])


def test_outputs_stand_beside_the_masks_that_were_learnt_from(squares, tmp_path):
    def says(label):
        return SimpleNamespace(mask=lambda image, crf: np.full(image.shape[:2], label, np.uint8))

    samples = [squares.sample(id_) for id_ in squares.ids[:2]]
    for sample in samples:
        mask = np.where(sample.mask == 0, 255, sample.mask)[:, ::-1]
        write_mask(tmp_path / f"{sample.id}.png", mask)
    masks = {"truth": squares, "svm": replace(squares, masks=str(tmp_path))}
    columns = output_columns(samples, masks, {"truth": says(1), "svm": says(2)})
    assert list(columns) == ["network: truth", "masks: svm", "network: svm"]
    for number, sample in enumerate(samples):
        assert np.array_equal(columns["masks: svm"][number], sample.mask[:, ::-1])
        assert (columns["network: truth"][number] == 1).all()
        assert (columns["network: svm"][number] == 2).all()


def test_each_image_is_scored_alone(squares):
    samples = [squares.sample(id_) for id_ in squares.ids[:2]]
    nothing = [np.zeros_like(sample.mask) for sample in samples]
    columns = {"right": [sample.mask for sample in samples], "nothing": nothing}
    table = image_scores(samples, columns, len(squares.classes))
    assert list(table.index) == list(squares.ids[:2])
    assert (table["right"] == 100).all()
    for sample, score in zip(samples, table["nothing"], strict=True):
        background = np.mean(sample.mask == 0)
        assert score == pytest.approx(100 * background / len(np.unique(sample.mask)))


@pytest.fixture
def small(checkpoints):
    weights = str(checkpoints.plain)
    return SegmenterSettings(backbone="resnet10", weights=weights, crop=16, batch=3, epochs=1)


def test_each_kind_and_seed_has_a_row_with_the_scores_of_its_own_network(
    few_squares, mirrored, small, tmp_path
):
    found = second_stage(few_squares, ["truth", mirrored], [0, 1], settings=small)
    assert list(found.main.index) == ["truth", "truth", "mirrored", "mirrored"]
    assert list(found.main["seed"]) == [0, 1, 0, 1]
    names = {training["checkpoint"] for training in found.provenance["trainings"]}
    assert len(names) == 4
    val = load_dataset("toy", "val", root=few_squares.root)
    for row, training in zip(
        found.main.to_dict("records"), found.provenance["trainings"], strict=True
    ):
        segmenter = load_segmenter(tmp_path / "cache/weights" / training["checkpoint"])
        expected = 100 * mean_iou(pooled_confusion(segmenter.mask, val))
        assert row["mean"] == pytest.approx(expected)


def test_finished_networks_are_not_trained_again(few_squares, small, monkeypatch):
    first = second_stage(few_squares, ["truth"], settings=small)
    monkeypatch.setattr("wsss_lib.segmentation.train.Training", None)
    again = second_stage(few_squares, ["truth"], settings=small)
    pd.testing.assert_frame_equal(again.main, first.main)


def test_nothing_is_compared_without_a_list_to_score_on(few_squares, small, monkeypatch):
    val = few_squares.devkit / "ImageSets/Segmentation/val.txt"
    ids = val.read_text()
    val.unlink()
    train_segmenter(few_squares, small)
    with monkeypatch.context() as patch:
        patch.setattr("wsss_lib.evaluate.mask_worth.training_masks", None)
        with pytest.raises(DataError, match="No list 'val'"):
            second_stage(few_squares, ["truth"], settings=small)
    val.write_text(ids)
    with pytest.raises(DataError, match=r"trained without a list to score it on\. Remove the file"):
        second_stage(few_squares, ["truth"], settings=small)


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


def test_the_spread_over_seeds():
    columns = {"masks_miou": [100.0, 100.0, 50.0], "mean": [80.0, 84.0, 60.0]}
    masks = pd.Index(["truth", "truth", "svm"], name="masks")
    table = over_trainings(pd.DataFrame(columns, masks))
    assert list(table.index) == ["truth", "svm"]
    assert list(table.loc["truth", ["mean", "lowest", "highest", "seeds"]]) == [82, 80, 84, 2]
    assert list(table.loc["svm", ["masks_miou", "mean"]]) == [50, 60]


@pytest.mark.parametrize(("kinds", "seeds"), [([], [0]), (["truth"], [])])
def test_nothing_to_compare_is_an_error(few_squares, kinds, seeds):
    with pytest.raises(ParameterError, match="Nothing to compare"):
        second_stage(few_squares, kinds, seeds)
