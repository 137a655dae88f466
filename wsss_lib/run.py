"""The papermill runner: every notebook in order, headless, with a time limit."""

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import papermill
import yaml
from jupyter_client.kernelspec import NoSuchKernel
from nbclient.exceptions import DeadKernelError
from tqdm.auto import tqdm

from wsss_lib.errors import NotebookError
from wsss_lib.files import writable_folder, writing
from wsss_lib.paths import cache_dir, figures_dir, notebooks_dir, output_dir, shown

#: With Agg no figure would appear in the executed notebook, and papermill would stay green.
BACKEND = "module://matplotlib_inline.backend_inline"

#: Seconds that one cell may take. On VOC a cell can train a network or expand 1464 images.
TIMEOUT = {"toy": 1800, "voc": 7 * 24 * 3600}


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

    Raises
    ------
    NotebookError
        If the file is no YAML of that form.
    """
    if not path.is_file():
        return {}
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        raise NotebookError(f"{shown(path)} is not readable YAML: {error}") from None
    sections = found.values() if isinstance(found, dict) else [found]
    if not all(isinstance(values, dict) for values in sections):
        raise NotebookError(
            f"{shown(path)} must hold parameters by notebook, such as '07_table1: {{IMAGES: 8}}'."
        )
    return found


def merge_parameters(base: Mapping[str, dict], over: Mapping[str, dict]) -> dict[str, dict]:
    """Lay parameters over others, value by value."""
    return {stem: {**base.get(stem, {}), **over.get(stem, {})} for stem in {**base, **over}}


def notebook_parameters(path: Path) -> set[str]:
    """The names in a notebook's ``parameters`` cell."""
    return set(papermill.inspect_notebook(str(path)))


def parameters_for(path: Path, dataset: str, overrides: Mapping[str, dict]) -> dict[str, object]:
    """What a notebook is called with: the data set, and what the overrides hold for it.

    Raises
    ------
    NotebookError
        If an override of this very notebook names a parameter that it lacks.
    """
    known = notebook_parameters(path)
    own = overrides.get(path.stem) or {}
    unknown = sorted(set(own) - known)
    if unknown:
        raise NotebookError(
            f"{path.name} has no parameter {unknown[0]}; it has {', '.join(sorted(known))}."
        )
    common = {"DATASET": dataset, **(overrides.get("all") or {})}
    return {**{name: value for name, value in common.items() if name in known}, **own}


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
        If a cell fails or takes too long; the executed copy shows where.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    try:
        with _inline_backend():
            papermill.execute_notebook(
                str(path),
                str(output),
                parameters=dict(parameters),
                kernel_name="python3",
                execution_timeout=timeout,
                progress_bar=False,
                cwd=str(path.parent),
            )
    except papermill.PapermillExecutionError as error:
        raise NotebookError(
            f"{path.name} failed in cell {error.exec_count}: {error.ename}: {error.evalue}. "
            f"See {shown(output)}."
        ) from None
    except DeadKernelError:
        raise NotebookError(
            f"The kernel of {path.name} died, as it does when memory runs out. See "
            f"{shown(output)}; close other programs or ask for less."
        ) from None
    except NoSuchKernel:
        raise NotebookError(
            "There is no kernel python3 in this environment. Run 'make setup', or 'pip install "
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
    own = read_parameters(notebooks_dir() / "parameters" / f"{dataset}.yaml")
    overrides = merge_parameters(own, overrides or {})
    out = out or output_dir() / "build" / "notebooks" / dataset
    calls = [(path, parameters_for(path, dataset, overrides)) for path in paths]
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
