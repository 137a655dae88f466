"""The store of results: one row an image and setting, durable from the moment it is computed."""

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path

from wsss_lib.errors import StoreError
from wsss_lib.paths import shown


class ResultStore:
    """Rows by key in an SQLite file; each row is committed as it comes.

    Parameters
    ----------
    path : path
        Made if missing. Safe to delete: everything in it can be computed again.

    Raises
    ------
    StoreError
        If the file cannot be opened or is no store.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self.path, timeout=60)
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from None
        try:
            with self._connection as connection:
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS rows (key TEXT PRIMARY KEY, row TEXT)"
                )
        except sqlite3.Error as error:
            self.close()
            raise self._unusable(error) from None

    def put(self, key: str, row: dict) -> None:
        """Store one row (JSON values) durably, in place of an older one of that key.

        Raises
        ------
        StoreError
            If it cannot be written; the rows stored before stay.
        """
        try:
            with self._connection as connection:
                connection.execute(
                    "INSERT OR REPLACE INTO rows VALUES (?, ?)", (key, json.dumps(row))
                )
        except sqlite3.Error as error:
            raise StoreError(
                f"Cannot write to the store {shown(self.path)} ({error}). The rows before are "
                "kept: free some space and run the same command again."
            ) from None

    def get(self, keys: Iterable[str]) -> dict[str, dict]:
        """The stored rows among `keys`.

        Raises
        ------
        StoreError
            If the file is damaged or no store of rows.
        """
        found = {}
        try:
            for key in keys:
                query = "SELECT row FROM rows WHERE key = ?"
                answer = self._connection.execute(query, (key,)).fetchone()
                if answer:
                    found[key] = json.loads(answer[0])
        except (sqlite3.Error, ValueError) as error:
            raise self._unusable(error) from None
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
