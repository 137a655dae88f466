"""Every exercise is solved, word for word, by a notebook that runs."""

import re
from pathlib import Path

import pytest

from wsss_lib.run import find_notebooks, parameters_for, read_parameters

from .checks import (
    ROOT,
    check_literal_parameters,
    check_no_functions,
    check_stripped,
    outputs_of_a_run,
    sources,
)

SOLUTIONS = find_notebooks(folder=ROOT / "notebooks" / "solutions")
VALUES = read_parameters(Path(__file__).with_name("solutions.yaml"))

every_solution = pytest.mark.parametrize("path", SOLUTIONS, ids=lambda path: path.stem)


def notebook_of(solution):
    (notebook,) = find_notebooks([solution.name[:2]], ROOT / "notebooks")
    return notebook


def exercises(notebook):
    (text,) = (part for part in sources(notebook, "markdown") if part.startswith("## Exercises"))
    return re.findall(r"^\d+\. (.+)$", text, re.MULTILINE)


def quotes(solution):
    """The block quotes, each as a line, without a number before it."""
    text = "\n\n".join(sources(solution, "markdown"))
    blocks = re.findall(r"(?:^>.*\n?)+", text, re.MULTILINE)
    lines = (re.sub(r"^> ?", "", block, flags=re.MULTILINE).split() for block in blocks)
    return [re.sub(r"^\d+\. ", "", " ".join(words)) for words in lines]


@every_solution
def test_solution_runs(path, folders):
    output = folders / "build" / path.name
    outputs_of_a_run(path, output, parameters_for(path, "toy", VALUES))
    assert not list((folders / "figures").rglob(f"{path.name[:2]}_*"))


def test_values_name_solutions_that_exist():
    assert set(VALUES) <= {path.stem for path in SOLUTIONS}


def test_every_notebook_is_solved():
    numbers = {path.name[:2] for path in find_notebooks(folder=ROOT / "notebooks")}
    assert {path.name[:2] for path in SOLUTIONS} == numbers


@every_solution
def test_solution_quotes_exactly_the_exercises_of_its_notebook(path):
    assert quotes(path) == exercises(notebook_of(path))


@every_solution
def test_solution_and_notebook_name_each_other(path):
    notebook, number = notebook_of(path), path.name[:2]
    head = sources(path, "markdown")[0]
    assert path.stem == f"{number}_solutions"
    assert head.startswith(f"# {number} · Solutions\n")
    assert f"(../{notebook.name})" in head
    assert f"(solutions/{path.name})" in sources(notebook, "markdown")[-1]


@every_solution
def test_solution_is_stripped(path):
    check_stripped(path)


@every_solution
def test_solution_has_one_cell_of_literal_parameters(path):
    check_literal_parameters(path)


@every_solution
def test_solution_defines_no_functions_and_touches_no_import_path(path):
    check_no_functions(path)
