"""Pseudo masks of a list: what is kept, what is made again, and what is told."""

import hashlib
from dataclasses import replace
from os.path import relpath
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from wsss_lib import engine, metrics
from wsss_lib.datasets import load_dataset
from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.datasets.images import read_mask, write_mask
from wsss_lib.datasets.toy import TOY
from wsss_lib.errors import ParameterError, WeightsError
from wsss_lib.files import sha256
from wsss_lib.metrics import confusion_matrix, dense
from wsss_lib.report import versions
from wsss_lib.store import FORMAT
from wsss_lib.weak import masks
from wsss_lib.weak.masks import caption, pseudo_masks, row_keys, score_steps, step_rows
from wsss_lib.weak.seeds import Localiser
from wsss_lib.weak.selection import precision_table
from wsss_lib.weak.steps import CRF, IRN, SVM, Seed

N_CLASSES = len(TOY)


class Stopped(Exception):
    """Somebody pulled the plug."""


@pytest.fixture
def begun(monkeypatch):
    """The images that are taken through the steps, with the last step's name."""
    seen, run = [], masks.run_steps

    def noted(dataset, id_, steps):
        if None in seen:
            raise Stopped
        seen.append((id_, steps[-1].name))
        return run(dataset, id_, steps)

    monkeypatch.setattr(masks, "run_steps", noted)
    return seen


def read_masks(folder):
    """All masks by step and id."""
    paths = folder.glob("*/*.png")
    return {(path.parent.name, path.stem): read_mask(path, N_CLASSES) for path in paths}


def file_contents(folder):
    """The bytes of every file by its place."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder): path.read_bytes() for path in files}


def timeless(rows):
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def test_every_image_has_a_row_and_a_mask_of_every_step(squares, finished, steps):
    rows, ids = finished.result.rows, list(squares.ids[:3])
    assert list(rows) == list(steps)
    assert not finished.result.failures
    made = read_masks(finished.masks)
    assert set(made) == {(step.name, id_) for step in steps for id_ in ids}
    for step in steps:
        assert [(row["id"], row["step"]) for row in rows[step]] == [(id_, step.name) for id_ in ids]
        for row in rows[step]:
            mask = made[step.name, row["id"]]
            expected = confusion_matrix(squares.mask(row["id"]), mask, N_CLASSES)
            np.testing.assert_array_equal(dense(row["confusion"], N_CLASSES), expected)
            assert ("samples" in row) == (step.name == "svm")


def test_masks_have_no_label_but_the_images_own(squares, finished):
    made = read_masks(finished.masks)
    present = {key: set(np.unique(mask).tolist()) for key, mask in made.items()}
    for (_, id_), found in present.items():
        assert found <= {0, *squares.labels(id_)}
    assert len(present["seed", squares.ids[0]]) > 1  # else this would show little
    assert present["seed", squares.ids[2]] == {0}


def test_a_second_run_makes_nothing(again, finished, begun, tmp_path):
    result = again()
    assert not begun
    assert result.rows == finished.result.rows
    assert file_contents(tmp_path / "masks") == file_contents(finished.masks)


@pytest.mark.parametrize("older", [2, 3])
def test_rows_and_masks_of_an_older_format_are_made_again(
    few_squares, steps, begun, tmp_path, monkeypatch, older
):
    where = {"store": tmp_path / "s", "masks_out": tmp_path / "masks"}
    for version in (older, FORMAT):
        monkeypatch.setattr("wsss_lib.weak.masks.FORMAT", version)
        for _ in range(2):
            pseudo_masks(few_squares, steps[:2], **where)
    assert begun == [(id_, "svm") for id_ in few_squares.ids] * 2


def test_a_stopped_run_goes_on_with_what_is_missing(
    few_squares, steps, finished, begun, tmp_path, monkeypatch
):
    save = engine.write_mask

    def stop_after_the_first(path, *rest):
        save(path, *rest)
        if path.parent.name == "irn":
            begun.append(None)

    where = {"store": tmp_path / "s", "masks_out": tmp_path / "masks"}
    with monkeypatch.context() as patch:
        patch.setattr(engine, "write_mask", stop_after_the_first)
        with pytest.raises(Stopped):
            pseudo_masks(few_squares, steps, **where)
    assert set(file_contents(tmp_path / "masks")) == {
        Path(step.name) / f"{few_squares.ids[0]}.png" for step in steps
    }
    begun.clear()
    result = pseudo_masks(few_squares, steps, **where)
    assert begun == [(id_, "irn") for id_ in few_squares.ids[1:]]
    for step in steps:
        assert timeless(result.rows[step]) == timeless(finished.result.rows[step])
    assert file_contents(tmp_path / "masks") == file_contents(finished.masks)


def test_a_step_that_changes_is_made_again_with_those_after_it(
    again, few_squares, steps, finished, begun, tmp_path
):
    before = file_contents(tmp_path / "masks")
    other = (steps[0], replace(steps[1], C=0.01), *steps[2:])
    result = again(other)
    assert begun == [(id_, "irn") for id_ in few_squares.ids]
    assert result.rows[steps[0]] == finished.result.rows[steps[0]]  # the seconds, too
    after = file_contents(tmp_path / "masks")
    changed = {path.parts[0] for path in before if after[path] != before[path]}
    assert changed == {"svm", "crf", "irn"}

    begun.clear()
    again((*other[:3], replace(steps[3], doublings=2)))  # steps before keep their rows
    assert begun == [(id_, "irn") for id_ in few_squares.ids]
    assert file_contents(tmp_path / "masks" / "crf") == {
        path.relative_to("crf"): content
        for path, content in after.items()
        if path.parts[0] == "crf"
    }


def test_masks_that_are_gone_or_of_another_setting_are_made_by_no_more_steps_than_it_takes(
    again, few_squares, finished, begun, tmp_path
):
    first, second, _ = few_squares.ids
    (tmp_path / "masks" / "svm" / f"{second}.png").unlink()
    path = tmp_path / "masks" / "crf" / f"{first}.png"
    path.write_bytes((tmp_path / "masks" / "seed" / f"{first}.png").read_bytes())
    again()
    assert begun == [(first, "crf"), (second, "svm")]
    assert file_contents(tmp_path / "masks") == file_contents(finished.masks)


def test_the_threshold_matters_to_cams_only(again, localiser, checkpoints, begun):
    again((Seed(localiser),))
    assert not begun
    again((Seed(replace(localiser, threshold=0.2)),))
    assert len(begun) == 3
    for threshold in (0.2, 0.4):
        again((Seed(Localiser(checkpoints.sipe, (1.0,), threshold)),))
    assert len(begun) == 6


@pytest.mark.parametrize(
    ("has_background", "expected"),
    [
        (
            False,
            {
                "seed": "590514a86668c4d3485e2a153cc17c8303fb4d91b790bc96bb651e43f657cf0d",
                "svm": "46df82073d3b531fe51155c1a6c66e2026c7b494481e1de274d3a0396db27376",
                "crf": "be53e60d34d81c5b9235d86e3fa89b9b8925f559ed903564abdd4b7f24d535dd",
                "irn": "4c8beaa663038615d04ebcd2fc79c8c4a4760522672318941f722fbd89db89cb",
            },
        ),
        (
            True,
            {
                "seed": "dd3afedd61f75a166696141aea6c7bbb9cea40533a5e677b7d438b60b2044ce3",
                "svm": "a8ddb14340d021c84924e4c79d63c61a6a2139760117b00f86bb29eb5696bc99",
                "crf": "7e3b85bdeb564a5abc3841f161b90a50dc363c7aec6da48ab793aa259d376fe1",
                "irn": "186eac84f54e4b248cd00b804a0888b8c47b52435c50707a8fea1adddc4bfa8a",
            },
        ),
    ],
)
def test_keys_of_rows_stay_those_of_stores_that_there_are(
    tmp_path, monkeypatch, has_background, expected
):
    for part in ("JPEGImages", "SegmentationClass", "Annotations", "ImageSets/Segmentation"):
        (tmp_path / "VOCdevkit/VOC2012" / part).mkdir(parents=True)
    dataset = DevkitDataset("toy", tmp_path, TOY, "train", ("a",))
    dataset.image_path("a").write_bytes(b"photograph")
    dataset.mask_path("a").write_bytes(b"mask")
    annotation = f"<annotation><object><name>{TOY.names[2]}</name></object></annotation>"
    (dataset.devkit / "Annotations/a.xml").write_text(annotation)
    weights = SimpleNamespace(sha256="f" * 64)
    learnt = SimpleNamespace(weights=weights, setting={"dataset": "voc"})
    edges = SimpleNamespace(weights=SimpleNamespace(sha256=hashlib.sha256(b"edges").hexdigest()))
    monkeypatch.setattr(Localiser, "load", lambda self: learnt)
    monkeypatch.setattr(Localiser, "has_background", has_background)
    monkeypatch.setattr("wsss_lib.weak.steps.load_edges", lambda path, device: edges)
    weight = 1.0 if has_background else None
    localiser = Localiser("plain.pth", (1.0, 0.5), threshold=0.3, background_weight=weight)
    steps = (Seed(localiser), SVM(localiser, 40, gamma="10"), CRF(), IRN("e.pth", beta=20.0))
    assert {step.name: key for step, key in row_keys(dataset, "a", steps).items()} == expected


def test_another_ground_truth_gives_other_rows_and_the_same_masks(
    again, few_squares, finished, steps, tmp_path
):
    first = few_squares.ids[0]
    mask = few_squares.mask(first)
    write_mask(few_squares.mask_path(first), np.where(mask == 0, 255, mask))
    result = again()
    for step in steps:
        new, old = result.rows[step], finished.result.rows[step]
        assert new[1:] == old[1:]
        assert {true for true, _, _ in new[0]["confusion"]} == {1, 2}
    np.testing.assert_equal(read_masks(tmp_path / "masks"), read_masks(finished.masks))


def test_another_network_matters_to_its_step_and_those_after_it(
    again, steps, finished, begun, checkpoints
):
    seed, svm, crf, irn = steps
    assert again(steps[:3]).rows == {step: finished.result.rows[step] for step in steps[:3]}
    assert not begun
    other = replace(svm, localiser=Localiser(checkpoints.sipe))
    result = again((seed, other, crf, irn))
    assert [name for _, name in begun] == ["irn"] * 3
    assert result.rows[seed] == finished.result.rows[seed]


def test_bad_photographs_are_reported_and_left_out(few_squares, steps, tmp_path, capsys):
    first, second, third = few_squares.ids
    few_squares.image_path(first).unlink()
    few_squares.image_path(third).write_bytes(b"no picture")
    where = {"store": tmp_path / "s", "masks_out": tmp_path / "masks"}
    result = pseudo_masks(few_squares, steps[:2], **where)
    assert list(result.failures) == [first, third]
    assert f"{third}.jpg is not a picture" in result.failures[third]
    assert result.failures[first] == f"cannot read {first}.jpg (No such file or directory)"
    printed = capsys.readouterr().out.splitlines()
    assert printed == [f"{id_}: {reason}" for id_, reason in result.failures.items()]
    assert [row["id"] for row in result.rows[steps[0]]] == [second]
    assert {path.stem for path in file_contents(tmp_path / "masks")} == {second}


def test_masks_come_without_ground_truth(few_squares, steps, finished, annotate, tmp_path):
    for id_ in few_squares.ids:
        annotate(few_squares, id_)
    opened = load_dataset("toy", root=few_squares.root, images=3, need_masks=False)
    where = {"store": tmp_path / "s", "masks_out": tmp_path / "masks"}
    result = pseudo_masks(opened, steps, **where)
    assert not result.failures
    for step in steps:
        for row in result.rows[step]:
            assert set(row) == {"id", "step", "seconds"}
    np.testing.assert_equal(read_masks(tmp_path / "masks"), read_masks(finished.masks))
    scores = score_steps(result)
    assert not len(scores.main)
    assert not len(scores.tables["precision"])
    scores.write(tmp_path / "report")
    (note,) = (tmp_path / "report").iterdir()
    assert note.name == "scores.json"
    assert (scores.provenance["images"], scores.provenance["scored"]) == (3, 0)


def test_without_labels_of_any_kind_an_image_is_left_out(few_squares, steps, tmp_path):
    few_squares.mask_path(few_squares.ids[1]).unlink()
    result = pseudo_masks(few_squares, steps[:1], store=tmp_path / "s")
    assert list(result.failures) == [few_squares.ids[1]]
    assert "No image-level labels" in result.failures[few_squares.ids[1]]


def test_two_workers_make_the_same_bytes(
    few_squares, localiser, steps, finished, tmp_path, monkeypatch
):
    """From another working folder than theirs, with paths relative to it."""
    pseudo_masks(few_squares, steps[:1], workers=2, store=tmp_path / "first")
    monkeypatch.chdir(tmp_path)
    dataset = replace(few_squares, root=few_squares.root.relative_to(tmp_path))
    localiser = replace(localiser, path=Path(relpath(localiser.path)))
    irn = replace(steps[3], edges=Path(relpath(steps[3].edges)))
    steps = (Seed(localiser), replace(steps[1], localiser=localiser), steps[2], irn)
    where = {"store": "s", "masks_out": Path("masks")}
    result = pseudo_masks(dataset, steps, workers=2, **where)
    for rows, theirs in zip(result.rows.values(), finished.result.rows.values(), strict=True):
        assert timeless(rows) == timeless(theirs)
    assert file_contents(tmp_path / "masks") == file_contents(finished.masks)


def test_steps_that_do_not_go_together_are_refused(few_squares, localiser, steps):
    for wrong in ((), steps[1:], (steps[0], SVM(localiser, 20), SVM(localiser, 30))):
        with pytest.raises(ParameterError, match="expected a seed, then different ones"):
            pseudo_masks(few_squares, wrong)


def test_other_weights_at_a_worker_are_refused(few_squares, steps, checkpoints):
    weights, first = masks.checkpoints(steps), few_squares.ids[0]
    assert len(step_rows(few_squares, steps, weights, first, steps[:1])) == 1
    for wrong in ({}, weights | {checkpoints.edges: "0" * 64}):
        with pytest.raises(WeightsError, match="other weights"):
            step_rows(few_squares, steps, wrong, first, steps[:1])


@pytest.fixture(scope="module")
def scores(finished):
    return score_steps(finished.result)


def test_the_table_is_pooled_over_the_images(squares, finished, scores):
    assert scores.main.index.name == "step"
    assert list(scores.main) == [*squares.classes.short, "mean"]
    assert list(scores.main.index) == ["seed", "svm", "crf", "irn"]
    for step, rows in finished.result.rows.items():
        counts = sum(dense(row["confusion"], N_CLASSES) for row in rows)
        expected = 100 * metrics.iou(counts)
        assert np.isfinite(expected).sum() == 3
        mean = 100 * metrics.mean_iou(counts)
        np.testing.assert_allclose(scores.main.loc[step.name], [*expected, mean])


def test_samples_of_the_svm_are_scored_by_class(squares, finished, steps, scores):
    rows = [row["samples"] for row in finished.result.rows[steps[1]]]
    assert [sorted(row) for row in rows[1:]] == [["0", "2"], ["0"]]
    pd.testing.assert_frame_equal(
        scores.tables["precision"], precision_table(rows, squares.classes)
    )


def test_what_the_numbers_depend_on_is_noted(scores, checkpoints, finished, steps):
    found = scores.provenance
    names = [found[what] for what in ("dataset", "list", "masks")]
    assert names == ["toy", "train", "SegmentationClass"]
    assert (found["images"], found["scored"], found["failures"]) == (3, 3, {})
    assert (found["method"], found["threshold"], list(found["scales"])) == ("CAM", 0.4, [1.0])
    assert found["network"] == {
        "backbone": "resnet10",
        "name": checkpoints.plain.name,
        "sha256": sha256(checkpoints.plain),
    }
    assert found["edges"] == checkpoints.edges.name
    assert found["steps"][1] == {
        "name": "svm",
        "samples": 40,
        "feature": "F2",
        "selection": "seed",
        "look": "F2",
        "C": 1.0,
        "gamma": "scale",
        "temperature": 1.0,
        "seed": 0,
    }
    seconds = [row["seconds"] for row in finished.result.rows[steps[2]]]
    assert found["seconds_per_image"]["crf"] == pytest.approx(np.mean(seconds), abs=6e-4)
    assert found["versions"] == versions()


def test_the_caption_names_list_masks_threshold_and_crf(scores, few_squares, checkpoints):
    assert caption(scores) == (
        "mIoU on 3 images of train (toy) against SegmentationClass; threshold: 0.4; CRF: yes"
    )
    sipe = Seed(Localiser(checkpoints.sipe, (1.0,)))
    one = few_squares.subset(few_squares.ids[:1])
    assert caption(score_steps(pseudo_masks(one, [sipe]))) == (
        "mIoU on 1 images of train (toy) against SegmentationClass; threshold: a background "
        "channel; CRF: no"
    )


def test_images_without_a_mask_are_left_out_of_the_table(few_squares, steps, annotate):
    first, *others = few_squares.ids
    whole = score_steps(pseudo_masks(few_squares, steps[:1]))
    annotate(few_squares, first)
    part = score_steps(pseudo_masks(few_squares, steps[:1]))
    rest = score_steps(pseudo_masks(few_squares.subset(others), steps[:1]))
    assert (part.provenance["images"], part.provenance["scored"]) == (3, 2)
    pd.testing.assert_frame_equal(part.main, rest.main)
    assert not part.main.equals(whole.main)
    assert caption(part).startswith("mIoU on 2 images")
