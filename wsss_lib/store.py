"""The store of results: one row per image and setting, durable from the moment it is computed."""

import gc
import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tqdm.auto import tqdm

from wsss_lib.errors import StoreError
from wsss_lib.files import writable_folder
from wsss_lib.paths import shown

#: Raise it when a change of the code changes results: rows and maps of older formats are computed
#: again.
FORMAT = 4
#: Values as bytes, since damaged text may not be UTF-8; the keys as one JSON list, however many.
_SELECT = (
    "SELECT key, CAST(row AS BLOB), CAST(digest AS BLOB) FROM results "
    "WHERE key IN (SELECT value FROM json_each(?))"
)


class ResultStore:
    """Rows by key in an SQLite file; what `put` has taken is on the disk.

    Several processes may use one file: they wait for each other. Each row has a digest of its key
    and its text, so that a truncated, edited or displaced row is noticed.

    Parameters
    ----------
    path : path
        Made if missing. Safe to delete: everything in it can be computed again.

    Raises
    ------
    StoreError
        If the file cannot be opened or is not a store.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            writable_folder(self.path.parent)
        try:
            self._connection = sqlite3.connect(self.path, timeout=60)
        except sqlite3.Error as error:
            raise self._unusable(error) from None
        try:
            with self._connection as connection:
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS results "
                    "(key TEXT PRIMARY KEY, row TEXT, digest TEXT)"
                )
        except sqlite3.Error as error:
            self.close()
            raise self._unusable(error) from None

    def put(self, rows: Mapping[str, dict]) -> None:
        """Store rows (JSON values) durably, all or none, replacing older ones with the same keys.

        Raises
        ------
        StoreError
            If they cannot be written; rows stored before are kept.
        """
        texts = {key: json.dumps(row) for key, row in rows.items()}
        try:
            with self._connection as connection:
                connection.executemany(
                    "INSERT OR REPLACE INTO results VALUES (?, ?, ?)",
                    [(key, text, _digest(key, text.encode())) for key, text in texts.items()],
                )
        except sqlite3.Error as error:
            raise StoreError(
                f"Cannot write to the store {shown(self.path)} ({error}). The rows before are "
                "kept: free some space, or let the run end that holds it, and run the same "
                "command again."
            ) from None

    def get(self, keys: Iterable[str]) -> dict[str, dict]:
        """The stored rows among `keys`, without those that do not match their digest.

        Raises
        ------
        StoreError
            If the file is damaged or not a store of rows.
        """
        try:
            answers = self._connection.execute(_SELECT, [json.dumps(list(keys))]).fetchall()
        except sqlite3.Error as error:
            raise self._unusable(error) from None
        with _no_collection():
            found = {
                key: json.loads(row)
                for key, row, digest in answers
                if row is not None and digest == _digest(key, row).encode()
            }
        if bad := len(answers) - len(found):
            tqdm.write(
                f"{bad} of {len(answers)} rows in {shown(self.path)} do not fit their digest: "
                "torn, edited, or of another result. They are computed again."
            )
        return found

    def _unusable(self, error: Exception) -> StoreError:
        return StoreError(
            f"Cannot use the store {shown(self.path)} ({error}). Delete the file (its rows will "
            "be computed again) or name another folder in WSSS_CACHE."
        )

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def __enter__(self) -> "ResultStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _digest(key: str, row: bytes) -> str:
    return hashlib.sha256(key.encode() + b"\n" + row).hexdigest()


@contextmanager
def _no_collection() -> Iterator[None]:
    """Suspend the garbage collector: with the many small lists of rows it triples the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
