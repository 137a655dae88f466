"""Where commands write: checked before the work, never over an input, nothing old beside new."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from PIL import Image

from wsss_lib.cli import main
from wsss_lib.datasets.classes import VOID
from wsss_lib.datasets.images import read_mask, write_mask


@pytest.fixture
def wsss(few_squares, monkeypatch):
    """Call the command line among `few_squares`, a photograph and its strokes."""
    here = few_squares.root.parent
    monkeypatch.setenv("WSSS_OUTPUT", str(here / "out"))
    monkeypatch.chdir(here)
    shutil.copy(few_squares.image_path(few_squares.ids[0]), "dog.jpg")
    strokes = np.full((40, 52), VOID, np.uint8)
    strokes[4, 3:12], strokes[15, 30:40] = 5, 0
    write_mask("strokes.png", strokes)
    (here / "file").write_text("a file")
    (here / "chains.yaml").write_text("crf: {steps: 'seed,crf'}")

    def call(command):
        return CliRunner().invoke(main, command.split())

    return call


DATA = "--data few --images 3"
#: Every command that writes results, and what its work begins with.
COMMANDS = {
    f"table1 {DATA} --layers img": "wsss_lib.evaluate.sweeps.sweep",
    f"study errors {DATA} --weights random": "wsss_lib.studies.catalogue.run_study",
    f"second-stage {DATA}": "wsss_lib.evaluate.mask_worth.second_stage",
    f"pseudo {DATA}": "wsss_lib.weak.chain.choose_classifier",
    f"compare chains.yaml {DATA}": "wsss_lib.weak.chain.choose_classifier",
    f"score few/VOCdevkit/VOC2012/SegmentationClass {DATA}": (
        "wsss_lib.evaluate.mask_scores.score_masks"
    ),
    "expand dog.jpg --labels strokes.png --layers img": "wsss_lib.evaluate.photo.PhotoSegmenter",
}


@pytest.mark.parametrize(("command", "work"), COMMANDS.items())
@pytest.mark.parametrize(
    ("out", "output"), [("--out file/a", "out"), ("--out file/deep/a", "out"), ("", "file")]
)
def test_a_place_that_cannot_be_written_is_named_before_the_work(
    wsss, monkeypatch, command, work, out, output
):
    monkeypatch.setenv("WSSS_OUTPUT", output)
    monkeypatch.setattr(work, None)
    result = wsss(f"{command} {out}")
    assert result.exit_code == 1
    last = result.output.splitlines()[-1]
    assert last.startswith("Error: Cannot write file")
    assert "a file is where a folder was expected" in last


@pytest.mark.parametrize(
    ("name", "reason"),
    [("here.png", "a folder is where a file was expected"), (f"{'x' * 300}.png", "too long")],
)
def test_a_mask_that_cannot_be_written_is_named(wsss, few_squares, name, reason):
    (few_squares.root.parent / "here.png").mkdir()
    result = wsss(f"expand dog.jpg --labels strokes.png --layers img --out {name[:-4]}")
    assert result.exit_code == 1
    assert f"Error: Cannot write {name} (" in result.output
    assert f"{reason}). Name another place with --out" in result.output


@pytest.mark.parametrize("name", ["table1.csv", "table1_heldout.csv", "table1.json"])
def test_a_folder_in_the_place_of_a_table_is_named_before_the_work(
    wsss, few_squares, monkeypatch, name
):
    (few_squares.root.parent / "t" / name).mkdir(parents=True)
    monkeypatch.setattr("wsss_lib.evaluate.sweeps.sweep", None)
    result = wsss(f"table1 {DATA} --layers img --out t")
    assert result.exit_code == 1
    assert f"Error: Cannot write t/{name} (a folder is where a file was expected)" in result.output


@pytest.mark.parametrize(
    ("command", "ending"),
    [
        ("expand dog.jpg --labels strokes.png --layers img", ".png"),
        (f"study errors {DATA} --weights random", ".csv"),
    ],
)
def test_an_empty_name_is_said(wsss, command, ending):
    result = wsss(f"{command} --out=")
    assert result.exit_code == 1
    assert f"Error: The name of a file is empty; one that ends in {ending} was" in result.output


@pytest.mark.parametrize(
    ("command", "work"),
    [
        (f"table1 {DATA} --layers img", "wsss_lib.evaluate.sweeps.warm_up"),
        (
            f"train classifier {DATA} --list train --weights random",
            "wsss_lib.training.Training._epoch",
        ),
        ("notebooks 01", "wsss_lib.run.run_notebook"),
        ("figures", "wsss_lib.run.run_notebook"),
        ("data toy", "wsss_lib.datasets.toy.write.draw_scene"),
    ],
)
def test_a_cache_that_cannot_be_written_is_named_before_the_work(wsss, monkeypatch, command, work):
    monkeypatch.setenv("WSSS_CACHE", "file")
    monkeypatch.setattr(work, None)
    result = wsss(command)
    assert result.exit_code == 1
    last = result.output.splitlines()[-1]
    assert last.startswith("Error: Cannot write file")
    assert "another place with WSSS_CACHE" in last


@pytest.mark.parametrize(
    ("command", "work"),
    [
        ("data toy --data file/deep", "wsss_lib.datasets.toy.write.draw_scene"),
        ("data voc --data file/deep", "wsss_lib.datasets.download._fetch_from"),
        ("html --out file/deep", "wsss_lib.site.write_api"),
    ],
)
def test_other_places_are_named_before_the_work_too(wsss, monkeypatch, command, work):
    monkeypatch.setattr("wsss_lib.site._executed", lambda dataset: {})
    monkeypatch.setattr(work, None)
    result = wsss(command)
    assert result.exit_code == 1
    found = "Error: Cannot write file/deep (a file is where a folder was expected)"
    assert f"{found}. Name another place with --out or --data" in result.stderr


@pytest.mark.parametrize("code", [28, 30])
def test_a_disk_that_fills_up_in_the_middle_keeps_what_was_done(
    wsss, few_squares, monkeypatch, code
):
    save, written = Image.Image.save, []

    def fills(image, path, **keywords):
        if len(written) == 2:
            raise OSError(code, "as the system says")
        written.append(path)
        save(image, path, **keywords)

    command = f"table1 {DATA} --layers img --samples 20 --save-masks --out t"
    with monkeypatch.context() as patch:
        patch.setattr(Image.Image, "save", fills)
        result = wsss(command)
    assert result.exit_code == 1
    last = result.output.splitlines()[-1]
    third = f"t/masks/img/{few_squares.ids[2]}.png"
    assert last.startswith(f"Error: Cannot write {third} (as the system says)")
    assert ("cache/maps" in last) == (code == 28)
    assert not (few_squares.root.parent / third).exists()
    monkeypatch.setattr("wsss_lib.evaluate.sweeps.warm_up", lambda: written.append("again"))
    assert wsss(command).exit_code == 0
    assert written[2:] == ["again"]
    assert len(list((few_squares.root.parent / "t/masks/img").iterdir())) == 3


@pytest.mark.parametrize(
    ("out", "photo", "labels", "over"),
    [
        ("dog.png", "dog.png", "strokes.png", "dog.png"),
        ("strokes.png", "dog.jpg", "strokes.png", "strokes.png"),
        ("strokes", "dog.jpg", "strokes.png", "strokes.png"),
        ("there.png", "link.png", "strokes.png", "there.png"),
        ("./few/../dog.png", "dog.png", "strokes.png", "dog.png"),
    ],
)
def test_a_mask_is_never_written_over_photograph_or_strokes(
    wsss, few_squares, out, photo, labels, over
):
    here = few_squares.root.parent
    for name in ("dog.png", "there.png"):
        Image.open(here / "dog.jpg").save(here / name)
    (here / "link.png").symlink_to(here / "there.png")
    before = (here / over).read_bytes()
    result = wsss(f"expand {photo} --labels {labels} --layers img --out {out}")
    assert result.exit_code == 1
    assert "would be written over" in result.output
    assert "Name another place with --out" in result.output
    assert (here / over).read_bytes() == before


@pytest.mark.parametrize(
    ("outs", "files"),
    [
        (("mask_C0.5", "mask_C0.9"), ("mask_C0.5.png", "mask_C0.9.png")),
        (("v1.2.3", "v1.2.4"), ("v1.2.3.png", "v1.2.4.png")),
        (("dog.jpg", "dog.jpeg"), ("dog.jpg.png", "dog.jpeg.png")),
    ],
)
def test_each_name_is_a_mask_of_its_own(wsss, few_squares, outs, files):
    here = few_squares.root.parent
    before = {path.name for path in here.iterdir()}
    photo = (here / "dog.jpg").read_bytes()
    for out in outs:
        result = wsss(f"expand dog.jpg --labels strokes.png --layers img --out {out}")
        assert result.exit_code == 0, result.output
    assert {path.name for path in here.iterdir()} - before == set(files)
    assert set(np.unique(read_mask(here / files[0], 21))) == {0, 5}
    assert (here / "dog.jpg").read_bytes() == photo


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("study errors --list {} --out ids", "ids.csv"),
        ("study errors --list {} --out ids.csv", "ids.json"),
        ("study errors --list {} --out ids", "ids_errors.csv"),
        ("table1 --list {} --out .", "table1.csv"),
        ("table1 --layers img --weights {} --out .", "table1_heldout.csv"),
        ("second-stage --list {} --out .", "spread.csv"),
        ("pseudo --list {} --out .", "precision.csv"),
        ("pseudo --irn-weights {} --out .", "scores.json"),
        ("compare {} --out .", "chains.json"),
    ],
)
def test_tables_are_never_written_over_what_a_command_reads(wsss, few_squares, command, name):
    path = few_squares.root.parent / name
    path.write_text("".join(f"{id_}\n" for id_ in few_squares.ids))
    before = path.read_bytes()
    result = wsss(command.format(name) + f" {DATA}")
    assert result.exit_code == 1
    assert f"Error: {name} would be written over {name}" in result.output
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "command",
    [
        f"table1 {DATA} --layers img --save-masks --masks t/masks/img --out t",
        f"table1 {DATA} --layers img,xy --save-masks --masks {{}}/t/masks/xy --out ./t",
        f"pseudo {DATA} --weights {{plain}} --steps seed --masks t/seed --out t",
    ],
)
def test_masks_are_never_written_over_those_that_are_read(wsss, few_squares, checkpoints, command):
    here = few_squares.root.parent
    command = command.format(here, plain=checkpoints.plain)
    folder = here / command.split("--masks ")[1].split()[0]
    shutil.copytree(few_squares.mask_folder, folder)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    result = wsss(command)
    assert result.exit_code == 1
    assert "would be written over those of t/" in result.output
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_studies_with_dots_in_their_names_are_files_of_their_own(wsss, few_squares):
    for out in ("svm_C0.5", "svm_C0.9.csv"):
        result = wsss(
            f"study errors {DATA} --backbone resnet18 --weights random --samples 20 --out s/{out}"
        )
        assert result.exit_code == 0, result.output
    names = {path.name for path in (few_squares.root.parent / "s").iterdir()}
    for stem in ("svm_C0.5", "svm_C0.9"):
        assert {f"{stem}.csv", f"{stem}.json"} <= names
        note = json.loads((few_squares.root.parent / "s" / f"{stem}.json").read_text())
        assert set(note["files"]) <= names
    assert all(name.startswith(("svm_C0.5", "svm_C0.9")) for name in names)


def small(checkpoints):
    return f"pseudo {DATA} --weights {checkpoints.plain} --samples 20 --layer F2 --out p"


def test_scores_of_an_earlier_run_are_removed_and_its_masks_named(
    wsss, few_squares, checkpoints, annotate
):
    p = few_squares.root.parent / "p"
    assert wsss(f"{small(checkpoints)} --steps seed,svm").exit_code == 0
    assert len(pd.read_csv(p / "scores.csv")) == 2
    assert (p / "precision.csv").is_file()
    result = wsss(f"{small(checkpoints)} --steps seed")
    assert (result.exit_code, len(pd.read_csv(p / "scores.csv"))) == (0, 1)
    assert not (p / "precision.csv").exists()
    assert "p/svm still holds masks of earlier runs: 3" in result.output
    for id_ in few_squares.ids:
        annotate(few_squares, id_)
    result = wsss(f"{small(checkpoints)} --steps seed --images 2")
    assert result.exit_code == 0, result.output
    assert {path.name for path in p.iterdir()} == {"scores.json", "seed", "svm"}
    assert "p/seed still holds masks of earlier runs: 1\np/svm still holds" in result.output


def test_masks_that_table1_did_not_write_are_named(wsss):
    table1 = f"table1 {DATA} --samples 20 --out t"
    result = wsss(f"{table1} --layers img,xy --save-masks")
    assert "earlier runs" not in result.output
    result = wsss(f"{table1} --layers img --save-masks")
    assert "t/masks/xy still holds masks of earlier runs: 3" in result.output
    result = wsss(f"{table1} --layers img")
    assert result.output.count("still holds masks of earlier runs: 3") == 2


def test_masks_of_a_data_set_are_not_of_an_earlier_run(wsss, few_squares):
    devkit = few_squares.devkit.relative_to(few_squares.root.parent)
    shutil.copytree(few_squares.mask_folder, devkit / "masks/SegmentationClass")
    result = wsss(f"table1 {DATA} --samples 20 --layers img --save-masks --out {devkit}")
    assert result.exit_code == 0, result.output
    assert "earlier runs" not in result.output
