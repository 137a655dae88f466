"""The numbers of README are those of the committed measurements."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from wsss_lib import paper
from wsss_lib.evaluate.rows.settings import SVM_PRESETS

ROOT = Path(__file__).parents[1]
COMPARABLE = ["bkg", "cat", "cow", "dog", "horse", "sheep"]
FEATURES = ["img", "F1", "F2", "F3", "F4", "F5"]
STAGES = FEATURES[1:]
NETWORKS = {
    "`efficientnet_lite0`, ImageNet": "efficientnet",
    "ResNet-50, random weights": "random",
}


def img_row(folder):
    path = ROOT / "results" / "table1_296" / folder / "table1.csv"
    return pd.read_csv(path, index_col="feature").loc["img", COMPARABLE]


def study(name):
    return pd.read_csv(ROOT / "results" / "studies" / f"{name}.csv")


def of_preset(table, svm):
    preset = SVM_PRESETS[svm]
    return table[(table["C"] == preset["C"]) & (table["gamma"].astype(str) == preset["gamma"])]


def readme_row(start):
    """The numbers of the table row of README that begins with some words."""
    lines = (ROOT / "README.md").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith(f"| {start} |")]
    cells = line.strip("|").split("|")[1:]
    return [float(cell) for cell in cells if cell.strip()]


@pytest.mark.parametrize(
    ("words", "folder"),
    [
        ("ours, `--svm sklearn`, 296 images", "img_sklearn"),
        ("ours, `--svm paper`, 296 images", "img_paper"),
        ("ours, C = 1, gamma = 100 x scale, 296 images", "img_c1_gamma100x"),
    ],
)
def test_the_img_row_and_its_distance_from_the_papers(words, folder):
    ours, theirs = img_row(folder), paper.table1().loc["img", COMPARABLE]
    rms = np.sqrt(((ours - theirs) ** 2).mean())
    assert readme_row(words) == [*ours.round(2), round(rms, 1)]
    assert readme_row("the paper's `img` row") == theirs.round(2).tolist()


@pytest.mark.parametrize("svm", SVM_PRESETS)
@pytest.mark.parametrize(
    ("words", "file", "images"),
    [
        ("`efficientnet_lite0`, ImageNet", "efficientnet", 296),
        ("`efficientnet_lite0`, ImageNet", "efficientnet", 40),
        ("ResNet-50, random weights", "random", 40),
    ],
)
def test_table_1_on_real_images(words, file, images, svm):
    table = study(f"layers_{file}_{images}")
    assert set(table["images"]) == {images}
    table = of_preset(table[table["region"] == "confusion"], svm)
    expected = table.set_index("feature").loc[FEATURES, "mean"].round(1).tolist()
    assert readme_row(f"{words}, `--svm {svm}`, {images} images") == expected


def test_the_papers_row_beside_it():
    expected = paper.table1().loc[FEATURES, COMPARABLE].mean(axis=1).round(1).tolist()
    assert readme_row("the paper, ResNet-50 of SIPE, 1464 images") == expected


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        ("as above, `--svm sklearn`", {"C": 1.0, "kernel": "rbf", "resolution": "pixels"}),
        ("as above, `--svm paper`", {"C": 100.0, "resolution": "pixels"}),
        ("linear SVM, C = 0.1", {"kernel": "linear"}),
        ("one label a cell, the most frequent", {"resolution": "cells"}),
        ("one label a cell, its first pixel's", {"resolution": "cells_nearest"}),
    ],
)
def test_the_readings(words, chosen):
    table = study("readings_efficientnet_74_residuals")
    for column, value in chosen.items():
        table = table[table[column] == value]
    table = table[table["feature"].isin(STAGES)]
    table = table[table["region"] == "confusion"]
    rms = (table["rms"] ** 2).groupby(table["numbering"]).mean() ** 0.5
    expected = [rms["from the stem"], rms["from the deep end"]]
    assert readme_row(words) == np.round(expected, 1).tolist()


SAMPLINGS = ["uniform", "apart16", "blocks32", "blocks64", "blocks128"]


def bound_row(file, feature, **chosen):
    table = study(f"bound_{file}_40")
    table = table[(table["region"] == "held_out") & (table["feature"] == feature)]
    for column, value in chosen.items():
        table = table[table[column].astype(str) == value]
    return table.set_index("sampling").loc[SAMPLINGS, "mean"].round(1).tolist()


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(("words", "file"), NETWORKS.items())
def test_what_the_bound_measures(words, file, stage):
    assert readme_row(f"{stage}, {words}") == bound_row(file, stage)


def test_the_controls_of_the_bound():
    expected = bound_row("efficientnet", "xy", kernel="nearest")
    assert readme_row("label of the nearest sample") == expected
    expected = bound_row("efficientnet", "xy", gamma="10.0")
    assert readme_row("coordinates, RBF, C = 100, gamma = 10") == expected
    assert readme_row("`img`, without a network") == bound_row("efficientnet", "img")


def test_every_link_to_a_file_leads_somewhere():
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / "README.md").read_text())
    assert [link for link in links if not (ROOT / link).exists()] == []
