"""Somebody's own data set: ids in sub-folders and with spaces, and nothing that is not needed."""

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from wsss_lib.cli import main
from wsss_lib.datasets import load_dataset

IDS = ("2007/a", "2007/my b 1", "c")
#: Image-level labels of the first three of `squares`.
LABELS = {"2007/a": ("red", "blue"), "2007/my b 1": ("blue",), "c": ()}


@pytest.fixture
def own(few_squares, tmp_path, monkeypatch):
    """A devkit with classes of its own and three images in ``train``; no other list."""
    monkeypatch.setenv("WSSS_OUTPUT", str(tmp_path / "out"))
    devkit = few_squares.devkit
    for folder, ending in (("JPEGImages", ".jpg"), ("SegmentationClass", ".png")):
        for old, new in zip(few_squares.ids, IDS, strict=True):
            (devkit / folder / new).parent.mkdir(exist_ok=True)
            (devkit / folder / f"{old}{ending}").rename(devkit / folder / f"{new}{ending}")
    (devkit / "classes.txt").write_text("background\nred\nblue\n")
    lists = devkit / "ImageSets/Segmentation"
    (lists / "train.txt").write_text("".join(f"{id_}\n" for id_ in IDS))
    (lists / "val.txt").unlink()
    return devkit


def annotate(devkit):
    """Give image-level labels, and take the masks away."""
    for id_, names in LABELS.items():
        path = devkit / "Annotations" / f"{id_}.xml"
        path.parent.mkdir(parents=True, exist_ok=True)
        objects = "".join(f"<object><name> {name}\n</name></object>" for name in names)
        path.write_text(f"<annotation>{objects}</annotation>")
    shutil.rmtree(devkit / "SegmentationClass")


def wsss(command: str, devkit, *more) -> str:
    """Run a command on the data set and give what it says."""
    arguments = [*command.split(), "--dataset", "voc", "--data", str(devkit.parents[1]), *more]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    return result.output


def test_table1_and_studies_need_one_list(own, tmp_path):
    small = ("--samples", "30", "--backbone", "resnet10", "--weights", "random")
    wsss("table1 --layers img,F2 --save-masks", own, *small)
    table = (tmp_path / "out/build/table1/voc/table1.csv").read_text()
    assert table.startswith("feature,background,red,blue,")
    masks = load_dataset("voc", root=own, masks=str(tmp_path / "out/build/table1/voc/masks/img"))
    truth = load_dataset("voc", root=own)
    for id_, agree in zip(IDS, (0.97, 0.97, 1.0), strict=True):
        counted = truth.mask(id_) != 255
        assert np.mean((masks.mask(id_) == truth.mask(id_))[counted]) >= agree
    wsss("study zscore", own, *small)
    note = json.loads((tmp_path / "out/build/studies/voc/zscore.json").read_text())
    assert (note["images"], note["list"], note["failures"]) == (3, "train", {})


def train(kind: str, devkit, tmp_path, *more):
    """Train a network for a moment; give what is said and the new checkpoint."""
    before = set(tmp_path.glob("cache/weights/*.pth"))
    how = ("--epochs", "1", "--batch", "2", "--optimiser", "adamw", "--lr", "0.001")
    said = wsss(f"train {kind}", devkit, *how, "--momentum", "0.9", *more)
    (path,) = set(tmp_path.glob("cache/weights/*.pth")) - before
    return said, str(path)


def test_trainings_and_pseudo_masks_need_no_masks_and_no_other_list(own, tmp_path):
    annotate(own)
    new = ("--backbone", "resnet10", "--weights", "random", "--crop", "32", "--long-side")
    said, plain = train("classifier", own, tmp_path, *new, "40", "60")
    assert "has no list trainaug: train is learnt from." in said
    assert "has no list val: the training goes without a score." in said
    assert said.strip().endswith("not scored")
    said, sipe = train("sipe", own, tmp_path, *new, "40", "60")
    assert said.strip().endswith("not scored")
    maps = ("--classifier", sipe, "--weights", plain, "--crop", "80")
    _, edges = train("irn", own, tmp_path, *maps)
    networks = ("--weights", sipe, "--irn-weights", edges)
    wsss("pseudo --layer F2 --samples 20", own, *networks)
    folder = tmp_path / "out/build/pseudo/voc"
    note = json.loads((folder / "scores.json").read_text())
    assert (note["images"], note["scored"], note["failures"]) == (3, 0, {})
    for step in ("seed", "svm", "crf", "irn"):
        found = load_dataset("voc", root=own, masks=str(folder / step))
        for id_, names in LABELS.items():
            labels = {found.classes.index(name) for name in names}
            assert set(np.unique(found.mask(id_))) <= labels | {0}
    for kept in ("maps/*/2007/my b 1-*.npy", "affinity/*/2007/my b 1.png"):
        assert len(list(tmp_path.glob(f"cache/{kept}"))) == 1
    learnt = ("--masks", str(folder / "irn"), "--backbone", "resnet10", "--weights", plain)
    said, _ = train("segmenter", own, tmp_path, *learnt, "--crop", "32")
    assert "has no list val and no SegmentationClass: the training goes without a score." in said
    assert "not scored; learnt from 3 images of train (voc) with irn" in said
