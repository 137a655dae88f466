"""Every notebook runs with small values, and more is asserted than that papermill is green."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from wsss_lib.datasets import load_dataset
from wsss_lib.run import find_notebooks, parameters_for, read_parameters

from .checks import (
    ROOT,
    check_literal_parameters,
    check_no_functions,
    check_stripped,
    outputs_of_a_run,
    sources,
)

NOTEBOOKS = find_notebooks(folder=ROOT / "notebooks")
OVERRIDES = {
    "test": read_parameters(Path(__file__).with_name("overrides.yaml")),
    "voc": read_parameters(ROOT / "notebooks" / "parameters" / "voc.yaml"),
}

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@every_notebook
def test_notebook_runs_and_shows_what_it_promises(path, folders):
    output = folders / "build" / path.name
    outputs = outputs_of_a_run(path, output, parameters_for(path, "toy", OVERRIDES["test"]))
    code = "\n".join(sources(path, "code"))
    figures = folders / "figures" / "toy"
    promised = re.findall(r'run\.save\(\s*[\w.]+,\s*"(\w+)"', code)
    for name in promised:
        entry = json.loads((figures / "manifest.json").read_text())[name]
        assert entry["notebook"] == path.stem
        assert all((figures / file).stat().st_size > 20 for file in entry["files"])
    pictures = [o for o in outputs if "image/png" in o.get("data", {})]
    drawn = [name for name in promised if (figures / f"{name}.png").is_file()]
    assert len(pictures) >= len(drawn)


def test_weak_supervision_runs_on_seeds_from_files(folders):
    (path,) = find_notebooks(["13"], ROOT / "notebooks")
    seeds, dataset = folders / "seeds", load_dataset("toy", images=3)
    seeds.mkdir()
    for id_ in dataset.ids:  # the truth, as PSA writes it
        truth = dataset.mask(id_)
        maps = {label - 1: np.float32(truth == label) for label in dataset.labels(id_)}
        np.save(seeds / f"{id_}.npy", maps)
    values = parameters_for(path, "toy", OVERRIDES["test"]) | {"SEEDS": str(seeds)}
    outputs_of_a_run(path, folders / "build" / "13_files.ipynb", values)
    scores = pd.read_csv(folders / "figures/toy/13_scores.csv", index_col="way")
    assert scores.loc["seed", "mean"] == 100


@every_notebook
@pytest.mark.parametrize("which", ["test", "voc"])
def test_overrides_name_parameters_that_the_notebook_has(path, which):
    parameters_for(path, "toy", OVERRIDES[which])


@pytest.mark.parametrize("which", ["test", "voc"])
def test_overrides_name_notebooks_that_exist(which):
    assert set(OVERRIDES[which]) <= {"all", *(path.stem for path in NOTEBOOKS)}


@every_notebook
def test_notebook_is_stripped(path):
    check_stripped(path)


@every_notebook
def test_notebook_has_one_cell_of_literal_parameters(path):
    check_literal_parameters(path)


@every_notebook
def test_notebook_defines_no_functions_and_touches_no_import_path(path):
    check_no_functions(path)


@every_notebook
def test_notebook_has_head_and_tail(path):
    text = sources(path, "markdown")
    assert text[0].startswith(f"# {path.name[:2]} ")
    for word in ("Question", "paper", "Prerequisites", "minutes"):
        assert word.lower() in text[0].lower(), f"the head says nothing of {word}"
    assert any(part.startswith("## What we saw") for part in text)
    assert any(part.startswith("## Exercises") for part in text)
