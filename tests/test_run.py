import base64
import datetime
import errno
import io
import json
import os
import sys

import nbformat
import pytest
from PIL import Image

from wsss_lib.errors import NotebookError, StoreError
from wsss_lib.run import (
    find_notebooks,
    notebook_parameters,
    parameters_for,
    read_parameters,
    run_notebook,
    run_notebooks,
)


@pytest.fixture
def write_notebook(tmp_path):
    """Write a small notebook: a parameters cell and one more."""

    def write(code, name="03_small.ipynb", parameters='DATASET = "toy"\nN = 3  # a count'):
        cells = [
            nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]}),
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
    write_notebook("OTHER", "04_other.ipynb", "OTHER = 2  # a count")
    minutes = run_notebooks([path], "voc", {"all": {"N": 5, "OTHER": 1}}, out=out)
    assert list(minutes) == ["03_small"]
    outputs = nbformat.read(out / path.name, 4).cells[-1].outputs
    assert next(o.text for o in outputs if o.output_type == "stream") == "voc 5\n"
    pictures = [o.data["image/png"] for o in outputs if "image/png" in o.get("data", {})]
    assert Image.open(io.BytesIO(base64.b64decode(pictures[0]))).width > 100


def test_an_override_that_the_notebook_lacks_is_refused(write_notebook):
    path = write_notebook("N")
    assert notebook_parameters(path) == {"DATASET": ("toy", ""), "N": (3, "a count")}
    with pytest.raises(
        NotebookError, match=r"03_small.ipynb has no parameter M; there are DATASET, N"
    ):
        parameters_for(path, "toy", {"03_small": {"M": 1}})
    with pytest.raises(NotebookError, match="no parameter DATSET; did you mean DATASET"):
        parameters_for(path, "toy", {"03_small": {"DATSET": "voc"}})


def test_values_for_all_notebooks_come_before_those_of_the_data_set(write_notebook, monkeypatch):
    path = write_notebook("N", "07_table1.ipynb", "SAMPLES = 3  # a count\nDATASET = 'toy'  # set")
    called = []
    monkeypatch.setattr("wsss_lib.run.run_notebook", lambda *given: called.append(given[2]))
    monkeypatch.setattr("wsss_lib.run.read_parameters", lambda _: {"07_table1": {"SAMPLES": 9}})
    run_notebooks([path], "voc")
    run_notebooks([path], "voc", {"all": {"SAMPLES": 5}})
    run_notebooks([path], "voc", {"07_table1": {"SAMPLES": 6}, "all": {"SAMPLES": 5}})
    assert called == [{"DATASET": "voc", "SAMPLES": n} for n in (9, 5, 6)]


@pytest.mark.parametrize(
    ("overrides", "text"),
    [
        ({"03_smal": {"N": 1}}, "There is no notebook 03_smal; did you mean 03_small?"),
        ({"03": {"N": 1}}, "There is no notebook 03; there are 03_small, 04_later, all."),
        ({3: {"N": 1}}, "There is no notebook 3; there are"),
        ({"03_small.ipynb": {"N": 1}}, "no notebook 03_small.ipynb; did you mean 03_small?"),
        ({"All": {"N": 1}}, "There is no notebook All; did you mean all?"),
        ({"all": {"SEED": 1}}, "a parameter SEED; there are DATASET, LATER, N."),
        ({"all": {"DATA_SET": "voc"}}, "has a parameter DATA_SET; did you mean DATASET?"),
        ({"all": {"n": 1}}, "No notebook has a parameter n; there are DATASET, LATER, N."),
        ({"03_small": {"LATER": True}}, "03_small.ipynb has no parameter LATER; there are D"),
        ({"03_small": {"N": "no"}}, "N is 'no' for 03_small; expected was the type of 3 (a count)"),
        ({"all": {"N": "1e3"}}, "N is '1e3' for 03_small; expected was the type of 3 (a count)."),
    ],
)
def test_what_fits_no_notebook_is_named_before_any_runs(
    write_notebook, monkeypatch, overrides, text
):
    path = write_notebook("N")
    write_notebook("N", "04_later.ipynb", "LATER = True  # whether")
    monkeypatch.setattr("wsss_lib.run.run_notebook", lambda *_: pytest.fail("it was run"))
    with pytest.raises(NotebookError) as error:
        run_notebooks([path], "toy", overrides)
    assert text in str(error.value)


CELL = """
IMAGES = 40  # how many ids, from the start of the list: 1 or more; None for all
BETA = 20.0  # of the random walk: above 0
GAMMA = "scale"  # of the kernel: "scale", a number above 0, or "3xscale"
LIST = "train"  # of ids
BACKBONE = None  # of Figure 3: resnet10, resnet18 or None
IMAGE_IDS = ["toy_000010"]  # ids of the list
COSTS = [0.1, 1.0]  # values of C: above 0
GAMMAS = ["scale"]  # to compare: as GAMMA, numbers too
CORNERS = [[[0, 0]]]  # of the strokes: points
SEEDS = {"CAM": "trained"}  # names and networks
OPEN = []  # whatever
PLAIN = True  # whether
"""


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("IMAGES", "12", "40 (how many ids, "),
        ("IMAGES", 1.5, "40 (how many ids, "),
        ("IMAGES", True, "40 (how many ids, "),
        ("IMAGES", [12], "40 (how many ids, "),
        ("BETA", None, "20.0 (of the random walk: above 0)."),
        ("BETA", "1e-3", "20.0 (of the random walk: above 0)."),
        ("GAMMA", ["scale"], "'scale' (of the kernel"),
        ("LIST", 2007, "'train' (of ids)."),
        ("GAMMA", True, "'scale' (of the kernel"),
        ("IMAGE_IDS", "toy_000010", "['toy_000010'] (ids"),
        ("IMAGE_IDS", [2007000063], "['toy_000010'] (ids"),
        ("IMAGE_IDS", [datetime.date(2007, 1, 3)], "['toy_000010'] (ids"),
        ("COSTS", [1, "2"], "[0.1, 1.0] (values of C"),
        ("CORNERS", [[[0, 0.5]]], "[[[0, 0]]] (of the strokes"),
        ("CORNERS", [[0, 0]], "[[[0, 0]]] (of the strokes"),
        ("SEEDS", ["CAM"], "{'CAM': 'trained'} (names"),
        ("PLAIN", 1, "True (whether)."),
    ],
)
def test_a_value_of_another_type_is_named_with_what_the_notebook_says(
    write_notebook, name, value, expected
):
    path = write_notebook("N", parameters=CELL)
    with pytest.raises(NotebookError) as error:
        parameters_for(path, "toy", {"03_small": {name: value}})
    text = f"{name} is {value!r} for 03_small; expected was the type of {expected}"
    assert str(error.value).startswith(text)


def test_values_of_the_type_of_the_usual_one_and_those_that_the_comment_names_are_taken(
    write_notebook,
):
    path = write_notebook("N", parameters=CELL)
    for values in (
        {"IMAGES": None, "BETA": 10, "GAMMA": 0.1, "BACKBONE": "resnet18", "LIST": "val"},
        {"IMAGES": 1, "BETA": 0.1, "GAMMA": "2xscale", "BACKBONE": None, "GAMMAS": []},
        {"IMAGE_IDS": [], "COSTS": [1, 2.5], "SEEDS": {}, "CORNERS": [[], [[1, 2], [3, 4]]]},
        {"GAMMAS": ["scale", 0.1, 2], "PLAIN": False, "BACKBONE": 3, "OPEN": [1, "a"]},
    ):
        assert parameters_for(path, "toy", {"03_small": values}) == values


def test_parameters_that_are_no_literals_are_named(write_notebook):
    with pytest.raises(NotebookError, match=r"03_small\.ipynb are not all of the form NAME ="):
        notebook_parameters(write_notebook("N", parameters="N = len([])  # a count"))


@pytest.mark.parametrize(
    ("place", "folder"),
    [("JUPYTER_PATH", "jupyter"), ("JUPYTER_DATA_DIR", "jupyter"), ("XDG_DATA_HOME", "")],
)
def test_a_notebook_runs_in_this_python_whatever_kernels_there_are(
    write_notebook, tmp_path, monkeypatch, place, folder
):
    """One of another environment, named python3, in a folder that comes first."""
    kernel = tmp_path / "jupyter/kernels/python3/kernel.json"
    kernel.parent.mkdir(parents=True)
    argv = ["/bin/false", "-f", "{connection_file}"]
    kernel.write_text(json.dumps({"argv": argv, "display_name": "p", "language": "python"}))
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "0")  # the user's folder before the environment's
    monkeypatch.setenv(place, str(tmp_path / folder))
    run_notebook(write_notebook("import sys; print(sys.executable)"), tmp_path / "out.ipynb", {})
    outputs = nbformat.read(tmp_path / "out.ipynb", 4).cells[-1].outputs
    assert [output.text for output in outputs] == [f"{sys.executable}\n"]


def test_a_broken_notebook_fails_and_leaves_its_trace(write_notebook, tmp_path):
    path = write_notebook("raise ValueError('broken on purpose')")
    with pytest.raises(NotebookError, match="broken on purpose"):
        run_notebook(path, tmp_path / "out.ipynb", {})
    assert "broken on purpose" in (tmp_path / "out.ipynb").read_text()


def test_a_notebook_that_hangs_is_stopped(write_notebook, tmp_path):
    path = write_notebook("import time; time.sleep(60)")
    with pytest.raises(NotebookError, match="stopped"):
        run_notebook(path, tmp_path / "out.ipynb", {}, timeout=2)


@pytest.mark.parametrize("code", ["import os; os._exit(1)", "import os; os.kill(os.getpid(), 9)"])
def test_a_kernel_that_dies_is_a_sentence(write_notebook, tmp_path, code):
    with pytest.raises(NotebookError, match=r"The kernel of 03_small\.ipynb died"):
        run_notebook(write_notebook(code), tmp_path / "out.ipynb", {})


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_parameters_are_read_in_the_encodings_of_yaml(tmp_path, encoding):
    text = "01_data:\r\n  LIST: Kühe\r\n"
    mark = "\ufeff" if encoding == "utf-16-be" else ""
    (tmp_path / "p.yaml").write_bytes((mark + text).encode(encoding))
    assert read_parameters(tmp_path / "p.yaml") == {"01_data": {"LIST": "Kühe"}}
    assert read_parameters(tmp_path / "none.yaml") == {}


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16-le"])
def test_another_encoding_is_named(tmp_path, encoding):
    (tmp_path / "p.yaml").write_bytes("01_data: {LIST: Kühe}\n".encode(encoding))
    with pytest.raises(NotebookError, match=r"p\.yaml is not readable YAML in UTF-8: "):
        read_parameters(tmp_path / "p.yaml")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("all: [unclosed", "is not readable YAML"),
        ("all: {DAY: 2024-13-45}", "is not readable YAML"),
        ("all: {\tA: 1}\n\t- b", "is not readable YAML"),
        ("- a list", "must hold parameters by notebook"),
        ("IMAGES: 3", "must hold parameters by notebook"),
        ("IMAGES", "must hold parameters by notebook"),
        ("", "must hold parameters by notebook"),
        ("# all: {IMAGES: 3}\n", "must hold parameters by notebook"),
        ("01_data:\n", "must hold parameters by notebook"),
    ],
)
def test_parameters_of_another_form_are_refused(tmp_path, text, said):
    path = tmp_path / "p.yaml"
    path.write_text(text)
    with pytest.raises(NotebookError, match=rf"p\.yaml {said}"):
        read_parameters(path)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS])
def test_a_notebook_that_cannot_be_written_is_named(write_notebook, tmp_path, monkeypatch, code):
    def full(*_, **__):
        raise OSError(code, os.strerror(code))

    path = write_notebook("N")
    monkeypatch.setattr("wsss_lib.run.papermill.execute_notebook", full)
    with pytest.raises(StoreError, match=rf"Cannot write .*{path.name} \({os.strerror(code)}\)"):
        run_notebooks([path], out=tmp_path / "out")
