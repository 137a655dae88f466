"""What is asked of every notebook, of those that teach and of those that solve exercises."""

import ast
import json
import re
from pathlib import Path

import nbformat

from wsss_lib.run import run_notebook

ROOT = Path(__file__).parents[2]


def sources(path, kind):
    cells = nbformat.read(path, 4).cells
    return [cell.source for cell in cells if cell.cell_type == kind]


def hidden_errors(executed):
    """Tracebacks that a widget swallowed: papermill does not see them."""
    state = executed.metadata.get("widgets", {})
    return [text for text in re.findall(r'"ename":\s*"(\w+)"', json.dumps(state))]


def outputs_of_a_run(path, output, parameters):
    """Run a notebook, refuse errors in whatever place, and give its outputs."""
    run_notebook(path, output, parameters, timeout=300)
    executed = nbformat.read(output, 4)
    outputs = [o for cell in executed.cells for o in cell.get("outputs", [])]
    assert not [o for o in outputs if o.output_type == "error"]
    assert not hidden_errors(executed)
    return outputs


def check_stripped(path):
    notebook = nbformat.read(path, 4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)
    assert notebook.metadata.kernelspec.name == "python3"


def check_literal_parameters(path):
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


def check_no_functions(path):
    code = "\n".join(sources(path, "code"))
    assert not re.search(r"^\s*(def|class) ", code, re.MULTILINE)
    assert "sys.path" not in code
