"""Executed notebooks: what they ask, and how their run went."""

import re
from dataclasses import dataclass

import nbformat
from nbformat import NotebookNode

from wsss_lib.errors import NotebookError
from wsss_lib.paths import output_dir, shown
from wsss_lib.run import find_notebooks


@dataclass(frozen=True)
class Executed:
    """An executed notebook.

    Attributes
    ----------
    stem : str
        Its name without ending.
    notebook : NotebookNode
    """

    stem: str
    notebook: NotebookNode

    @property
    def title(self) -> str:
        """The heading, such as ``01 · The data``; the name where there is none."""
        return self._in_head(r"^# (.+)$") or self.stem

    @property
    def question(self) -> str:
        """The question of the head, as plain text; empty where there is none."""
        return re.sub(r"[*`]", "", self._in_head(r"^\*\*Question\.\*\* (.+)$"))

    @property
    def minutes(self) -> float | None:
        """How long the run took; None where it did not come to its end."""
        seconds = self._run.get("duration")
        return None if seconds is None else seconds / 60

    @property
    def day(self) -> str:
        """The day of the run, such as ``2026-11-24``; empty where it is unknown."""
        return (self._run.get("start_time") or "")[:10]

    @property
    def failed(self) -> bool:
        """Whether a cell failed, or the run was stopped."""
        return bool(self._run.get("exception")) or self.minutes is None

    @property
    def _run(self) -> dict:
        return self.notebook.metadata.get("papermill", {})

    def _in_head(self, pattern: str) -> str:
        # not in the first cell alone: papermill puts a failure's notice before it
        cells = (cell.source for cell in self.notebook.cells if cell.cell_type == "markdown")
        found = re.search(pattern, "\n".join(cells), re.MULTILINE)
        return found[1].strip() if found else ""


def read_executed(dataset: str) -> list[Executed]:
    """The executed notebooks of a data set in their order, from ``build/notebooks/<dataset>/``.

    Raises
    ------
    NotebookError
        If there are none, or one cannot be read.
    """
    folder = output_dir() / "build" / "notebooks" / dataset
    command = f"'wsss notebooks --dataset {dataset}'"
    if not any(folder.glob("[0-9][0-9]_*.ipynb")):
        raise NotebookError(f"No executed notebooks in {shown(folder)}. Run {command} first.")
    executed = []
    for path in find_notebooks(folder=folder):
        try:
            executed.append(Executed(path.stem, nbformat.read(path, 4)))
        except (OSError, nbformat.reader.NotJSONError, nbformat.ValidationError) as error:
            number = path.name[:2]
            raise NotebookError(
                f"{shown(path)} is no readable notebook ({str(error)[:80]}). Run it again with "
                f"{command[:-1]} {number}'."
            ) from None
    return executed
