"""The papermill runner: every notebook in order, headless, with a time limit."""

import ast
import os
import re
import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path

import nbformat
import papermill
import yaml
from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
from tqdm.auto import tqdm
from traitlets import default

from wsss_lib.errors import NotebookError
from wsss_lib.files import writable_folder, writing
from wsss_lib.paths import cache_dir, figures_dir, notebooks_dir, output_dir, shown

#: With Agg no figure would appear in the executed notebook, and papermill would stay green.
BACKEND = "module://matplotlib_inline.backend_inline"

#: Seconds that one cell may take. On VOC a cell can train a network or expand 1464 images.
TIMEOUT = {"toy": 1800, "voc": 7 * 24 * 3600}

#: The types of parameters, as errors call them.
KINDS = {
    bool: "True or False",
    int: "a whole number",
    float: "a number such as 1.0e-3",  # YAML reads 1e-3 as text
    str: "text in quotes",
    list: "a list",
    dict: "a mapping",
    type(None): "None",
}


class OwnKernel(AsyncKernelManager):
    """Starts the kernel of this very Python, whichever kernels Jupyter's folders hold."""

    @default("kernel_spec_manager")
    def _kernel_spec_manager_default(self) -> KernelSpecManager:
        return KernelSpecManager(parent=self, kernel_dirs=[])


def find_notebooks(numbers: Sequence[str] = (), folder: Path | None = None) -> list[Path]:
    """The notebooks whose names begin with the given numbers, in order; all without any.

    Raises
    ------
    NotebookError
        If a number fits no notebook.
    """
    folder = folder or notebooks_dir()
    everything = sorted(folder.glob("[0-9][0-9]_*.ipynb"))
    if not everything:
        raise NotebookError(
            f"No notebooks in {shown(folder)}; they come with the checkout. Run the command there."
        )
    known = [path.name[:2] for path in everything]
    for number in numbers:
        if number not in known:
            raise NotebookError(f"No notebook {number!r}; there are {' '.join(known)}.")
    return [path for path in everything if not numbers or path.name[:2] in numbers]


def read_parameters(path: Path) -> dict[str, dict]:
    """Parameters by notebook stem (``all`` goes to every notebook that has the name).

    The file is UTF-8, or UTF-16 with a byte order mark; one that is not there holds nothing.

    Raises
    ------
    NotebookError
        If the file is no YAML of that form.
    """
    if not path.is_file():
        return {}
    text = path.read_bytes()  # YAML knows its encodings by the first bytes
    try:
        found, tree = yaml.safe_load(text), yaml.compose(text, yaml.SafeLoader)
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that is none
        raise NotebookError(f"{shown(path)} is not readable YAML in UTF-8: {error}") from None
    if not isinstance(found, dict) or not all(isinstance(each, dict) for each in found.values()):
        raise NotebookError(
            f"{shown(path)} must hold parameters by notebook, such as '07_table1: {{IMAGES: 8}}'."
        )
    for part in (tree, *(values for _, values in tree.value)):
        names = [key.value for key, _ in part.value]
        if twice := [name for name in names if names.count(name) > 1]:
            raise NotebookError(f"{shown(path)} has {twice[0]} twice; put both together.")
    return found


def notebook_parameters(path: Path) -> dict[str, tuple[object, str]]:
    """The parameters of a notebook by name: the value and the comment in its ``parameters`` cell.

    Raises
    ------
    NotebookError
        If they are not literals.
    """
    cells = nbformat.read(path, 4).cells
    source = "\n".join(c.source for c in cells if "parameters" in c.metadata.get("tags", []))
    lines = source.splitlines()
    try:
        return {
            line.targets[0].id: (
                ast.literal_eval(line.value),
                lines[line.end_lineno - 1].partition("  # ")[2],
            )
            for line in ast.parse(source).body
        }
    except (AttributeError, SyntaxError, ValueError):
        raise NotebookError(
            f"The parameters of {path.name} are not all of the form NAME = literal  # comment."
        ) from None


def check_parameters(path: Path, values: Mapping[str, object]) -> None:
    """Check that a notebook has parameters of these names, and that the values have their types.

    Raises
    ------
    NotebookError
        Naming the first value that does not fit.
    """
    known = notebook_parameters(path)
    for name, value in values.items():
        if name not in known:
            raise NotebookError(f"{path.name} has no parameter {name}{_near(name, known)}")
        usual, comment = known[name]
        levels = [("", [value], [usual])]
        if isinstance(value, list | dict) and type(value) is type(usual):
            parts = [each.values() if isinstance(each, dict) else each for each in (value, usual)]
            levels.append((f"{KINDS[type(value)]} of ", *parts))
        for of, found, expected in levels:
            kinds = {kind for each in expected for kind in _kinds(each, comment)}
            wrong = [each for each in found if type(each) not in kinds]
            if kinds and not all(float in kinds and type(each) is int for each in wrong):
                texts = " or ".join(text for kind, text in KINDS.items() if kind in kinds)
                raise NotebookError(
                    f"{name} is {value!r} for {path.stem}; expected {of}{texts} ({comment})."
                )


def _kinds(usual: object, comment: str) -> set[type]:
    """The types of a parameter: that of its usual value, and what its comment tells besides.

    ``None`` and ``a number`` stand there as words. Where the usual value is None, ``names`` are a
    list, ``1 or more`` is a whole number, ``0.1 to 100`` a number, and all else text.
    """
    kinds, allowed = {type(usual)}, comment.partition(": ")[2]
    if "None" in comment:
        kinds.add(type(None))
    if re.search(r"\ba number|(?<!whole )\bnumbers", allowed):
        kinds.add(float)
    if usual is None:
        if "names" in comment:
            return kinds | {list}
        if figures := re.findall(r"\b\d+\b(?:\.\d+)?", allowed):
            kinds.add(float if any("." in figure for figure in figures) else int)
        if not figures or '"' in allowed:
            kinds.add(str)
    return kinds


def _near(name: object, known: Collection[str]) -> str:
    """The end of an error: the known names that are most like an unknown one, or all of them."""
    small, wanted = {each.lower(): each for each in known}, str(name).lower().zfill(2)
    near = get_close_matches(wanted, small) or [each for each in small if each.startswith(wanted)]
    if near:
        return f"; did you mean {' or '.join(small[each] for each in near)}?"
    return f"; there are {', '.join(sorted(known))}."


def check_overrides(overrides: Mapping[str, dict], folder: Path) -> None:
    """Check parameters for all notebooks of a folder, those too that are not run now.

    Raises
    ------
    NotebookError
        If there is no such notebook, or as of `check_parameters`.
    """
    notebooks = {path.stem: path for path in sorted(folder.glob("*.ipynb"))}
    for stem, values in overrides.items():
        if stem in notebooks:
            check_parameters(notebooks[stem], values)
        elif stem != "all":
            raise NotebookError(f"There is no notebook {stem}{_near(stem, notebooks)}")
    known = {name for path in notebooks.values() for name in notebook_parameters(path)}
    for name in overrides.get("all", {}):
        if name not in known:
            raise NotebookError(f"No notebook has a parameter {name}{_near(name, known)}")


def parameters_for(path: Path, dataset: str, overrides: Mapping[str, dict]) -> dict[str, object]:
    """What a notebook is called with: the data set, and what the overrides hold for it.

    Raises
    ------
    NotebookError
        As of `check_parameters`.
    """
    known = notebook_parameters(path)
    common = {"DATASET": dataset, **overrides.get("all", {})}
    common = {name: value for name, value in common.items() if name in known}
    found = {**common, **overrides.get(path.stem, {})}
    check_parameters(path, found)
    return found


def run_notebook(
    path: Path, output: Path, parameters: Mapping[str, object], timeout: int = TIMEOUT["toy"]
) -> None:
    """Execute one notebook with papermill.

    Parameters
    ----------
    path, output : Path
        The notebook, and where its executed copy goes.
    parameters : mapping
    timeout : int
        Seconds that one cell may take.

    Raises
    ------
    NotebookError
        If a parameter does not fit, or a cell fails or takes too long: the executed copy shows
        where.
    """
    check_parameters(path, parameters)
    output.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _inline_backend():
            papermill.execute_notebook(
                str(path),
                str(output),
                parameters=dict(parameters),
                kernel_name="python3",
                kernel_manager_class=OwnKernel,
                execution_timeout=timeout,
                progress_bar=False,
                cwd=str(path.parent),
            )
    except papermill.PapermillExecutionError as error:
        raise NotebookError(
            f"{path.name} failed in cell {error.exec_count}: {error.ename}: {error.evalue}. "
            f"See {shown(output)}."
        ) from None
    except RuntimeError:  # as both papermill and Jupyter call it
        raise NotebookError(
            f"The kernel of {path.name} died, as it does when memory runs out. See "
            f"{shown(output)}; close other programs or ask for less."
        ) from None
    except NoSuchKernel:
        raise NotebookError(
            f"There is no kernel of {sys.executable}. Run 'make setup', or 'python -m pip install "
            "ipykernel'."
        ) from None
    except TimeoutError as error:
        raise NotebookError(
            f"{path.name} was stopped: {str(error).splitlines()[0]} See {shown(output)}; a larger "
            "--timeout gives it more time."
        ) from None


def run_notebooks(
    paths: Sequence[Path],
    dataset: str = "toy",
    overrides: Mapping[str, dict] | None = None,
    timeout: int | None = None,
    out: Path | None = None,
) -> dict[str, float]:
    """Execute notebooks in order, with a progress bar and a line of minutes for each.

    Parameters
    ----------
    paths : sequence of Path
    dataset : {"toy", "voc"}
    overrides : mapping, optional
        As `read_parameters` reads them; laid over ``notebooks/parameters/<dataset>.yaml``.
    timeout : int, optional
        Seconds that one cell may take, by default `TIMEOUT` of the data set.
    out : Path, optional
        Where the executed notebooks go; ``build/notebooks/<dataset>/`` by default.

    Returns
    -------
    dict of str to float
        Minutes by notebook.
    """
    usual = read_parameters(notebooks_dir() / "parameters" / f"{dataset}.yaml")
    overrides = overrides or {}
    for folder in {path.parent for path in paths}:
        check_overrides(overrides, folder)
    out = out or output_dir() / "build" / "notebooks" / dataset
    calls = [
        (path, {**parameters_for(path, dataset, usual), **parameters_for(path, dataset, overrides)})
        for path in paths
    ]
    for folder in (out, figures_dir(dataset), cache_dir()):
        writable_folder(folder)
    minutes = {}
    for path, parameters in (bar := tqdm(calls, unit="notebook")):
        bar.set_description(path.stem)
        start = time.perf_counter()
        with writing(out / path.name):
            run_notebook(path, out / path.name, parameters, timeout or TIMEOUT[dataset])
        minutes[path.stem] = (time.perf_counter() - start) / 60
        bar.write(f"{path.stem:28} {minutes[path.stem]:5.1f} min")
    return minutes


@contextmanager
def _inline_backend() -> Iterator[None]:
    before = os.environ.get("MPLBACKEND")
    os.environ["MPLBACKEND"] = BACKEND
    try:
        yield
    finally:
        if before is None:
            del os.environ["MPLBACKEND"]
        else:
            os.environ["MPLBACKEND"] = before
