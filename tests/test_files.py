import hashlib

import pytest

from wsss_lib.files import atomic_path, sha256, write_text


def test_a_file_is_whole_or_as_it_was(tmp_path):
    path = write_text(tmp_path / "deep" / "a.txt", "old")
    with pytest.raises(ZeroDivisionError), atomic_path(path) as temporary:
        temporary.write_text("half" * (1 // 0))
    assert path.read_text() == "old"
    assert list(path.parent.iterdir()) == [path]


def test_the_new_file_replaces_the_old_one(tmp_path):
    path = write_text(tmp_path / "a.txt", "old")
    write_text(path, "new")
    assert path.read_text() == "new"


def test_others_may_read_what_was_written(tmp_path):
    assert write_text(tmp_path / "a.txt", "").stat().st_mode & 0o077 != 0


def test_sha256(tmp_path):
    path = write_text(tmp_path / "a.txt", "abc")
    assert sha256(path) == hashlib.sha256(b"abc").hexdigest()
