"""Downloads from a local server with the vices of real ones."""

import hashlib
import io
import tarfile
from dataclasses import replace

import pytest

from wsss_lib.datasets.download import Archive, fetch, fetch_and_unpack
from wsss_lib.errors import DataError, DownloadError

DATA = bytes(range(256)) * 4096  # 1 MiB


@pytest.fixture
def archive(server):
    """Makes the archive of DATA with one address for each of the vices."""
    server.files["x.tar"] = DATA

    def make(*vices: str) -> Archive:
        addresses = tuple(server.url(vice, "x.tar") for vice in vices)
        return Archive("x.tar", hashlib.md5(DATA).hexdigest(), len(DATA), 0, addresses)

    return make


def test_a_whole_file_comes_in_one_request(archive, server, tmp_path):
    path = fetch(archive("good"), tmp_path / "new")
    assert path == tmp_path / "new" / "x.tar"
    assert path.read_bytes() == DATA
    assert server.requests == [("good", None)]
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_is_there_is_not_asked_for(archive, server, tmp_path, capsys):
    (tmp_path / "x.tar").write_bytes(DATA)
    assert fetch(archive("good"), tmp_path).read_bytes() == DATA
    assert server.requests == []
    assert "Checking" in capsys.readouterr().out


def test_a_wrong_file_in_its_place_is_fetched_anew(archive, tmp_path, capsys):
    (tmp_path / "x.tar").write_bytes(DATA[:-1])
    assert fetch(archive("good"), tmp_path).read_bytes() == DATA
    assert "downloaded again" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("vices", "part", "requests"),
    [
        (["good"], DATA[:1000], [("good", "bytes=1000-")]),
        (["deaf"], DATA[:1000], [("deaf", "bytes=1000-")]),  # sends it all again
        (["good"], DATA, [("good", f"bytes={len(DATA)}-")]),  # complete, only checked
        (["good"], bytes(1000), [("good", "bytes=1000-"), ("good", None)]),  # bad, thrown away
        (["page", "good"], DATA[:1000], [("page", "bytes=1000-"), ("good", "bytes=1000-")]),
    ],
)
def test_a_partial_file_is_continued(archive, server, tmp_path, vices, part, requests):
    (tmp_path / "x.tar.part").write_bytes(part)
    assert fetch(archive(*vices), tmp_path).read_bytes() == DATA
    assert server.requests == requests


def test_the_md5_sum_decides_where_the_noted_size_is_a_little_off(archive, server, tmp_path):
    noted = replace(archive("dying", "good"), size=len(DATA) + 99)
    assert fetch(noted, tmp_path).read_bytes() == DATA


def test_a_line_that_is_cut_is_taken_up_again(archive, server, tmp_path):
    assert fetch(archive("dying", "good"), tmp_path).read_bytes() == DATA
    asked = [int(wanted.strip("bytes=-")) for _, wanted in server.requests[1:]]
    half = len(DATA) // 2
    assert asked[:3] == [half, half + half // 2, half + half // 2 + half // 4]
    assert server.requests[-1] == ("good", f"bytes={len(DATA) - 1}-")  # 'dying' never ends it


@pytest.mark.parametrize("vice", ["missing", "wrong", "page"])
def test_the_next_address_is_tried(archive, server, tmp_path, vice):
    assert fetch(archive(vice, "good"), tmp_path).read_bytes() == DATA
    assert server.requests == [(vice, None), ("good", None)]


def test_a_failure_names_every_address_and_keeps_the_part(archive, server, tmp_path):
    unreachable = "http://127.0.0.1:9/x.tar"
    wanted = archive("dying", "missing")
    wanted = replace(wanted, addresses=(*wanted.addresses, unreachable))
    (tmp_path / "x.tar.part").write_bytes(DATA[:-1])
    with pytest.raises(DownloadError) as error:
        fetch(wanted, tmp_path)
    text = str(error.value)
    assert f"{server.url('dying', 'x.tar')}: it broke off after" in text
    assert f"{server.url('missing', 'x.tar')}: HTTP Error 404" in text
    assert f"{unreachable}: " in text
    for word in ("--data", "WSSS_DATA", "DATASET=toy", wanted.md5, str(len(DATA) - 1)):
        assert word in text
    assert (tmp_path / "x.tar.part").read_bytes() == DATA[:-1]
    assert not (tmp_path / "x.tar").exists()


def test_wrong_bytes_everywhere_leave_nothing_behind(archive, tmp_path):
    with pytest.raises(DownloadError, match="md5 sum of what came is not"):
        fetch(archive("wrong", "wrong"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_an_error_before_anything_is_asked_for(archive, server, tmp_path):
    huge = replace(archive("good"), size=10**18)
    with pytest.raises(DataError, match=r"1000000000\.0 GB are needed"):
        fetch(huge, tmp_path)
    assert server.requests == []


def test_unpacking_adds_what_is_missing_and_keeps_what_is_there(tmp_path):
    with tarfile.open(tmp_path / "x.tar", "w") as tar:
        for name in ("top/one/a", "top/one/b", "top/two/c"):
            info = tarfile.TarInfo(name)
            info.size = 3
            tar.addfile(info, io.BytesIO(b"new"))
    (tmp_path / "top" / "one").mkdir(parents=True)
    (tmp_path / "top" / "one" / "a").write_bytes(b"mine")
    killed = tmp_path / ".unpacking-x.tar" / "top" / "two" / "half"  # of a run before
    killed.parent.mkdir(parents=True)
    killed.touch()
    md5 = hashlib.md5((tmp_path / "x.tar").read_bytes()).hexdigest()
    fetch_and_unpack(Archive("x.tar", md5, 0, 0, ()), tmp_path)
    found = {p.relative_to(tmp_path).as_posix(): p for p in tmp_path.rglob("*") if p.is_file()}
    assert sorted(found) == ["top/one/a", "top/one/b", "top/two/c", "x.tar"]
    assert found["top/one/a"].read_bytes() == b"mine"
    assert found["top/one/b"].read_bytes() == b"new"
