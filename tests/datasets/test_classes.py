"""Class names and the palette."""

import numpy as np
import pytest

from wsss_lib.datasets import load_dataset
from wsss_lib.datasets.classes import VOC, palette, read_classes
from wsss_lib.errors import DataError, ParameterError


def test_voc_has_twenty_classes_and_background():
    assert len(VOC) == len(VOC.names) == len(VOC.short) == 21
    assert (VOC.names[0], VOC.short[0]) == ("background", "bkg")
    assert list(VOC.names[1:]) == sorted(VOC.names[1:])  # VOC's indices follow the alphabet


@pytest.mark.parametrize(
    ("name", "index"), [("background", 0), ("cat", 8), ("tvmonitor", 20), ("bkg", 0), ("tv", 20)]
)
def test_a_class_is_found_by_its_full_and_its_short_name(name, index):
    assert VOC.index(name) == index


def test_an_unknown_class_is_an_error_that_lists_the_known_ones():
    with pytest.raises(ParameterError, match=r"No class 'unicorn'.*aeroplane"):
        VOC.index("unicorn")


def test_the_palette_is_voc_s():
    colours = palette()
    assert (colours.shape, colours.dtype) == ((256, 3), np.uint8)
    assert len(np.unique(colours, axis=0)) == 256
    known = {0: (0, 0, 0), 1: (128, 0, 0), 8: (64, 0, 0), 15: (192, 128, 128), 20: (0, 64, 128)}
    for label, colour in known.items():
        assert tuple(colours[label]) == colour
    assert tuple(colours[255]) == (224, 224, 192)


@pytest.mark.parametrize(
    "content",
    [
        "background\n\n red square \nblue square\n",
        "\ufeffbackground\r\nred square\r\nblue square  ",
        "background\n\ufeffred square\t\nblue square\n",  # two files with marks put together
        "0 background\n1 red square\n2 blue square\n",
        "0: _background_\n1: red square\n2: blue square\n",
        "0,Background\n1,red square\n2,blue square\n",
        "BKG\nred square\nblue square\n",
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_somebodys_own_classes_stand_in_a_file_a_line_each(tmp_path, content, encoding):
    (tmp_path / "classes.txt").write_bytes(content.encode(encoding))
    classes = read_classes(tmp_path / "classes.txt")
    assert classes.names == classes.short == ("background", "red square", "blue square")


def test_numbers_that_belong_to_names_stay(tmp_path):
    (tmp_path / "classes.txt").write_text("background\n2 wheels\n3 wheels\n")
    assert read_classes(tmp_path / "classes.txt").names == ("background", "2 wheels", "3 wheels")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"background\n", "names 1 classes"),
        (b"background, cat, dog\n", "names 1 classes"),
        (b"background\ncat\ncat \n", "names 3 classes, 'cat' twice"),
        (b"".join(b"class %d\n" % n for n in range(256)), "256 classes"),
        (b"\xff\xfe", "names 0 classes"),
        (b"background\nK\xfche\n", "not text in UTF-8.*save it again"),
        ("background\ncat\n".encode("utf-16-le"), "not text"),
        (b"cat\nbackground\n", "begins with 'cat'; 'background' was expected there"),
        (b"cat\ndog\n", "begins with 'cat'; 'background' was expected there"),
        (b"background\ncat\nbkg\n", "expected there, and nowhere else"),
        (b"1 background\n2 cat\n", "begins with '1 background'.*must count from 0"),
        (b"0 background\n2 cat\n", "begins with '0 background'.*must count from 0"),
        (b"0 cat\n1 background\n", "begins with 'cat'"),
    ],
)
def test_a_bad_file_of_classes_is_told(tmp_path, content, found):
    (tmp_path / "classes.txt").write_bytes(content)
    with pytest.raises(DataError, match=found):
        read_classes(tmp_path / "classes.txt")


def test_a_data_set_in_voc_layout_may_bring_its_own_classes(few_squares):
    (few_squares.devkit / "classes.txt").write_text("background\nred\nblue\n")
    own = load_dataset("voc", root=few_squares.root)
    assert own.classes.names == ("background", "red", "blue")
    assert [own.labels(id_) for id_ in own.ids[:2]] == [(1, 2), (2,)]


@pytest.mark.parametrize("place", [".", "VOCdevkit"])
def test_classes_beside_the_devkit_are_not_passed_over(few_squares, place):
    stray = few_squares.root / place / "classes.txt"
    stray.write_text("background\nred\nblue\n")
    with pytest.raises(
        DataError, match=r"classes\.txt is not where it is read; put it into .*VOC2012"
    ):
        load_dataset("voc", root=stray.parent)
    (few_squares.devkit / "classes.txt").write_text("background\nred\ngreen\n")
    assert load_dataset("voc", root=stray.parent).classes.names[2] == "green"
