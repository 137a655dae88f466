"""The table of the steps, against what the written masks themselves give."""

import json

import numpy as np
import pandas as pd
import pytest

from wsss_lib import metrics
from wsss_lib.datasets import load_dataset
from wsss_lib.datasets.images import read_mask
from wsss_lib.datasets.toy import TOY
from wsss_lib.evaluate.provenance import versions
from wsss_lib.evaluate.pseudo.scores import score_steps
from wsss_lib.evaluate.pseudo.steps import CRF, Seed
from wsss_lib.evaluate.pseudo.view import Networks
from wsss_lib.expand.localise import Localiser
from wsss_lib.files import sha256

N = len(TOY)


@pytest.fixture(scope="module")
def scores(squares, networks, steps, finished):
    """Of the `finished` run; nothing is made again."""
    three = squares.subset(squares.ids[:3])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WSSS_CACHE", str(finished.store.parent))
        return score_steps(three, steps, networks)


def test_the_table_is_that_of_the_masks_on_the_disk(squares, finished, steps, scores):
    assert list(scores.table.index) == [step.name for step in steps]
    assert scores.table.index.name == "step"
    assert list(scores.table) == [*squares.classes.short, "mean"]
    for step in steps:
        counts = sum(
            metrics.confusion_matrix(
                squares.mask(id_), read_mask(finished.masks / step.name / f"{id_}.png", N), N
            )
            for id_ in squares.ids[:3]
        )
        expected = 100 * metrics.iou(counts)
        found = scores.table.loc[step.name]
        np.testing.assert_allclose(found.iloc[:-1], expected)
        assert found["mean"] == pytest.approx(100 * metrics.mean_iou(counts))
        assert np.isfinite(expected).sum() == 3


def test_samples_of_the_svm_are_scored_by_class(finished, steps, scores):
    rows = [row["samples"] for row in finished.result.rows[steps[1]]]
    table = scores.precision
    for label, name in enumerate(table.index[:-1]):
        pairs = [row[str(label)] for row in rows if str(label) in row]
        assert table.loc[name, ["right", "drawn"]].tolist() == [
            sum(pair[place] for pair in pairs) for place in (0, 1)
        ]
    assert table.index[-1] == "all"
    assert table.loc["all", "drawn"] == sum(pair[1] for row in rows for pair in row.values()) > 100


def test_what_the_numbers_hang_on_is_noted(scores, networks, checkpoints, finished, steps):
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
    assert scores.caption() == (
        "mIoU on 3 images of train (toy) against SegmentationClass; threshold: 0.4; CRF: yes"
    )
    sipe = Networks(Localiser(checkpoints.sipe, (1.0,)))
    one = few_squares.subset(few_squares.ids[:1])
    assert score_steps(one, (Seed(),), sipe).caption() == (
        "mIoU on 1 images of train (toy) against SegmentationClass; threshold: a background "
        "channel; CRF: no"
    )


def test_tables_and_note_are_written(scores, tmp_path):
    scores.write(tmp_path / "new")
    table = pd.read_csv(tmp_path / "new/scores.csv", index_col="step")
    pd.testing.assert_frame_equal(table, scores.table.round(2), atol=0.006)
    precision = pd.read_csv(tmp_path / "new/precision.csv", index_col="class")
    assert precision["drawn"].tolist() == scores.precision["drawn"].tolist()
    note = json.loads((tmp_path / "new/scores.json").read_text())
    assert note == json.loads(json.dumps(scores.provenance))


def test_without_ground_truth_only_the_note_is_written(few_squares, networks, annotate, tmp_path):
    annotate(few_squares, few_squares.ids[0])
    opened = load_dataset("toy", root=few_squares.root, images=1, need_masks=False)
    folder = tmp_path / "out"
    scores = score_steps(opened, (Seed(), CRF(hard=True)), networks, masks_out=folder)
    assert not len(scores.table)
    assert not len(scores.precision)
    scores.write(folder)
    names = {str(path.relative_to(folder)) for path in folder.rglob("*.*")}
    assert names == {"scores.json", "seed/square_00.png", "crf/square_00.png"}
    note = json.loads((folder / "scores.json").read_text())
    assert (note["images"], note["scored"]) == (1, 0)


def test_images_without_a_mask_are_left_out_of_the_table(few_squares, networks, annotate):
    first, *others = few_squares.ids
    whole = score_steps(few_squares, (Seed(),), networks)
    annotate(few_squares, first)
    part = score_steps(few_squares, (Seed(),), networks)
    rest = score_steps(few_squares.subset(others), (Seed(),), networks)
    assert (part.provenance["images"], part.provenance["scored"]) == (3, 2)
    pd.testing.assert_frame_equal(part.table, rest.table)
    assert not part.table.equals(whole.table)
    assert part.caption().startswith("mIoU on 2 images")
