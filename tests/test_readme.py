"""The numbers of README are those of the committed measurements."""

import re
from pathlib import Path

import pandas as pd
import pytest

from wsss_lib import paper

ROOT = Path(__file__).parents[1]
COMPARABLE = ["bkg", "cat", "cow", "dog", "horse", "sheep"]
FEATURES = ["img", "F1", "F2", "F3", "F4", "F5"]


def measured(folder, file="table1.csv"):
    return pd.read_csv(ROOT / "results" / folder / file, index_col="feature")[COMPARABLE]


def readme_row(start):
    """The numbers of the table row of README that begins with some words."""
    lines = (ROOT / "README.md").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith(f"| {start} |")]
    cells = line.strip("|").split("|")[1:]
    return [float(cell) for cell in cells]


@pytest.mark.parametrize(
    ("words", "row"),
    [
        ("the paper's `img` row", lambda: paper.table1().loc["img", COMPARABLE]),
        (
            "ours, `--svm sklearn`, 296 images",
            lambda: measured("table1_296/img_sklearn").loc["img"],
        ),
    ],
)
def test_the_img_row(words, row):
    assert readme_row(words) == row().round(2).tolist()


@pytest.mark.parametrize("cost", [1, 100])
@pytest.mark.parametrize(
    ("words", "folder"),
    [
        ("`efficientnet_lite0`, ImageNet", "efficientnet_lite0_imagenet"),
        ("ResNet-50, random weights", "resnet50_random"),
    ],
)
def test_the_first_real_table(words, folder, cost):
    table = measured(f"table1_24/{folder}_c{cost}").mean(axis=1)
    assert readme_row(f"{words}, C = {cost}") == table[FEATURES].round(1).tolist()


@pytest.mark.parametrize("cost", [1, 100])
def test_the_control_of_coordinates(cost):
    folders = (f"table1_24/xy_c{cost}", f"table1_24/xy_gamma10_c{cost}")
    scores = [
        measured(folder, file).loc["xy"].mean()
        for folder in folders
        for file in ("table1.csv", "table1_heldout.csv")
    ]
    assert readme_row(f"`xy`, C = {cost}") == [round(score, 1) for score in scores]


def test_the_papers_row_of_the_first_real_table():
    expected = paper.table1().loc[FEATURES, COMPARABLE].mean(axis=1).round(1).tolist()
    assert readme_row("the paper, ResNet-50 of SIPE, 1464 images") == expected


def test_every_link_to_a_file_leads_somewhere():
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / "README.md").read_text())
    assert [link for link in links if not (ROOT / link).exists()] == []
