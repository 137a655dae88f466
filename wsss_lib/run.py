"""The papermill runner: every notebook in order, headless, with a time limit."""

import ast
import os
import sys
import time
from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

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


class OwnKernel(AsyncKernelManager):
    """Starts the kernel of this very Python, whichever kernels Jupyter's folders hold.

    Its figures appear in the notebook, whichever backend the environment names.
    """

    @default("kernel_spec_manager")
    def _kernel_spec_manager_default(self) -> KernelSpecManager:
        return KernelSpecManager(parent=self, kernel_dirs=[])

    async def start_kernel(self, **options: object) -> None:
        """Start it; see `AsyncKernelManager`."""
        await super().start_kernel(**options, env=os.environ | {"MPLBACKEND": BACKEND})


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
    try:
        found = yaml.safe_load(path.read_bytes())  # YAML knows its encodings by the first bytes
    except (yaml.YAMLError, ValueError) as error:  # ValueError: a date that is none
        raise NotebookError(f"{shown(path)} is not readable YAML in UTF-8: {error}") from None
    if not isinstance(found, dict) or not all(isinstance(each, dict) for each in found.values()):
        raise NotebookError(
            f"{shown(path)} must hold parameters by notebook, such as '07_table1: {{IMAGES: 8}}'."
        )
    return found


def notebook_parameters(path: Path) -> dict[str, tuple[object, str]]:
    """The parameters of a notebook by name: the value and the comment in its ``parameters`` cell.

    Raises
    ------
    NotebookError
        If they are not literals.
    """
    found = papermill.inspect_notebook(str(path))
    try:
        return {
            name: (ast.literal_eval(each["default"]), each["help"]) for name, each in found.items()
        }
    except (SyntaxError, ValueError):
        raise NotebookError(
            f"The parameters of {path.name} are not all of the form NAME = literal  # comment."
        ) from None


def parameters_for(path: Path, dataset: str, overrides: Mapping[str, dict]) -> dict[str, object]:
    """What a notebook is called with: the data set, and what the overrides hold for it.

    Raises
    ------
    NotebookError
        If the notebook has no parameter of a name, or one of another type.
    """
    known = notebook_parameters(path)
    common = {"DATASET": dataset, **overrides.get("all", {})}
    found = {name: value for name, value in common.items() if name in known}
    found |= overrides.get(path.stem, {})
    for name, value in found.items():
        _check_known(name, known, f"{path.name} has no parameter")
        usual, comment = known[name]
        if not _has_type(value, usual, comment):
            raise NotebookError(
                f"{name} is {value!r} for {path.stem}; expected was the type of {usual!r} "
                f"({comment})."
            )
    return found


def _has_type(value: object, usual: object, comment: str) -> bool:
    """Whether a value has the type of the usual one, or one that the comment names besides.

    An int does for a float. A usual None tells nothing; elements of lists are looked at likewise.
    """
    if usual is None or (value is None and "None" in comment):
        return True
    if isinstance(usual, list) and isinstance(value, list):
        return not usual or all(any(_has_type(v, u, comment) for u in usual) for v in value)
    if type(value) in (int, float) and isinstance(usual, str) and "number" in comment:
        return True
    return type(value) is type(usual) or (type(value) is int and type(usual) is float)


def _check_known(name: object, known: Collection[str], unknown: str) -> None:
    """Raise an error, which begins with `unknown`, unless a name is known."""
    if name not in known:
        near = get_close_matches(str(name), known, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(known))}."
        raise NotebookError(f"{unknown} {name}; {hint}")


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
        If a cell fails or takes too long: the executed copy shows where.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    try:
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
    folder = find_notebooks(folder=paths[0].parent)
    known = {path.stem: notebook_parameters(path) for path in folder}
    for stem in overrides:
        _check_known(stem, {"all", *known}, "There is no notebook")
    for name in overrides.get("all", {}):
        _check_known(name, set().union(*known.values()), "No notebook has a parameter")
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
