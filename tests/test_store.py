import sqlite3
import subprocess
import sys

import pytest

from wsss_lib.errors import StoreError
from wsss_lib.store import ResultStore


@pytest.fixture
def path(tmp_path):
    return tmp_path / "rows.sqlite"


def edit(path, statement):
    """Change the file behind the store's back."""
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


def test_rows_come_back_and_newer_ones_replace_older_ones(tmp_path):
    with ResultStore(tmp_path / "deep" / "rows.sqlite") as store:
        store.put({"a": {"x": [1, 2]}})
        store.put({"a": {"x": [3]}, "b": {"y": None}})
    with ResultStore(tmp_path / "deep" / "rows.sqlite") as store:
        assert store.get(["a", "b", "c"]) == {"a": {"x": [3]}, "b": {"y": None}}


WRITER = """
import sys
from wsss_lib.store import ResultStore
name, other = sys.argv[2:]
with ResultStore(sys.argv[1]) as store:
    for number in range(40):
        store.put({f"{name}{number}": {"from": name}, f"both{number}": {"from": name}})
        store.get([f"{other}{number}"])
"""


def test_two_processes_can_write_to_one_store_at_once(path):
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path), *names])
        for names in (("a", "b"), ("b", "a"))
    ]
    assert [writer.wait(timeout=100) for writer in writers] == [0, 0]
    with ResultStore(path) as store:
        rows = store.get(f"{name}{number}" for name in ("a", "b", "both") for number in range(40))
    assert len(rows) == 120
    assert all(rows[key]["from"] in (key[0], "a", "b") for key in rows)
    assert {rows[f"a{number}"]["from"] for number in range(40)} == {"a"}


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE results SET row = replace(row, '1', '2') WHERE key = 'a'",
        "UPDATE results SET row = substr(row, 1, 4) WHERE key = 'a'",
        "UPDATE results SET row = CAST(x'ff00fe' AS TEXT) WHERE key = 'a'",
        "UPDATE results SET row = NULL WHERE key = 'a'",
        "UPDATE results SET digest = NULL WHERE key = 'a'",
        "UPDATE results SET key = 'z' WHERE key = 'a'",
        "INSERT OR REPLACE INTO results SELECT 'a', row, digest FROM results WHERE key = 'b'",
    ],
)
def test_a_torn_edited_or_foreign_row_counts_as_missing_and_can_be_replaced(path, capsys, damage):
    with ResultStore(path) as store:
        store.put({"a": {"x": 1}, "b": {"x": 1}})
    edit(path, damage)
    with ResultStore(path) as store:
        assert store.get(["a", "b", "z"]) == {"b": {"x": 1}}
        assert capsys.readouterr().out.count("1 of 2 rows") == 1
        store.put({"a": {"x": 1}, "z": {"x": 1}})
        assert set(store.get(["a", "b", "z"])) == {"a", "b", "z"}
    assert capsys.readouterr().out == ""


def test_more_rows_are_read_than_sqlite_takes_keys_at_once(path):
    rows = {f"{number:064}": {"confusion": [[0, 1, number]]} for number in range(2000)}
    with ResultStore(path) as store:
        store.put(rows)
        assert store.get(rows) == rows


def test_a_file_that_is_no_store_is_refused(path):
    path.write_text("not a database, but long enough to be looked at" * 50)
    with pytest.raises(StoreError, match="Delete the file"):
        ResultStore(path)


def test_a_write_that_fails_is_reported_and_loses_nothing(path):
    with ResultStore(path) as store:
        store.put({"a": {"x": 1}})
        pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
        store._connection.execute(f"PRAGMA max_page_count = {pages}")  # as on a full disk
        with pytest.raises(StoreError, match="free some space"):
            store.put({"b": {"x": 2}, "c": {"x": "y" * 100_000}})
        assert store.get(["a", "b", "c"]) == {"a": {"x": 1}}


def test_an_interrupted_write_leaves_the_rows_before(path):
    with ResultStore(path) as store:
        store.put({"a": {"x": 1}})
    connection = sqlite3.connect(path)
    connection.execute("INSERT INTO results VALUES ('b', '{}', '')")
    connection.close()  # without a commit, as when a process is killed
    with ResultStore(path) as store:
        assert set(store.get(["a", "b"])) == {"a"}


def test_a_store_of_something_else_is_refused(path):
    edit(path, "CREATE TABLE results (other TEXT)")
    with ResultStore(path) as store, pytest.raises(StoreError, match="Delete the file"):
        store.get(["a"])
