"""Id lists, and which of their ids lack a file."""

import os
from collections.abc import Iterable
from pathlib import Path

from wsss_lib.errors import DataError
from wsss_lib.paths import shown


def missing_ids(folder: Path, ids: Iterable[str], suffix: str) -> list[str]:
    """The ids without a file ``<id><suffix>`` in a folder, which may be missing itself."""
    present = set(os.listdir(folder)) if folder.is_dir() else set()
    return [id_ for id_ in ids if id_ + suffix not in present]


def read_ids(devkit: Path, name: str) -> tuple[str, ...]:
    """Read an id list: a name in ``ImageSets/Segmentation`` or a file with one id a line.

    Raises
    ------
    DataError
        If there is no such list, or it is no text, empty or names an id twice.
    """
    lists = devkit / "ImageSets" / "Segmentation"
    path = next((p for p in (lists / f"{name}.txt", Path(name)) if p.is_file()), None)
    if path is None:
        known = ", ".join(sorted(p.stem for p in lists.glob("*.txt"))) or "none"
        raise DataError(f"No list {name!r}; expected a file, or one of: {known}.")
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise DataError(f"{shown(path)} is no text; one id a line was expected.") from None
    ids = tuple(line.split()[0] for line in lines if line.strip())
    if not ids:
        raise DataError(f"The list {shown(path)} is empty; one id a line was expected.")
    if len(set(ids)) < len(ids):
        twice = next(id_ for id_ in ids if ids.count(id_) > 1)
        raise DataError(f"The list {shown(path)} names {twice} more than once; remove the copy.")
    return ids
