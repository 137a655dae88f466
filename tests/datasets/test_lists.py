"""Id lists."""

import pytest

from wsss_lib.datasets.lists import missing_ids, read_ids
from wsss_lib.errors import DataError


@pytest.fixture
def devkit(tmp_path):
    (tmp_path / "ImageSets" / "Segmentation").mkdir(parents=True)
    (tmp_path / "ImageSets" / "Segmentation" / "train.txt").write_text("2007_01\n2007_02\n")
    return tmp_path


def test_a_list_is_read_by_name(devkit):
    assert read_ids(devkit, "train") == ("2007_01", "2007_02")


def test_a_list_is_read_by_file(devkit, tmp_path):
    (tmp_path / "mine").write_bytes(b"\r\nb  1\r\n\r\na\t1\r\n")  # columns as in ImageSets/Main
    assert read_ids(devkit, str(tmp_path / "mine")) == ("b", "a")


def test_an_unknown_list_is_an_error_that_names_the_known_ones(devkit):
    with pytest.raises(DataError, match=r"No list 'trainaug'.*one of: train\."):
        read_ids(devkit, "trainaug")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"\n \n", "is empty"),
        (b"a\nb\na\n", "names a more than once"),
        (b"\xff\xd8\xff\xe0", "is no text"),
    ],
)
def test_a_bad_list_is_an_error(devkit, tmp_path, content, says):
    (tmp_path / "bad.txt").write_bytes(content)
    with pytest.raises(DataError, match=rf"bad\.txt {says}"):
        read_ids(devkit, str(tmp_path / "bad.txt"))


def test_missing_ids_keep_their_order(tmp_path):
    (tmp_path / "b.png").touch()
    (tmp_path / "c.jpg").touch()
    assert missing_ids(tmp_path, ["c", "b", "a"], ".png") == ["c", "a"]
    assert missing_ids(tmp_path / "none", ["c"], ".png") == ["c"]
