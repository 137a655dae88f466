import sqlite3

import pytest

from wsss_lib.errors import StoreError
from wsss_lib.evaluate.store import ResultStore


def test_rows_come_back_and_newer_ones_replace_older_ones(tmp_path):
    with ResultStore(tmp_path / "deep" / "rows.sqlite") as store:
        store.put("a", {"x": [1, 2]})
        store.put("a", {"x": [3]})
    with ResultStore(tmp_path / "deep" / "rows.sqlite") as store:
        assert store.get(["a", "b"]) == {"a": {"x": [3]}}


def test_two_runs_can_write_to_one_store(tmp_path):
    with ResultStore(tmp_path / "r.sqlite") as first, ResultStore(tmp_path / "r.sqlite") as second:
        first.put("a", {"x": 1})
        second.put("b", {"x": 2})
        assert set(first.get(["a", "b"])) == {"a", "b"}


def test_a_file_that_is_no_store_is_refused(tmp_path):
    path = tmp_path / "rows.sqlite"
    path.write_text("not a database, but long enough to be looked at" * 50)
    with pytest.raises(StoreError, match="Delete the file"):
        ResultStore(path)


def test_a_write_that_fails_is_told_and_loses_nothing(tmp_path):
    with ResultStore(tmp_path / "rows.sqlite") as store:
        store.put("a", {"x": 1})
        pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
        store._connection.execute(f"PRAGMA max_page_count = {pages}")  # as on a full disk
        with pytest.raises(StoreError, match="free some space"):
            store.put("b", {"x": "y" * 100_000})
        assert store.get(["a", "b"]) == {"a": {"x": 1}}


def test_an_interrupted_write_leaves_the_rows_before(tmp_path):
    path = tmp_path / "rows.sqlite"
    with ResultStore(path) as store:
        store.put("a", {"x": 1})
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO rows VALUES ('b', '{}')")
    connection.close()  # without a commit, as when a process is killed
    with ResultStore(path) as store:
        assert set(store.get(["a", "b"])) == {"a"}


def test_a_store_of_something_else_is_refused(tmp_path):
    connection = sqlite3.connect(tmp_path / "rows.sqlite")
    connection.execute("CREATE TABLE rows (other TEXT)")
    connection.close()
    with (
        ResultStore(tmp_path / "rows.sqlite") as store,
        pytest.raises(StoreError, match="Delete the file"),
    ):
        store.get(["a"])
