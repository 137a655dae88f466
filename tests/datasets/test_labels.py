"""Image-level labels."""

import numpy as np
import pytest

from wsss_lib.datasets.classes import VOC
from wsss_lib.datasets.labels import labels_from_mask, labels_from_xml
from wsss_lib.errors import DataError


def write(path, *names, more=""):
    objects = "".join(f"<object><name>{name}</name>{more}</object>" for name in names)
    path.write_text(f"<annotation><folder>VOC2012</folder>{objects}</annotation>")
    return path


def test_labels_of_a_mask_leave_out_background_and_void():
    assert labels_from_mask(np.array([[0, 255, 7], [3, 3, 0]], np.uint8)) == (3, 7)


@pytest.mark.parametrize("value", [0, 255])
def test_a_mask_without_objects_has_no_labels(value):
    assert labels_from_mask(np.full((2, 2), value, np.uint8)) == ()


def test_labels_of_an_annotation_come_once_and_in_index_order(tmp_path):
    path = write(tmp_path / "a.xml", "person", "cat", "person", "aeroplane")
    assert labels_from_xml(path, VOC) == (1, 8, 15)


def test_parts_of_persons_are_no_objects(tmp_path):
    path = write(tmp_path / "a.xml", "person", more="<part><name>head</name></part>")
    assert labels_from_xml(path, VOC) == (15,)


def test_an_annotation_without_objects_has_no_labels(tmp_path):
    assert labels_from_xml(write(tmp_path / "a.xml"), VOC) == ()


@pytest.mark.parametrize("text", ["", "no xml", "<annotation><object>"])
def test_what_is_no_xml_is_an_error(tmp_path, text):
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(DataError, match=r"a\.xml is no readable XML"):
        labels_from_xml(tmp_path / "a.xml", VOC)


@pytest.mark.parametrize("name", ["unicorn", "background", ""])
def test_an_unknown_class_is_an_error(tmp_path, name):
    with pytest.raises(DataError, match=r"a\.xml names the class .*aeroplane"):
        labels_from_xml(write(tmp_path / "a.xml", "cat", name), VOC)
