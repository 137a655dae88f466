"""Lists of ids in the forms that people write."""

import errno
import os
from pathlib import Path

import pytest

from wsss_lib.datasets.lists import read_ids
from wsss_lib.errors import DataError


@pytest.fixture
def devkit(tmp_path, make_devkit):
    """The folder VOC2012 of a devkit below tmp_path: train a and b, val c."""
    return make_devkit(tmp_path)


@pytest.fixture
def read(devkit, tmp_path):
    """Reads ids from the content of a list."""

    def read(content: str | bytes) -> tuple[str, ...]:
        content = content if isinstance(content, bytes) else content.encode()
        (tmp_path / "mine.txt").write_bytes(content)
        return read_ids(devkit, str(tmp_path / "mine.txt"))

    return read


def test_an_unknown_list_is_an_error_that_names_the_known_ones(devkit):
    with pytest.raises(DataError, match=r"No list 'trainaug' in .*one of: train, val\."):
        read_ids(devkit, "trainaug")


@pytest.mark.parametrize("code", [errno.EACCES, errno.EIO])
def test_a_list_that_cannot_be_read_is_told(read, monkeypatch, code):
    def fail(path):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(DataError, match=rf"mine\.txt cannot be read \({os.strerror(code)}\)"):
        read("a")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n \n", " \t\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_ends_of_lines_and_byte_order_marks_are_no_part_of_an_id(read, end, encoding):
    assert read(f"b{end}ä 1{end}{end}c".encode(encoding)) == ("b", "ä 1", "c")


def test_byte_order_marks_within_a_list_are_left_out(read):
    assert read("\ufeffa\n\ufeffb\n") == ("a", "b")  # two files put together


@pytest.mark.parametrize(
    ("line", "id_"),
    [
        ("/JPEGImages/a.jpg /SegmentationClass/a.png", "a"),
        ("JPEGImages/a.jpg\tSegmentationClassAug/a.png", "a"),
        ("JPEGImages/my cat.JPG SegmentationClass/my cat.png", "my cat"),
        ("JPEGImages/a.jpeg,SegmentationClass/a.png", "a"),
        ("JPEGImages\\a.jpg", "a"),
        ("C:\\VOC2012\\JPEGImages\\a.jpg", "a"),
        ("/data/VOCdevkit/VOC2012/JPEGImages/2007/a.jpg", "2007/a"),
        ("./JPEGImages/a", "a"),
        ("a.png", "a"),
        ("a.jpg a.png", "a"),
        ("a.v2.jpg", "a.v2"),
        ("a.v2", "a.v2"),
        ("2007/a", "2007/a"),
        ("2007\\a.jpg", "2007/a"),
        ("Segmentation study/a.jpg", "Segmentation study/a"),
        ("//host/VOC2012/JPEGImages/a.jpg", "a"),
        ("IMG 1", "IMG 1"),
        ("my  cat (3)", "my  cat (3)"),
    ],
)
def test_a_line_is_an_id_or_the_paths_of_its_files(read, line, id_):
    assert read(f"b\n{line}\n") == ("b", id_)


@pytest.mark.parametrize(
    "line",
    [
        "/JPEGImages/a.jpg /SegmentationClass/b.png",
        "JPEGImages/2007/a.jpg SegmentationClass/2008/a.png",
        "a.jpg cat",
        "../a",
        "JPEGImages/../../a.jpg",
        "C:\\pictures\\a.jpg",
        "/JPEGImages/",
    ],
)
def test_a_line_that_is_neither_is_named_with_its_number(read, line):
    with pytest.raises(
        DataError, match=r"^Line 3 of .*mine\.txt is .*; expected the id of an image"
    ):
        read(f"b\n\n{line}\n")


def test_of_marked_images_those_with_1_are_in(read, capsys):
    assert read("b  1\r\n\r\na\t1\r\n") == ("b", "a")
    assert read("2008_000002 -1\n2008_000007  1\n2008_000008 -1\n") == ("2008_000007",)
    assert read("JPEGImages/a.jpg 1\nJPEGImages/b.jpg -1\n") == ("a",)
    assert read("2007/a 1\n2007/my cat -1\n2007/my dog 1") == ("2007/a", "2007/my dog")
    assert not capsys.readouterr().out
    assert read("a  0\nb  1\nc  0\n") == ("b",)
    assert "mine.txt: 2 images are marked 0, difficult, and left out." in capsys.readouterr().out


def test_a_number_that_belongs_to_the_name_of_a_photograph_is_no_mark(read, devkit):
    assert read("a 1\nb 2\n") == ("a 1", "b 2")
    for name in ("IMG 1.jpg", "IMG 0.jpg", "2007/IMG 1.JPEG"):
        (devkit / "JPEGImages" / name).parent.mkdir(exist_ok=True)
        (devkit / "JPEGImages" / name).touch()
    assert read("IMG 1\nIMG 0\n") == ("IMG 1", "IMG 0")
    assert read("2007/IMG 1\n") == ("2007/IMG 1",)
    assert read("JPEGImages/IMG 1\n/data/JPEGImages/IMG 0\n") == ("IMG 1", "IMG 0")
    assert read("JPEGImages\\2007\\IMG 1\n") == ("2007/IMG 1",)
    assert read("2008/IMG 1\n") == ("2008/IMG",)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"\xef\xbb\xbf\r\n", "is empty"),
        (b"a\nb\na\n", "names a more than once, in the lines 1 and 3"),
        (b"a\n\nJPEGImages/a.jpg\n", "names a more than once, in the lines 1 and 3"),
        (b"a -1\nb 0\n", "marks no image with 1"),
        (b"\xff\xd8\xff\xe0", "is not text"),
        (b"b\0\n\0", "is not text"),
    ],
)
def test_a_bad_list_is_an_error(read, content, says):
    with pytest.raises(DataError, match=rf"mine\.txt {says}"):
        read(content)
