import errno
import hashlib
import os
from pathlib import Path

import pytest

from wsss_lib.errors import StoreError
from wsss_lib.files import (
    atomic_path,
    sha256,
    with_ending,
    writable_folder,
    write_text,
    writing,
)


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


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Where data, cache and results lie, as in a checkout: the cache below the results."""
    places = {"WSSS_OUTPUT": "here", "WSSS_DATA": "here/data", "WSSS_CACHE": "here/.cache"}
    for name, place in places.items():
        monkeypatch.setenv(name, str(tmp_path / place))
    return tmp_path


@pytest.mark.parametrize("write", [writable_folder, lambda path: write_text(path / "a.txt", "")])
@pytest.mark.parametrize("below", ["", "deep", "deep/er"])
def test_a_file_in_the_place_of_a_folder_is_named(tmp_path, write, below):
    (tmp_path / "file").write_text("kept")
    with pytest.raises(StoreError, match=r"Cannot write .*file.*a file is where a folder was"):
        write(tmp_path / "file" / below)
    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may do anything")
@pytest.mark.parametrize("write", [writable_folder, lambda path: write_text(path / "a.txt", "")])
def test_a_folder_that_may_only_be_read_is_named(tmp_path, write):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(StoreError, match=r"Cannot write .*Permission denied"):
            write(tmp_path)
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.parametrize(
    ("place", "advice"),
    [
        ("here/a.png", "another place with --out or WSSS_OUTPUT"),
        ("here/data/VOCdevkit", "another place with --data or WSSS_DATA"),
        ("here/.cache/maps/a.npy", "another place with WSSS_CACHE"),
        ("there/a.csv", "another place with --out or --data"),
    ],
)
def test_an_error_says_which_option_or_variable_names_another_place(folders, place, advice):
    sentence = f"{advice} and run the same command again"
    with pytest.raises(StoreError, match=sentence), writing(folders / place):
        raise OSError(errno.EROFS, "Read-only file system")


@pytest.mark.parametrize(
    ("code", "room"), [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EACCES, False)]
)
def test_where_the_disk_is_full_it_says_what_can_be_deleted(folders, code, room):
    with pytest.raises(StoreError) as caught, atomic_path(folders / "a.png"):
        raise OSError(code, os.strerror(code))
    assert os.strerror(code) in str(caught.value)
    assert (str(folders / "here/.cache/maps") in str(caught.value)) == room
    assert "what was done before is kept" in str(caught.value)
    assert list(folders.iterdir()) == []


def test_a_file_that_grows_too_large_is_not_left_half_written(tmp_path):
    resource = pytest.importorskip("resource")
    path = write_text(tmp_path / "a.txt", "old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, limits[1]))
    try:
        with pytest.raises(StoreError, match=r"Cannot write .*a.txt"):
            write_text(path, "x" * 100_000)
        with pytest.raises(StoreError, match=r"Cannot write .*folder"):
            writable_folder(tmp_path / "folder")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert path.read_text() == "old"
    assert {each.name for each in tmp_path.iterdir()} == {"a.txt", "folder"}


def test_a_folder_that_can_be_written_to_is_made_and_left_empty(tmp_path):
    assert writable_folder(tmp_path / "deep" / "er") == tmp_path / "deep" / "er"
    assert list((tmp_path / "deep" / "er").iterdir()) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mask_C0.5", "mask_C0.5.png"),
        ("mask_C0.9", "mask_C0.9.png"),
        ("v1.2.png", "v1.2.png"),
        ("dog.jpg", "dog.jpg.png"),
        ("DOG.PNG", "DOG.PNG"),
        ("dog", "dog.png"),
    ],
)
def test_an_ending_is_added_and_takes_the_place_of_nothing(name, expected):
    assert with_ending(Path("a.b") / name, ".png") == Path("a.b") / expected
