"""`wsss score`: its tables, and what it says was scored."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from wsss_lib.cli import main


@pytest.fixture
def score(few_squares, monkeypatch):
    """Call it among `few_squares`, with a folder `good` of the true masks."""
    here = few_squares.root.parent
    monkeypatch.setenv("WSSS_OUTPUT", str(here / "out"))
    monkeypatch.chdir(here)
    shutil.copytree(few_squares.mask_folder, here / "good")
    return lambda *more: CliRunner().invoke(
        main, ["score", *more, "--data", "few", "--images", "3"]
    )


def test_score_writes_tables_and_says_what_was_scored(score, tmp_path):
    result = score("good", "--classes", "bkg,leaf", "--against", "good")
    assert result.exit_code == 0, result.output
    out = tmp_path / "out/build/score/toy"
    table = pd.read_csv(out / "scores.csv", index_col="masks")
    assert list(table)[:3] == ["bkg", "leaf", "mean"]
    assert table.loc["good", ["mean", "precision", "over", "gain"]].tolist() == [100, 100, 0, 0]
    assert json.loads((out / "scores.json").read_text())["scored"] == ["good"]
    assert {path.stem for path in out.glob("*.csv")} == {"scores", "classes", "bands", "images"}
    *_, caption, last = result.stdout.splitlines()
    assert caption.startswith("mIoU on 3 images of train (toy) against SegmentationClass; void: ")
    assert "CRF: none is run here" in caption
    assert last.startswith("Written to ")


def test_seeds_have_a_curve(score, few_squares, tmp_path):
    (tmp_path / "cams").mkdir()
    for id_ in few_squares.ids:
        truth, labels = few_squares.mask(id_), few_squares.labels(id_)
        maps = np.stack([truth == label for label in labels]) if labels else np.zeros((0, 40, 52))
        np.save(tmp_path / "cams" / f"{id_}.npy", 0.3 * maps.astype(np.float32))
    result = score("--seeds", "cams", "--threshold", "0.5")
    assert result.exit_code == 0, result.output
    curve = pd.read_csv(tmp_path / "out/build/score/toy/thresholds.csv")
    assert curve.loc[curve["best"] == 1, "mean"].tolist() == [100]
    assert "; seeds from files: 3 maps; threshold: 0.5. " in result.stdout
    assert "The best one would be 0 with 100.00, chosen on the very masks" in result.stdout


def test_nothing_to_score_is_said(score):
    result = score()
    assert result.exit_code == 1
    assert "Error: Nothing to score; expected a folder of masks, or one of seeds." in result.output
