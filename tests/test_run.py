import base64
import io

import nbformat
import pytest
from PIL import Image

from wsss_lib.errors import NotebookError
from wsss_lib.run import (
    find_notebooks,
    merge_parameters,
    notebook_parameters,
    parameters_for,
    read_parameters,
    run_notebook,
    run_notebooks,
)


@pytest.fixture
def write_notebook(tmp_path):
    """Write a small notebook: a parameters cell and one more."""

    def write(code, name="03_small.ipynb"):
        cells = [
            nbformat.v4.new_code_cell(
                'DATASET = "toy"\nN = 3  # a number', metadata={"tags": ["parameters"]}
            ),
            nbformat.v4.new_code_cell(code),
        ]
        metadata = {"kernelspec": {"name": "python3", "display_name": "x", "language": "python"}}
        path = tmp_path / name
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), path)
        return path

    return write


def test_notebooks_are_found_in_order_and_by_number(tmp_path):
    for name in ("10_b.ipynb", "02_a.ipynb", "notes.ipynb"):
        (tmp_path / name).touch()
    assert [path.name for path in find_notebooks(folder=tmp_path)] == ["02_a.ipynb", "10_b.ipynb"]
    assert [path.name for path in find_notebooks(["10"], tmp_path)] == ["10_b.ipynb"]


def test_a_notebook_that_is_not_there_is_named(tmp_path):
    (tmp_path / "02_a.ipynb").touch()
    with pytest.raises(NotebookError, match="No notebook '07'; there are 02"):
        find_notebooks(["07"], tmp_path)
    with pytest.raises(NotebookError, match="No notebooks in"):
        find_notebooks(folder=tmp_path / "empty")


def test_parameters_reach_the_notebook_and_figures_come_out(write_notebook, tmp_path):
    path = write_notebook(
        "import matplotlib.pyplot as plt\nprint(DATASET, N)\nplt.plot([0, N])\nplt.show()"
    )
    out = tmp_path / "out"
    minutes = run_notebooks([path], "voc", {"all": {"N": 5, "OTHER": 1}}, out=out)
    assert list(minutes) == ["03_small"]
    outputs = nbformat.read(out / path.name, 4).cells[-1].outputs
    assert next(o.text for o in outputs if o.output_type == "stream") == "voc 5\n"
    pictures = [o.data["image/png"] for o in outputs if "image/png" in o.get("data", {})]
    assert Image.open(io.BytesIO(base64.b64decode(pictures[0]))).width > 100


def test_an_override_that_the_notebook_lacks_is_refused(write_notebook):
    path = write_notebook("N")
    assert notebook_parameters(path) == {"DATASET", "N"}
    with pytest.raises(NotebookError, match="no parameter M"):
        parameters_for(path, "toy", {"03_small": {"M": 1}})


def test_a_broken_notebook_fails_and_leaves_its_trace(write_notebook, tmp_path):
    path = write_notebook("raise ValueError('broken on purpose')")
    with pytest.raises(NotebookError, match="broken on purpose"):
        run_notebook(path, tmp_path / "out.ipynb", {})
    assert "broken on purpose" in (tmp_path / "out.ipynb").read_text()


def test_a_notebook_that_hangs_is_stopped(write_notebook, tmp_path):
    path = write_notebook("import time; time.sleep(60)")
    with pytest.raises(NotebookError, match="stopped"):
        run_notebook(path, tmp_path / "out.ipynb", {}, timeout=2)


def test_parameters_are_laid_over_others(tmp_path):
    base = {"all": {"A": 1, "B": 2}}
    assert merge_parameters(base, {"all": {"B": 3}, "01_x": {"C": 4}}) == {
        "all": {"A": 1, "B": 3},
        "01_x": {"C": 4},
    }


@pytest.mark.parametrize("text", ["all: [unclosed", "- a list", "all: 3"])
def test_parameters_of_another_form_are_refused(tmp_path, text):
    path = tmp_path / "p.yaml"
    path.write_text(text)
    with pytest.raises(NotebookError, match=r"p\.yaml"):
        read_parameters(path)
