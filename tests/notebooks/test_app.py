"""The pages of the widgets: their notebooks, and what Voila is told."""

import json
from pathlib import Path

import nbformat
import pytest

from wsss_lib.run import run_notebook

APP = Path(__file__).parents[2] / "notebooks" / "app"
SMALL = {
    "explorer": dict(DATASET="toy", WEIGHTS="random", LAYER="img+F2", SEEDS={}),
    "painter": dict(BACKBONE="resnet18", WEIGHTS="random", LONG_SIDE=160),
}


@pytest.mark.parametrize("name", SMALL)
def test_a_page_is_made_without_error_and_shows_its_widget(folders, name):
    output = folders / "build" / f"{name}.ipynb"
    run_notebook(APP / f"{name}.ipynb", output, SMALL[name], timeout=300)
    shown = nbformat.read(output, 4).cells[-1].outputs[-1]
    assert "application/vnd.jupyter.widget-view+json" in shown["data"]


@pytest.mark.parametrize("name", SMALL)
def test_its_notebook_is_stripped(name):
    code = [c for c in nbformat.read(APP / f"{name}.ipynb", 4).cells if c.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)


def test_no_other_machine_can_reach_it():
    assert json.loads((APP / "voila.json").read_text())["Voila"]["ip"] == "127.0.0.1"
