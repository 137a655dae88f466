"""SBD's masks and the list trainaug."""

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat
from torchvision.datasets import SBDataset

from wsss_lib.datasets.classes import palette
from wsss_lib.datasets.images import read_mask
from wsss_lib.datasets.sbd import convert_masks, copy_masks, read_sbd_mask, trainaug_ids
from wsss_lib.errors import DataError, MaskError


def save(path, segmentation):
    savemat(path, {"GTcls": {"Segmentation": segmentation, "CategoriesPresent": [1]}})


@pytest.fixture
def sbd(tmp_path):
    """A folder in SBD's layout with two annotated images."""
    for folder in ("cls", "img"):
        (tmp_path / "sbd" / folder).mkdir(parents=True)
    for id_, label in (("a", 5), ("b", 20)):
        save(tmp_path / "sbd" / "cls" / f"{id_}.mat", np.array([[0, label, 0]] * 2, np.uint8))
        Image.new("RGB", (3, 2)).save(tmp_path / "sbd" / "img" / f"{id_}.jpg")
    (tmp_path / "sbd" / "train.txt").write_text("a\nb\n")
    return tmp_path / "sbd"


def test_trainaug_is_train_and_sbd_without_val():
    ids = trainaug_ids(voc_train=["t", "both"], voc_val=["v", "w"], sbd=["s", "both", "v"])
    assert ids == ("both", "s", "t")


def test_masks_are_those_that_torchvision_reads(sbd):
    theirs = SBDataset(str(sbd), image_set="train", mode="segmentation")
    for i, id_ in enumerate("ab"):
        mask = read_sbd_mask(sbd / "cls" / f"{id_}.mat")
        assert mask.dtype == np.uint8
        np.testing.assert_array_equal(mask, np.array(theirs[i][1]))
    assert mask.max() == 20


def test_converted_masks_are_palette_pngs_of_the_same_indices(sbd, tmp_path):
    convert_masks(["a", "b"], sbd / "cls", tmp_path / "png")
    assert sorted(p.name for p in (tmp_path / "png").iterdir()) == ["a.png", "b.png"]
    with Image.open(tmp_path / "png" / "b.png") as image:
        assert image.mode == "P"
        np.testing.assert_array_equal(np.array(image.convert("RGB"))[0, 1], palette()[20])
    np.testing.assert_array_equal(read_mask(tmp_path / "png" / "a.png", 21)[1], [0, 5, 0])


def test_one_bad_file_does_not_stop_the_others(sbd, tmp_path):
    (sbd / "cls" / "a.mat").write_bytes((sbd / "cls" / "a.mat").read_bytes()[:150])
    with pytest.raises(DataError, match=r"2 SBD masks failed") as error:
        convert_masks(["a", "gone", "b"], sbd / "cls", tmp_path / "png")
    assert "a.mat is no readable annotation" in str(error.value)
    assert "gone.mat is no readable annotation" in str(error.value)
    assert [p.name for p in (tmp_path / "png").iterdir()] == ["b.png"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"GTcls": {"Segmentation": np.full((2, 2), 21, np.uint8)}}, "values up to 21"),
        ({"GTcls": {"Segmentation": np.zeros((2, 2, 3), np.uint8)}}, r"shape \(2, 2, 3\)"),
        ({"GTinst": 1}, "no readable annotation"),
        ({"GTcls": 1}, "no readable annotation"),
        ({"GTcls": {"Boundaries": 1}}, "no readable annotation"),
    ],
)
def test_what_is_no_annotation_is_named(tmp_path, content, says):
    savemat(tmp_path / "x.mat", content)
    with pytest.raises(MaskError, match=says):
        read_sbd_mask(tmp_path / "x.mat")


@pytest.mark.parametrize("garbage", [b"", b"text", bytes(600)])
def test_garbage_is_named(tmp_path, garbage):
    (tmp_path / "x.mat").write_bytes(garbage)
    with pytest.raises(MaskError, match="no readable annotation"):
        read_sbd_mask(tmp_path / "x.mat")


def test_copies_are_the_same_bytes_and_leave_no_temporary_files(tmp_path):
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / "a.png").write_bytes(b"any bytes")
    with pytest.raises(DataError, match="1 VOC masks failed"):
        copy_masks(["gone", "a"], tmp_path / "from", tmp_path / "to")
    assert [p.name for p in (tmp_path / "to").iterdir()] == ["a.png"]
    assert (tmp_path / "to" / "a.png").read_bytes() == b"any bytes"
