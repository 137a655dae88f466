import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner
from PIL import Image

from wsss_lib.classify.backbones import RECIPES
from wsss_lib.cli import main
from wsss_lib.cli.options import BACKBONES
from wsss_lib.datasets.images import read_mask, write_mask
from wsss_lib.evaluate.mask_worth import KINDS, over_trainings
from wsss_lib.report import Report
from wsss_lib.segmentation.train import SegmenterSettings
from wsss_lib.studies.catalogue import STUDIES
from wsss_lib.weak.mars import collect_centroids
from wsss_lib.weak.seeds import Localiser


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
    assert (note["images"], note["settings"][0]["samples"], note["network"]) == (3, 50, None)
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
    ("command", "sentence"),
    [
        ("table1 --layers F6", "No layer 'F6'"),
        ("table1 --masks Nowhere", "No folder of masks"),
        ("table1 --backbone timm/nothing --weights random", "has no network for 'timm/nothing'"),
        ("study none", "No study 'none'; expected one of bound,"),
        (
            "study combining --sampling apart8 --backbone resnet10 --weights random",
            "The study combining has no sampling apart8; expected some of uniform, blocks64.",
        ),
        ("pseudo --steps svm,crf", "The steps svm, crf; expected a seed"),
        ("pseudo --layer F1*F2+F3", "No feature 'F1*F2+F3'"),
        ("pseudo --weights random", "No weights file random. Expected 'sipe', 'trained' or"),
        ("train sipe --momentum 1", "momentum=1"),
        ("train irn --classifier nowhere.pth", "No weights file nowhere.pth"),
        ("train segmenter --epochs 0", "epochs=0"),
        ("train classifier --clip-norm -1", "clip_norm=-1"),
        ("train irn --clip-norm 0", "clip_norm=0"),
        ("train segmenter --masks Nowhere", "No folder of masks 'Nowhere'"),
    ],
)
def test_bad_values_get_a_sentence_before_any_work(wsss, squares, monkeypatch, command, sentence):
    monkeypatch.setattr("wsss_lib.classify.spec.train_classifier", None)
    result = wsss(*command.split(), "--data", str(squares.root))
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


def test_a_study_runs_with_some_of_its_samplings(wsss, voc_like, tmp_path):
    path = tmp_path / "fair.csv"
    result = wsss(
        *("study", "bound", "--dataset", "voc", "--data", str(voc_like), "--images", "1"),
        *("--backbone", "resnet10", "--weights", "random", "--samples", "10"),
        *("--sampling", "blocks64", "--out", str(path)),
    )
    assert result.exit_code == 0, result.output
    assert set(pd.read_csv(path)["sampling"]) == {"blocks64"}


def test_the_command_offers_every_study(wsss):
    assert f"{{{'|'.join(STUDIES)}}}" in re.sub(r"\s", "", wsss("study", "--help").output)


def pseudo(wsss, root, checkpoints, *more):
    networks = ("--weights", str(checkpoints.plain), "--irn-weights", str(checkpoints.edges))
    small = ("--data", str(root), "--images", "2", "--samples", "20", "--layer", "F2")
    return wsss("pseudo", *networks, *small, *more)


def test_pseudo_writes_masks_and_scores_of_every_step(wsss, squares, checkpoints, tmp_path):
    result = pseudo(wsss, squares.root, checkpoints, "--threshold", "0.4", "--crf", "psa")
    assert result.exit_code == 0, result.output
    out = tmp_path / "out/build/pseudo/toy"
    steps = ["seed", "svm", "crf", "irn"]
    masks = {f"{path.parent.name}/{path.stem}" for path in out.glob("*/*.png")}
    assert masks == {f"{step}/{id_}" for step in steps for id_ in squares.ids[:2]}
    table = pd.read_csv(out / "scores.csv", index_col="step")
    assert list(table.index) == steps
    note = json.loads((out / "scores.json").read_text())
    svm, crf = note["steps"][1:3]
    assert (svm["samples"], svm["feature"], svm["selection"]) == (20, "F2", "confident")
    assert crf["preset"] == "psa"
    assert note["threshold"] == 0.4
    *_, caption, last = result.stdout.splitlines()
    assert caption.startswith("mIoU on 2 images of train (toy) against SegmentationClass")
    assert last.startswith("Written to ")


def kinds(folder):
    """The modes of the masks in a folder, their number, and how they are as arrays."""
    files = {path: Image.open(path) for path in sorted(folder.glob("*/*.png"))}
    arrays = {str(path.relative_to(folder)): np.array(image) for path, image in files.items()}
    return {image.mode for image in files.values()}, len(files), arrays


def test_pseudo_masks_change_their_kind_and_are_not_made_again(
    wsss, squares, checkpoints, tmp_path, monkeypatch
):
    folder, chain = (
        tmp_path / "masks",
        ("--steps", "seed,svm,irn", "--out", str(tmp_path / "masks")),
    )
    index = (*chain, "--png", "index")
    assert pseudo(wsss, squares.root, checkpoints, *index, "--images", "1").exit_code == 0
    assert kinds(folder)[:2] == ({"L"}, 3)
    result = pseudo(wsss, squares.root, checkpoints, *index, "--images", "3")
    assert result.exit_code == 0, result.output
    modes, count, arrays = kinds(folder)
    assert (modes, count) == ({"L"}, 9)
    assert {array.shape for array in arrays.values()} == {(40, 52)}
    n_classes = len(squares.classes)
    for path in folder.glob("*/*.png"):
        np.testing.assert_array_equal(
            read_mask(path, n_classes), arrays[f"{path.parent.name}/{path.name}"]
        )
    monkeypatch.setattr("wsss_lib.weak.masks.run_steps", None)  # all there, of whatever kind
    for more, mode in (((), "P"), (("--png", "palette"), "P"), (("--png", "index"), "L")):
        few = pseudo(wsss, squares.root, checkpoints, *chain, *more, "--images", "2")
        assert few.exit_code == 0, few.output
        modes, count, again = kinds(folder)
        assert (modes, count) == ({mode}, 9)  # the third image's, too
        for name, array in arrays.items():
            np.testing.assert_array_equal(again[name], array)


@pytest.mark.parametrize(("more", "mode"), [((), "P"), (("--png", "index"), "L")])
def test_masks_of_table1_are_of_the_kind_that_is_asked_for(wsss, voc_like, tmp_path, more, mode):
    out = ("--samples", "50", "--save-masks", "--out", str(tmp_path / "t"), *more)
    result = table1(wsss, voc_like, *out)
    assert result.exit_code == 0, result.output
    assert kinds(tmp_path / "t/masks")[:2] == ({mode}, 3)


@pytest.mark.parametrize("reason", ["No space left on device", "Permission denied"])
def test_a_mask_that_cannot_be_converted_is_named(wsss, voc_like, tmp_path, monkeypatch, reason):
    save = Image.Image.save

    def full(image, *arguments, **keywords):
        if image.mode == "L":
            raise OSError(28, reason)
        save(image, *arguments, **keywords)

    monkeypatch.setattr(Image.Image, "save", full)
    out = ("--samples", "50", "--save-masks", "--out", str(tmp_path / "t"), "--png", "index")
    result = table1(wsss, voc_like, *out)
    assert result.exit_code == 1
    assert re.search(rf"^Error: Cannot write \S+\.png \({reason}\)", result.stderr, re.M)
    assert kinds(tmp_path / "t/masks")[:2] == ({"P"}, 3)


def test_a_kind_of_masks_without_masks_is_refused(wsss, voc_like, tmp_path):
    result = table1(wsss, voc_like, "--png", "index", "--out", str(tmp_path / "t"))
    assert result.exit_code == 2
    assert "--save-masks" in result.output
    assert not (tmp_path / "t").exists()


@pytest.mark.parametrize("steps", ["seed,crf", "seed,irn", "seed,pmm", "seed,mars"])
def test_what_pseudo_needs_is_made_if_it_is_not_named(
    wsss, squares, checkpoints, monkeypatch, steps
):
    asked = []

    def classifier(*arguments, **keywords):
        asked.append((*arguments, keywords))
        return checkpoints.sipe

    def edges(*arguments, **keywords):
        asked.append((*arguments, keywords))
        return checkpoints.edges

    def centroids(*arguments, **keywords):
        asked.append((*arguments, keywords))
        return collect_centroids(*arguments, **keywords)

    monkeypatch.setattr("wsss_lib.weak.chain.choose_classifier", classifier)
    monkeypatch.setattr("wsss_lib.weak.chain.trained_edges", edges)
    monkeypatch.setattr("wsss_lib.weak.chain.collect_centroids", centroids)
    result = wsss("pseudo", "--data", str(squares.root), "--images", "1", "--steps", steps)
    assert result.exit_code == 0, result.output
    opened, keywords = squares.subset(squares.ids[:1]), {"device": "cpu"}
    expected = [(opened, "sipe", None, keywords)]
    localiser = Localiser(checkpoints.sipe)
    if "irn" in steps:
        expected.append((opened, localiser, keywords | {"workers": None}))
    if "mars" in steps:
        expected.append((opened, localiser, {"workers": None}))
    assert asked == expected
    assert "threshold: a background channel" in result.stdout


def test_pseudo_needs_no_ground_truth_and_names_bad_images(
    wsss, few_squares, checkpoints, tmp_path
):
    first, second, third = few_squares.ids
    few_squares.mask_path(second).unlink()
    few_squares.mask_path(third).unlink()
    (few_squares.devkit / "Annotations").mkdir()
    for id_ in (first, third):
        (few_squares.devkit / "Annotations" / f"{id_}.xml").write_text("<annotation/>")
    out = ("--steps", "seed,crf", "--images", "3", "--out", str(tmp_path / "masks"))
    result = pseudo(wsss, few_squares.root, checkpoints, *out)
    assert result.exit_code == 1
    assert result.output.splitlines()[-1] == f"Error: 1 image(s) could not be done: {second}"
    masks = {f"{path.parent.name}/{path.stem}" for path in tmp_path.glob("masks/*/*.png")}
    assert masks == {f"{step}/{id_}" for step in ("seed", "crf") for id_ in (first, third)}


def test_a_network_of_another_kind_gets_a_sentence(wsss, squares, checkpoints):
    swapped = SimpleNamespace(plain=checkpoints.edges, edges=checkpoints.plain)
    result = pseudo(wsss, squares.root, swapped)
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert "a classification network was expected" in result.output


@pytest.mark.parametrize(
    "arguments", [["--threshold", "2"], ["--irn-weights", "nowhere.pth"], ["--crf", "afa"]]
)
def test_values_out_of_range_are_named_with_the_option(wsss, arguments):
    result = wsss("pseudo", *arguments)
    assert result.exit_code == 2
    assert f"Error: Invalid value for '{arguments[0]}'" in result.output


def test_sipe_is_trained_and_its_last_scores_printed(wsss, squares, checkpoints, tmp_path):
    result = wsss(
        *("train", "sipe", "--data", str(squares.root)),
        *("--backbone", "resnet10", "--weights", str(checkpoints.plain)),
        *("--images", "4", "--epochs", "1", "--batch", "4", "--crop", "32"),
        *("--optimiser", "sgd", "--lr", "0.01", "--momentum", "0.5"),
    )
    assert result.exit_code == 0, result.output
    (path,) = tmp_path.glob("cache/weights/*.pth")
    printed = result.stdout.strip()
    assert re.search(rf"{path.name}: loss \d\.\d{{3}}, mean AP on val \d\.\d{{3}}$", printed)
    setting = torch.load(path, weights_only=True)["setting"]
    assert setting["sipe"]["consistency_weight"] == 1
    assert (setting["images"], setting["weights"]["name"]) == (4, checkpoints.plain.name)
    chosen = [setting["preset"][name] for name in ("optimiser", "lr", "momentum")]
    assert chosen == ["sgd", 0.01, 0.5]


def test_irn_is_trained_on_the_maps_of_a_classifier(wsss, squares, checkpoints, tmp_path):
    result = wsss(
        *("train", "irn", "--data", str(squares.root), "--classifier", str(checkpoints.plain)),
        *("--weights", str(checkpoints.plain), "--images", "4"),
        *("--epochs", "1", "--batch", "4", "--crop", "48"),
    )
    assert result.exit_code == 0, result.output
    (path,) = tmp_path.glob("cache/weights/*.pth")
    assert result.stdout.strip().endswith(path.name)
    setting = torch.load(path, weights_only=True)["setting"]
    assert setting["irn"]["crop"] == 48
    assert setting["labels"] == Localiser(checkpoints.plain).name
    assert len(list(tmp_path.glob("cache/affinity/*/*.png"))) == 4


def test_irn_is_trained_on_a_folder_of_masks_without_a_classifier(wsss, squares, tmp_path):
    command = ["train", "irn", "--data", str(squares.root), "--labels", str(tmp_path / "pseudo")]
    command += ["--backbone", "resnet18", "--weights", "random", "--images", "4"]
    command += ["--epochs", "1", "--batch", "4", "--crop", "48"]
    for id_ in squares.ids[:3]:
        write_mask(tmp_path / "pseudo" / f"{id_}.png", squares.mask(id_))
    result = wsss(*command)
    assert result.exit_code == 1
    assert "1 of the 4 ids of the list 'train' have no mask in" in result.output
    write_mask(tmp_path / "pseudo" / f"{squares.ids[3]}.png", squares.mask(squares.ids[3]))
    result = wsss(*command)
    assert result.exit_code == 0, result.output
    (path,) = tmp_path.glob("cache/weights/*.pth")  # of the edge network alone
    assert result.stdout.strip().endswith(path.name)
    assert path.name.startswith("toy-irn-resnet18-")
    assert not (tmp_path / "cache/affinity").exists()


@pytest.mark.parametrize("png", ["palette", "index"])
def test_a_segmenter_is_trained_on_a_folder_of_masks(wsss, squares, checkpoints, tmp_path, png):
    for id_ in squares.ids[:4]:
        write_mask(tmp_path / "pseudo" / f"{id_}.png", squares.mask(id_), png=png)
    result = wsss(
        *("train", "segmenter", "--data", str(squares.root), "--weights", str(checkpoints.plain)),
        *("--masks", str(tmp_path / "pseudo"), "--images", "4", "--seed", "1", "--device", "auto"),
        *("--epochs", "1", "--batch", "4", "--crop", "32", "--optimiser", "sgd", "--lr", "0.01"),
    )
    assert result.exit_code == 0, result.output
    (path,) = tmp_path.glob("cache/weights/*.pth")
    printed = result.stdout.strip()
    assert re.search(
        rf"{path.name}: loss \d+\.\d{{3}}, mIoU \d+\.\d % on val against SegmentationClass, "
        r"CRF: no; learnt from 4 images of train \(toy\) with pseudo$",
        printed,
    )
    setting = torch.load(path, weights_only=True)["setting"]
    assert (setting["seed"], setting["layout"]) == (1, "torchvision")
    assert [setting["segmenter"][name] for name in ("optimiser", "lr", "crop")] == ["sgd", 0.01, 32]


def test_a_segmenter_learns_from_masks_that_are_made_now(wsss, squares, monkeypatch):
    asked = []

    def make(kind, images, **keywords):
        asked.append((kind, len(images), images.masks, keywords))
        return replace(images, masks="made")

    def train(images, _settings, **keywords):
        asked.append((images.masks, keywords["workers"]))
        return Path("trained.pth")

    trained = SimpleNamespace(caption=lambda: "learnt from svm")
    monkeypatch.setattr("wsss_lib.evaluate.mask_worth.training_masks", make)
    monkeypatch.setattr("wsss_lib.segmentation.train.train_segmenter", train)
    monkeypatch.setattr("wsss_lib.segmentation.segmenter.load_segmenter", lambda path: trained)
    result = wsss(
        *("train", "segmenter", "--data", str(squares.root), "--masks", "svm", "--images", "4")
    )
    assert result.exit_code == 0, result.output
    keywords = {"device": "cpu", "workers": None}
    assert asked == [("svm", 4, "SegmentationClass", keywords), ("made", 0)]
    assert result.stdout.strip() == "trained.pth: learnt from svm"


def test_every_kind_of_masks_that_can_be_made_is_offered():
    (masks,) = (p for p in main.commands["train"].commands["segmenter"].params if p.name == "masks")
    assert f"make now: {', '.join(KINDS)} [" in masks.help


def test_the_second_stage_compares_kinds_and_writes_its_tables(
    wsss, squares, monkeypatch, tmp_path
):
    asked = []
    scores = pd.DataFrame(
        {"masks": ["truth", "svm"], "seed": 0, "masks_miou": [100.0, 61.0], "mean": [80.0, 70.5]}
    ).set_index("masks")

    def compare(images, kinds, seeds, **keywords):
        asked.append((len(images), kinds, list(seeds), keywords))
        tables = {"scores": scores, "spread": over_trainings(scores)}
        return Report(tables, {"val": "val against SegmentationClass, no CRF"})

    monkeypatch.setattr("wsss_lib.evaluate.mask_worth.second_stage", compare)
    result = wsss(
        *("second-stage", "--data", str(squares.root), "--masks", "truth,svm", "--seeds", "3"),
        *("--images", "4", "--epochs", "2"),
    )
    assert result.exit_code == 0, result.output
    keywords = {"device": "cpu", "workers": None, "settings": SegmenterSettings(epochs=2)}
    assert asked == [(4, ["truth", "svm"], [0, 1, 2], keywords)]
    out = tmp_path / "out/build/second_stage/toy"
    assert {path.name for path in out.iterdir()} == {"scores.csv", "spread.csv", "scores.json"}
    assert "mIoU (%) on val against SegmentationClass, no CRF" in result.stdout
    assert "70.50" in result.stdout


@pytest.mark.parametrize("dataset", ["toy", "voc"])
def test_figures_are_those_of_notebook_15(wsss, monkeypatch, dataset):
    asked = []
    monkeypatch.setattr("wsss_lib.run.run_notebooks", lambda *arguments: asked.append(arguments))
    result = wsss("figures", "--dataset", dataset)
    assert result.exit_code == 0, result.output
    ((paths, chosen),) = asked
    assert ([path.name for path in paths], chosen) == (["15_figures.ipynb"], dataset)


def test_every_backbone_can_be_chosen():
    assert {"resnet101", *BACKBONES} == set(RECIPES)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("train classifier --long-side 96 64", "long_side=(96, 64); expected the least and"),
        ("train sipe --long-side -5 64", "long_side=(-5, 64); expected the least and"),
        ("train classifier --crop 0", "crop=0; it must be positive"),
        ("train sipe --lr inf", "lr=inf; it must be positive and finite"),
        ("train irn --crop 50", "crop=50, radius=10; expected a crop that is a multiple of 4"),
        ("train irn --momentum 1", "momentum=1.0; expected at least 0 and below 1"),
        ("train segmenter --crop -1", "crop=-1; it must be positive"),
        ("train segmenter --batch 0 --masks irn", "batch=0; it must be positive"),
        ("second-stage --epochs 0", "epochs=0; it must be positive"),
    ],
)
def test_a_setting_out_of_range_is_named_before_anything_is_read(wsss, arguments, said):
    result = wsss(*arguments.split(), "--dataset", "voc", "--data", "/nowhere")
    assert result.exit_code == 1
    assert said in result.output


def test_one_long_side_is_not_enough(wsss):
    result = wsss("train", "classifier", "--long-side", "64")
    assert result.exit_code == 2
    assert "'--long-side' requires 2 arguments" in result.output
