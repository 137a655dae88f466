"""Files that are whole or absent: places to write to, atomic writes and checksums."""

import errno
import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from wsss_lib.errors import ParameterError, StoreError
from wsss_lib.paths import cache_dir, data_root, output_dir, shown


@contextmanager
def writing(path: str | os.PathLike) -> Iterator[None]:
    """Whatever keeps the block from writing `path` is a `StoreError`: what to change, or delete."""
    try:
        yield
    except OSError as error:
        reason, room = error.strerror or error, ""
        if isinstance(error, FileExistsError | NotADirectoryError):
            reason = "a file is where a folder was expected"
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            maps = shown(cache_dir() / "maps")
            room = f"Make room (files in {maps} are made again when they are needed), or: "
        folders = {
            "WSSS_CACHE": cache_dir(),  # first, since in a checkout it lies below the others
            "--data or WSSS_DATA": data_root(),
            "--out or WSSS_OUTPUT": output_dir(),
        }
        place = Path(path).absolute()
        names = (name for name, folder in folders.items() if place.is_relative_to(folder))
        raise StoreError(
            f"Cannot write {shown(path)} ({reason}). {room}Name another place with "
            f"{next(names, '--out or --data')} and run the same command again; what was done "
            "before is kept."
        ) from None


def writable_folder(path: str | os.PathLike) -> Path:
    """Make a folder and check, before any work, that a file can be written into it.

    Raises
    ------
    StoreError
        If it cannot be: a file is in its place, it may not be written to, or its disk is full.
    """
    folder = Path(path)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(4096))
            file.flush()
    return folder


def with_ending(path: Path, ending: str) -> Path:
    """A path with an ending, added to any other one: what ``mask_C0.5`` has is none.

    Raises
    ------
    ParameterError
        If the path is empty.
    """
    if not path.name:
        raise ParameterError(
            f"The name of a file is empty; one that ends in {ending} was expected."
        )
    return path if path.suffix.lower() == ending else path.with_name(path.name + ending)


@contextmanager
def atomic_path(path: str | os.PathLike) -> Iterator[Path]:
    """Give a temporary path beside `path`; when the block ends well, move it there in one step.

    A run that is killed inside the block leaves `path` as it was.

    Raises
    ------
    StoreError
        If the file cannot be written.
    """
    path = Path(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix
        )
        os.close(handle)
        temporary = Path(name)
        try:
            yield temporary
            umask = os.umask(0)
            os.umask(umask)
            temporary.chmod(0o666 & ~umask)  # mkstemp's 0600 would hide results from colleagues
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def write_text(path: str | os.PathLike, text: str) -> Path:
    """Write a text file atomically (UTF-8, line ends as given)."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")
    return Path(path)


def sha256(path: str | os.PathLike) -> str:
    """The file's SHA-256 as 64 hex digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
