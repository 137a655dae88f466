"""Tables and what they were computed from: the form of every result for a list of images."""

import json
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from wsss_lib.files import write_text

#: Libraries whose version can change a result.
LIBRARIES = ["numba", "numpy", "scikit-image", "scikit-learn", "scipy", "torch", "torchvision"]


@dataclass(frozen=True)
class Report:
    """Tables of scores, and what they were computed from.

    Attributes
    ----------
    tables : dict of str to DataFrame
        By the name of the file, the main one first. A table whose index has a name is written with
        it and with two decimals, any other without its index and with three.
    provenance : dict
        Data set, list, masks, networks with the SHA-256 of their weights, settings, versions: JSON
        values.
    failures : dict of str to str
        Why an image could not be done, by id.
    """

    tables: dict[str, pd.DataFrame]
    provenance: dict
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def main(self) -> pd.DataFrame:
        """The first table."""
        return next(iter(self.tables.values()))

    def write(self, folder: Path, name: str | None = None) -> Path:
        """Write each table as CSV (empty where a class is absent), and the provenance as JSON.

        Parameters
        ----------
        folder : Path
            Made if missing.
        name : str, optional
            Replaces the main table's name, also where other names begin with it.

        Returns
        -------
        Path
            Of the main table. A table without rows is not written. The column ``seconds`` is for
        the screen only, since it differs from run to run. Tables that an earlier run wrote there
        and this one does not are removed.
        """
        own = next(iter(self.tables))
        main = folder / f"{name or own}.csv"
        note, files = main.with_suffix(".json"), []
        for table_name, table in self.tables.items():
            path = folder / f"{table_name.replace(own, name or own, 1)}.csv"
            if not len(table):
                path.unlink(missing_ok=True)
                continue
            indexed = table.index.name is not None
            text = table.drop(columns="seconds", errors="ignore").to_csv(
                index=indexed, float_format="%.2f" if indexed else "%.3f"
            )
            files.append(write_text(path, text).name)
        old = _files_of(note) - {*files}
        for path in folder.glob("*.csv"):
            if path.name in old:
                path.unlink()
        write_text(note, json.dumps({**self.provenance, "files": files}, indent=2) + "\n")
        return main


def _files_of(note: Path) -> set[str]:
    """The tables that the run before wrote beside its provenance."""
    try:
        return {*map(str, json.loads(note.read_text(encoding="utf-8"))["files"])}
    except (OSError, ValueError, KeyError, TypeError):  # none, or not ours
        return set()


def versions() -> dict[str, str]:
    """The versions of the libraries that can change a result."""
    return {name: version(name) for name in LIBRARIES}
