"""The page of the layer explorer: its notebook, and what Voila is told."""

import json
from pathlib import Path

import nbformat

from wsss_lib.run import run_notebook

APP = Path(__file__).parents[2] / "notebooks" / "app"


def test_the_page_is_made_without_error_and_shows_the_explorer(folders):
    output = folders / "build" / "explorer.ipynb"
    small = dict(DATASET="toy", WEIGHTS="random", LAYER="img+F2", SEEDS={})
    run_notebook(APP / "explorer.ipynb", output, small, timeout=300)
    shown = nbformat.read(output, 4).cells[-1].outputs[-1]
    assert "application/vnd.jupyter.widget-view+json" in shown["data"]


def test_its_notebook_is_stripped():
    code = [c for c in nbformat.read(APP / "explorer.ipynb", 4).cells if c.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)


def test_no_other_machine_can_reach_it():
    assert json.loads((APP / "voila.json").read_text())["Voila"]["ip"] == "127.0.0.1"
