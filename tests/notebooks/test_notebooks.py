"""Every notebook runs with small values, and more is asserted than that papermill is green."""

import ast
import json
import re
from pathlib import Path

import nbformat
import pytest

from wsss_lib.run import find_notebooks, parameters_for, read_parameters, run_notebook

ROOT = Path(__file__).parents[2]
NOTEBOOKS = find_notebooks(folder=ROOT / "notebooks")
OVERRIDES = {
    "test": read_parameters(Path(__file__).with_name("overrides.yaml")),
    "voc": read_parameters(ROOT / "notebooks" / "parameters" / "voc.yaml"),
}

every_notebook = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """One cache for all notebooks, and an empty place for what they show."""
    place = tmp_path_factory.mktemp("study")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WSSS_CACHE", str(place / "cache"))
        patch.setenv("WSSS_OUTPUT", str(place))
        patch.setenv("OMP_NUM_THREADS", "2")
        yield place


def sources(path, kind):
    cells = nbformat.read(path, 4).cells
    return [cell.source for cell in cells if cell.cell_type == kind]


def hidden_errors(executed):
    """Tracebacks that a widget swallowed: papermill does not see them."""
    state = executed.metadata.get("widgets", {})
    return [text for text in re.findall(r'"ename":\s*"(\w+)"', json.dumps(state))]


@every_notebook
def test_notebook_runs_and_shows_what_it_promises(path, folders):
    output = folders / "build" / path.name
    run_notebook(path, output, parameters_for(path, "toy", OVERRIDES["test"]), timeout=300)
    executed = nbformat.read(output, 4)
    outputs = [o for cell in executed.cells for o in cell.get("outputs", [])]
    assert not [o for o in outputs if o.output_type == "error"]
    assert not hidden_errors(executed)
    code = "\n".join(sources(path, "code"))
    figures = folders / "figures" / "toy"
    promised = re.findall(r'save_figure\(\s*\w+,\s*"(\w+)"', code)
    for name in promised:
        entry = json.loads((figures / "manifest.json").read_text())[name]
        assert entry["notebook"] == path.stem
        assert all((figures / file).stat().st_size > 20 for file in entry["files"])
    pictures = [o for o in outputs if "image/png" in o.get("data", {})]
    drawn = [name for name in promised if (figures / f"{name}.png").is_file()]
    assert len(pictures) >= len(drawn)


@every_notebook
@pytest.mark.parametrize("which", ["test", "voc"])
def test_overrides_name_parameters_that_the_notebook_has(path, which):
    parameters_for(path, "toy", OVERRIDES[which])


@pytest.mark.parametrize("which", ["test", "voc"])
def test_overrides_name_notebooks_that_exist(which):
    assert set(OVERRIDES[which]) <= {"all", *(path.stem for path in NOTEBOOKS)}


@every_notebook
def test_notebook_is_stripped(path):
    notebook = nbformat.read(path, 4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert notebook.metadata.kernelspec.name == "python3"


@every_notebook
def test_notebook_has_one_cell_of_literal_parameters(path):
    tagged = [
        cell
        for cell in nbformat.read(path, 4).cells
        if "parameters" in cell.metadata.get("tags", [])
    ]
    assert len(tagged) == 1
    lines = [line for line in tagged[0].source.splitlines() if line and not line.startswith("#")]
    for line in lines:
        assert re.match(r"^[A-Z][A-Z0-9_]* = [^#]+  # \S", line), f"{line!r} wants a comment"
        ast.literal_eval(line.split("  #")[0].split(" = ", 1)[1])


@every_notebook
def test_notebook_defines_no_functions_and_touches_no_import_path(path):
    code = "\n".join(sources(path, "code"))
    assert not re.search(r"^\s*(def|class) ", code, re.MULTILINE)
    assert "sys.path" not in code


@every_notebook
def test_notebook_has_head_and_tail(path):
    text = sources(path, "markdown")
    assert text[0].startswith(f"# {path.name[:2]} ")
    for word in ("Question", "paper", "Prerequisites", "minutes"):
        assert word.lower() in text[0].lower(), f"the head says nothing of {word}"
    assert any(part.startswith("## What we saw") for part in text)
    assert any(part.startswith("## Exercises") for part in text)
