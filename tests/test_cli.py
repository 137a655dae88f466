import json
import subprocess
import sys

import pandas as pd
import pytest
from click.testing import CliRunner

from wsss_lib.cli import main
from wsss_lib.evaluate.studies import STUDIES


@pytest.fixture
def wsss(tmp_path, monkeypatch):
    """Call the command line with a cache and an output folder of its own."""
    monkeypatch.setenv("WSSS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("WSSS_OUTPUT", str(tmp_path / "out"))
    monkeypatch.delenv("WSSS_DATA", raising=False)
    return lambda *arguments: CliRunner().invoke(main, arguments)


@pytest.fixture
def voc_like(tmp_path):
    """A devkit under VOC's class names: the toy set's images, some of them."""
    from wsss_lib.datasets.toy import make_toy

    return make_toy(tmp_path / "voc", n_train=3, n_val=1)


def table1(wsss, root, *more):
    return wsss("table1", "--dataset", "voc", "--data", str(root), "--layers", "img", *more)


def test_table1_writes_its_tables_and_masks(wsss, voc_like, tmp_path):
    result = table1(wsss, voc_like, "--samples", "50", "--save-masks", "--out", str(tmp_path / "t"))
    assert result.exit_code == 0, result.output
    assert (tmp_path / "t/table1.csv").read_text().startswith("feature,bkg,aero,bike,")
    note = json.loads((tmp_path / "t/table1.json").read_text())
    assert (note["images"], note["settings"][0]["samples"]) == (3, 50)
    assert len(list((tmp_path / "t/masks/img").iterdir())) == 3


def test_a_bad_image_is_named_at_the_end_and_in_the_exit_status(wsss, voc_like, tmp_path):
    devkit = voc_like / "VOCdevkit/VOC2012"
    bad = sorted(devkit.glob("JPEGImages/*.jpg"))[0]
    bad.write_bytes(bad.read_bytes()[:300])
    result = table1(wsss, voc_like, "--samples", "50", "--out", str(tmp_path / "t"))
    assert result.exit_code == 1
    assert bad.stem in result.output.splitlines()[-1]
    assert json.loads((tmp_path / "t/table1.json").read_text())["images"] == 2


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--samples", "0"], "samples=0"),
        (["--layers", "F6"], "No layer 'F6'"),
        (["--svm-gamma", "wide"], "gamma='wide'"),
        (["--images", "0"], "images=0"),
        (["--svm-c", "-1"], "C=-1"),
        (["--list", "trainee"], "No list 'trainee'"),
        (["--masks", "Nowhere"], "No folder of masks"),
        (["--layers", "F1", "--weights", "nowhere.pth"], "nowhere.pth"),
    ],
)
def test_bad_parameters_get_a_sentence_and_no_traceback(wsss, voc_like, arguments, sentence):
    result = table1(wsss, voc_like, *arguments)
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert sentence in result.output


def test_missing_voc_says_what_to_do(wsss, tmp_path):
    result = table1(wsss, tmp_path / "empty")
    assert result.exit_code == 1
    assert "make data DATASET=voc" in result.output


def test_doctor_speaks_json(wsss):
    result = wsss("doctor", "--json")
    assert result.exit_code == 0
    assert {"python", "torch", "memory", "voc"} <= {c["name"] for c in json.loads(result.output)}


def test_the_library_is_a_program_too():
    result = subprocess.run(
        [sys.executable, "-m", "wsss_lib", "--help"], capture_output=True, text=True, check=True
    )
    for command in ("doctor", "data", "train", "table1", "notebooks"):
        assert command in result.stdout


def test_a_study_writes_its_scores_and_what_they_come_from(wsss, voc_like, tmp_path):
    path = tmp_path / "deep" / "svm.csv"
    result = wsss(
        *("study", "bound", "--dataset", "voc", "--data", str(voc_like), "--images", "2"),
        *("--backbone", "resnet18", "--weights", "random", "--samples", "20"),
        *("--classes", "bkg,aero", "--out", str(path)),
    )
    assert result.exit_code == 0, result.output
    scores = pd.read_csv(path)
    assert {"kernel", "C", "gamma", "region", "bkg", "aero", "mean_low"} <= set(scores)
    assert "bike" not in scores
    assert json.loads(path.with_suffix(".json").read_text())["images"] == 2
    residuals = pd.read_csv(tmp_path / "deep" / "svm_residuals.csv")
    assert set(residuals["numbering"]) == {"from the stem", "from the deep end"}
    assert set(residuals["feature"]) == {"img", "F1", "F2", "F3", "F4", "F5"}


def test_the_command_offers_every_study():
    (argument,) = (p for p in main.commands["study"].params if p.name == "name")
    assert list(argument.type.choices) == list(STUDIES)
