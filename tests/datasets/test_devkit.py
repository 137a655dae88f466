"""Lists, photographs, masks and labels of a devkit."""

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import VOCSegmentation

from wsss_lib.datasets import load_dataset
from wsss_lib.datasets.classes import VOC
from wsss_lib.datasets.devkit import (
    DevkitDataset,
    check_readable,
    devkit_folder,
    labels_from_mask,
    labels_from_xml,
    missing_ids,
    open_devkit,
)
from wsss_lib.datasets.images import write_mask
from wsss_lib.errors import DataError, ImageError, MaskError, ParameterError


@pytest.fixture
def devkit(tmp_path, make_devkit):
    """The folder VOC2012 of a devkit below tmp_path: train a and b, val c."""
    return make_devkit(tmp_path)


def test_missing_ids_keep_their_order(tmp_path):
    (tmp_path / "b.png").touch()
    (tmp_path / "c.jpg").touch()
    assert missing_ids(tmp_path, ["c", "b", "a"], ".png") == ["c", "a"]
    assert missing_ids(tmp_path / "none", ["c"], ".png") == ["c"]
    (tmp_path / "2007").mkdir()
    (tmp_path / "2007" / "a.png").touch()
    assert missing_ids(tmp_path, ["2007/a", "2007/b", "2008/a", "a"], ".png") == [
        "2007/b",
        "2008/a",
        "a",
    ]


def write(path, *names, more=""):
    objects = "".join(f"<object><name>{name}</name>{more}</object>" for name in names)
    path.write_text(f"<annotation><folder>VOC2012</folder>{objects}</annotation>")
    return path


@pytest.mark.parametrize(
    ("mask", "labels"), [([[0, 255, 7], [3, 3, 0]], (3, 7)), ([[0, 0]], ()), ([[255]], ())]
)
def test_labels_of_a_mask_leave_out_background_and_void(mask, labels):
    assert labels_from_mask(np.array(mask, np.uint8)) == labels


@pytest.mark.parametrize(
    ("names", "labels"),
    [(["person", "cat", "person", "aeroplane"], (1, 8, 15)), (["person"], (15,)), ([], ())],
)
def test_labels_of_an_annotation_come_once_in_index_order_without_parts(tmp_path, names, labels):
    path = write(tmp_path / "a.xml", *names, more="<part><name>head</name></part>")
    assert labels_from_xml(path, VOC) == labels


@pytest.mark.parametrize("text", ["", "no xml", "<annotation><object>"])
def test_what_is_no_xml_is_an_error(tmp_path, text):
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(DataError, match=r"a\.xml is not a readable XML"):
        labels_from_xml(tmp_path / "a.xml", VOC)


@pytest.mark.parametrize("encoding", ["GBK", "big5", "none-such"])
def test_xml_in_an_encoding_that_is_not_known_is_an_error(tmp_path, encoding):
    text = f'<?xml version="1.0" encoding="{encoding}"?><annotation/>'
    (tmp_path / "a.xml").write_text(text)
    with pytest.raises(DataError, match=r"a\.xml is not a readable XML annotation \(.*encoding"):
        labels_from_xml(tmp_path / "a.xml", VOC)


@pytest.mark.parametrize("name", ["unicorn", "background", ""])
def test_an_unknown_class_is_an_error(tmp_path, name):
    with pytest.raises(DataError, match=r"a\.xml names the class .*aeroplane"):
        labels_from_xml(write(tmp_path / "a.xml", "cat", name), VOC)


def test_a_data_set_is_opened_and_read(devkit, tmp_path):
    data = open_devkit("voc", tmp_path, VOC)
    assert (len(data), data.ids, data.name, data.list_name) == (2, ("a", "b"), "voc", "train")
    sample = data[1]
    assert sample.id == "b"
    assert (sample.image.shape, sample.image.dtype) == ((4, 6, 3), np.uint8)
    np.testing.assert_array_equal(sample.mask[1], [2, 7, 0, 0, 0, 0])
    np.testing.assert_array_equal(sample.mask[3], [255] * 6)
    assert [sample.id for sample in data] == ["a", "b"]
    assert data.subset(["b"]).ids == ("b",)
    other = data.with_list("val")
    assert (other.ids, other.root, other.classes, other.name) == (("c",), tmp_path, VOC, "voc")


def test_the_first_few_images_of_a_list(devkit, tmp_path):
    assert open_devkit("voc", tmp_path, VOC, images=1).ids == ("a",)
    assert open_devkit("voc", tmp_path, VOC, images=9).ids == ("a", "b")


@pytest.mark.parametrize("images", [0, -1])
def test_no_images_is_an_error(devkit, tmp_path, images):
    with pytest.raises(ParameterError, match=f"images={images}"):
        open_devkit("voc", tmp_path, VOC, images=images)


def test_no_devkit_is_an_error_with_the_next_command(tmp_path):
    with pytest.raises(DataError, match=r"No VOC under .*WSSS_DATA.*make data.*DATASET='toy'"):
        open_devkit("voc", tmp_path / "nowhere", VOC)


@pytest.mark.parametrize(
    ("part", "says"),
    [
        ("JPEGImages", r"\(JPEGImages missing\)"),
        ("SegmentationClass", "No folder of masks 'SegmentationClass'"),
        ("ImageSets/Segmentation", "No list 'train' in .*Segmentation; .*one of: none"),
    ],
)
def test_a_devkit_without_a_part_says_which(devkit, tmp_path, part, says):
    (devkit / part).rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match=says):
        open_devkit("voc", tmp_path, VOC)


@pytest.mark.parametrize("place", ["", "VOCdevkit", "VOCdevkit/VOC2012", "VOCdevkit/../"])
def test_a_root_may_be_a_folder_too_deep(devkit, tmp_path, place):
    root = tmp_path / place
    assert devkit_folder(root).resolve() == devkit
    data = load_dataset("voc", root=root)
    assert [sample.id for sample in data] == ["a", "b"]
    assert data.with_list("val").labels("c") == (20,)


@pytest.mark.parametrize("names", [["one"], ["one", "two"]])
def test_of_a_root_that_is_a_folder_too_high_the_right_ones_are_named(
    tmp_path, make_devkit, monkeypatch, names
):
    monkeypatch.chdir(tmp_path)
    for name in names:
        make_devkit(tmp_path / name)
    says = rf"There is one in {' and in '.join(names)}: name that folder\..*--data or WSSS_DATA"
    with pytest.raises(DataError, match=says):
        load_dataset("voc", root=tmp_path)
    own = make_devkit(tmp_path)
    assert devkit_folder(tmp_path) == own


def test_ids_in_sub_folders_and_with_spaces_are_read_and_their_absence_is_told(devkit, tmp_path):
    for folder, ending in (("JPEGImages", ".jpg"), ("SegmentationClass", ".png")):
        for old, new in (("a", "2007/a"), ("b", "2008/my b")):
            (devkit / folder / new).parent.mkdir(exist_ok=True)
            (devkit / folder / f"{old}{ending}").rename(devkit / folder / f"{new}{ending}")
    lists = devkit / "ImageSets/Segmentation"
    (lists / "train.txt").write_text("2007/a\n2008/my b\n")
    data = load_dataset("voc", root=tmp_path)
    assert [data.labels(id_) for id_ in data.ids] == [(1,), (2, 7)]
    assert [sample.id for sample in data] == ["2007/a", "2008/my b"]
    (lists / "train.txt").write_text("2007/a\n2008/my cat\n")
    with pytest.raises(DataError, match=r"1 of the 2 ids .*\(first: 2008/my cat\.jpg\)") as error:
        load_dataset("voc", root=tmp_path)
    assert "names of photographs without their ending" in str(error.value)
    assert "VOC" not in str(error.value).replace("VOCdevkit/VOC2012", "")


@pytest.mark.parametrize(
    ("id_", "advice"),
    [("2007_000032", "make data DATASET=voc"), ("toy_000001", "Delete the toy set")],
)
def test_of_voc_and_toy_it_is_known_how_to_get_a_missing_photograph(devkit, tmp_path, id_, advice):
    (devkit / "ImageSets/Segmentation/train.txt").write_text(f"a\n{id_}\n")
    with pytest.raises(DataError, match=advice):
        load_dataset("voc", root=tmp_path)


@pytest.mark.parametrize("id_", ["2007_000032", "2024_123456"])
def test_a_data_set_with_classes_of_its_own_is_never_half_of_voc(devkit, tmp_path, id_):
    (devkit / "classes.txt").write_text("background\nleaf\n")
    (devkit / "ImageSets/Segmentation/train.txt").write_text(f"a\n{id_}\n")
    with pytest.raises(DataError, match=r"no photograph .*without their ending") as error:
        load_dataset("voc", root=tmp_path)
    assert "make data" not in str(error.value)


@pytest.mark.parametrize(
    ("file", "error", "says"),
    [
        ("JPEGImages/b.jpg", DataError, r"no photograph .*\(first: b\.jpg\)"),
        ("SegmentationClass/b.png", MaskError, r"no mask .*\(first: b\.png\).*--masks"),
    ],
)
def test_an_id_without_a_file_is_an_error_at_once(devkit, tmp_path, file, error, says):
    (devkit / file).unlink()
    with pytest.raises(error, match=rf"1 of the 2 ids .*{says}"):
        open_devkit("voc", tmp_path, VOC)
    assert open_devkit("voc", tmp_path, VOC, images=1).ids == ("a",)


ENDINGS = [".JPG", ".jpeg", ".JPEG", ".png", ".PNG", ".tif", ".TIFF", ".bmp", ".webp"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_photograph_may_have_another_ending(devkit, tmp_path, ending):
    red = np.full((4, 6, 3), (200, 30, 40), np.uint8)
    (devkit / "JPEGImages" / "b.jpg").unlink()
    path = devkit / "JPEGImages" / f"b{ending}"
    Image.fromarray(red).save(path)
    data = open_devkit("voc", tmp_path, VOC)
    assert data.image_path("b") == path
    assert abs(data[1].image.astype(int) - red).max() < 8
    assert data[0].id == "a"


def test_ids_may_have_dots_and_folders(devkit, tmp_path):
    for part, ending in (("JPEGImages", ".jpg"), ("SegmentationClass", ".png")):
        (devkit / part / "trip").mkdir()
        (devkit / part / f"a{ending}").rename(devkit / part / "trip" / f"a.1{ending}")
    (tmp_path / "mine.txt").write_text("trip/a.1\nb\n")
    data = open_devkit("voc", tmp_path, VOC, str(tmp_path / "mine.txt"))
    assert data.image_path("trip/a.1").name == "a.1.jpg"
    assert data[0].mask.shape == (4, 6)
    (devkit / "JPEGImages" / "trip" / "a.1.jpg").unlink()
    with pytest.raises(DataError, match=r"1 of the 2 ids .*first: trip/a\.1\.jpg"):
        data.check_files()


def test_a_mask_in_capitals_is_found(devkit, tmp_path):
    masks = devkit / "SegmentationClass"
    (masks / "a.png").rename(masks / "a.PNG")
    assert set(np.unique(open_devkit("voc", tmp_path, VOC)[0].mask)) == {0, 1, 255}


@pytest.mark.parametrize("more", ["a.JPG", "a.png", "a.tif"])
def test_two_photographs_of_an_id_are_an_error(devkit, tmp_path, more):
    (devkit / "JPEGImages" / "a.txt").touch()  # no photograph
    open_devkit("voc", tmp_path, VOC)
    (devkit / "JPEGImages" / more).touch()
    first, second = sorted(["a.jpg", more])
    with pytest.raises(DataError, match=rf"1 ids have more .*first: {first} and {second}\)"):
        open_devkit("voc", tmp_path, VOC)


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("JPEGImages/b.jpg", "JPEGImages/b.heic", DataError),
        ("JPEGImages/b.jpg", "JPEGImages/b.nef", DataError),
        ("SegmentationClass/b.png", "SegmentationClass/b.jpg", MaskError),
        ("SegmentationClass/b.png", "SegmentationClass/b.npy", MaskError),
    ],
)
def test_a_file_of_another_kind_is_named(devkit, tmp_path, old, new, error):
    (devkit / old).rename(devkit / new)
    with pytest.raises(error, match=rf"{Path(new).name} lies there, .* must end in one of \.") as e:
        open_devkit("voc", tmp_path, VOC)
    assert "make data" not in str(e.value)


def test_a_photograph_is_found_without_a_look_at_the_whole_folder(devkit, tmp_path, monkeypatch):
    (devkit / "JPEGImages" / "b.jpg").rename(devkit / "JPEGImages" / "b.JPEG")
    data = open_devkit("voc", tmp_path, VOC)
    for look in ("listdir", "scandir"):
        monkeypatch.setattr(os, look, None)
    assert [data.image_path(id_).name for id_ in data.ids] == ["a.jpg", "b.JPEG"]


def test_masks_come_from_any_folder(devkit, tmp_path):
    for folder, label in ((devkit / "SegmentationClassAug", 3), (tmp_path / "mine", 4)):
        for id_ in "ab":
            write_mask(folder / f"{id_}.png", np.full((4, 6), label, np.uint8))
    for masks, label in (("SegmentationClassAug", 3), (str(tmp_path / "mine"), 4)):
        data = open_devkit("voc", tmp_path, VOC, masks=masks)
        assert (data[0].mask == label).all()
    with pytest.raises(DataError, match="No folder of masks 'nowhere'"):
        open_devkit("voc", tmp_path, VOC, masks="nowhere")


def test_a_mask_of_another_size_is_an_error(devkit, tmp_path):
    write_mask(devkit / "SegmentationClass" / "a.png", np.zeros((6, 4), np.uint8))
    data = open_devkit("voc", tmp_path, VOC)
    with pytest.raises(MaskError, match=r"a\.png is 4 x 6 pixels, its image 6 x 4"):
        data.sample("a")
    assert data.sample("b").mask.shape == (4, 6)


@pytest.mark.parametrize(
    ("a", "b", "says"),
    [
        ((0, 255), (0, 255), r"background \(0\) and void \(255\)"),
        ((0, 0), (255, 255), r"background \(0\) and void \(255\)"),
        ((0, 0), (0, 0), r"background \(0\), no object"),
        ((255, 255), (255, 255), r"void \(255\), no object"),
        ((0, 255), None, r"background \(0\) and void \(255\)"),
    ],
)
@pytest.mark.parametrize("need_masks", [True, False])
def test_masks_without_any_object_are_an_error(devkit, tmp_path, a, b, says, need_masks):
    for id_, values in {"a": a, "b": b}.items():
        path = devkit / "SegmentationClass" / f"{id_}.png"
        if values is None:
            path.write_bytes(b"no picture")
        else:
            write_mask(path, np.resize(np.uint8(values), (4, 6)))
    with pytest.raises(MaskError, match=rf"list 'train' .* nothing but {says}.*write 1 instead"):
        open_devkit("voc", tmp_path, VOC, need_masks=need_masks)


@pytest.mark.parametrize("values", [(0, 255), (0, 0), (255, 255)])
def test_one_image_without_an_object_is_harmless(devkit, tmp_path, values):
    write_mask(devkit / "SegmentationClass" / "a.png", np.resize(np.uint8(values), (4, 6)))
    data = open_devkit("voc", tmp_path, VOC)
    assert [data.labels(id_) for id_ in data.ids] == [(), (2, 7)]
    assert open_devkit("voc", tmp_path, VOC, images=1).labels("a") == ()


def test_one_object_is_enough_to_open_a_data_set(devkit, tmp_path, monkeypatch):
    data = open_devkit("voc", tmp_path, VOC)
    read = []
    monkeypatch.setattr(DevkitDataset, "mask", lambda self, id_: read.append(id_) or np.ones(1))
    assert open_devkit("voc", tmp_path, VOC).ids == data.ids
    assert read == ["a"]
    (devkit / "SegmentationClass" / "a.png").unlink()
    assert open_devkit("voc", tmp_path, VOC, need_masks=False).ids == data.ids
    assert read == ["a", "b"]


@pytest.mark.parametrize(("orientation", "turns"), [(6, -1), (8, 1), (3, 2)])
def test_a_mask_belongs_to_the_upright_photograph(devkit, tmp_path, orientation, turns):
    path, exif = devkit / "JPEGImages" / "a.jpg", Image.Exif()
    upright = open_devkit("voc", tmp_path, VOC).image("a")
    exif[0x0112] = orientation
    Image.fromarray(np.rot90(upright, -turns)).save(path.with_suffix(".png"), exif=exif)
    path.unlink()
    data = open_devkit("voc", tmp_path, VOC)
    np.testing.assert_array_equal(data.sample("a").image, upright)
    mask = np.rot90(data.mask("a"), -turns)
    write_mask(devkit / "SegmentationClass" / "a.png", mask)
    if turns == 2:  # of the same size: nothing tells that it lies on its head
        assert data.sample("a").mask.shape == (4, 6)
    else:
        with pytest.raises(
            MaskError, match=r"4 x 6 pixels, its image 6 x 4.*fits .* before .*EXIF"
        ):
            data.sample("a")


def test_labels_come_from_annotations_where_there_are_some_and_else_from_masks(devkit, tmp_path):
    data = open_devkit("voc", tmp_path, VOC)
    assert data.label_source == "mask"
    assert [data.labels(id_) for id_ in data.ids] == [(1,), (2, 7)]
    matrix = data.label_matrix()
    assert (matrix.shape, matrix.dtype) == ((2, 20), np.float32)
    assert [list(np.flatnonzero(row) + 1) for row in matrix] == [[1], [2, 7]]
    (devkit / "Annotations").mkdir()
    assert data.label_source == "mask"
    write(devkit / "Annotations" / "a.xml", "tvmonitor")
    assert data.label_source == "xml and mask"
    assert [data.labels(id_) for id_ in data.ids] == [(20,), (2, 7)]
    write(devkit / "Annotations" / "b.xml", "tvmonitor")
    assert data.label_source == "xml"
    assert data.labels("b") == (20,)


def test_masks_may_be_missing_where_they_are_not_needed_but_no_photograph(devkit, tmp_path):
    (devkit / "SegmentationClass" / "b.png").unlink()
    (devkit / "Annotations").mkdir()
    write(devkit / "Annotations" / "b.xml", "sofa")
    data = load_dataset("voc", root=tmp_path, need_masks=False)
    assert [data.labels(id_) for id_ in data.ids] == [(1,), (18,)]
    with pytest.raises(MaskError, match=r"No mask .*b\.png"):
        data.sample("b")
    (devkit / "Annotations" / "b.xml").unlink()
    with pytest.raises(DataError, match=r"labels of b: neither .*b\.xml nor .*b\.png is there"):
        data.label_matrix()
    (devkit / "JPEGImages" / "b.jpg").unlink()
    with pytest.raises(DataError, match="no photograph"):
        load_dataset("voc", root=tmp_path, need_masks=False)


@pytest.mark.parametrize(("name", "count"), [("train", 296), ("val", 58)])
def test_real_images_are_those_that_torchvision_reads(voc_root, name, count):
    data = open_devkit("voc", voc_root, VOC, name)
    theirs = VOCSegmentation(str(voc_root), year="2012", image_set=name)
    assert len(data) == len(theirs) == count
    for i in range(0, count, 13):
        image, mask = theirs[i]
        np.testing.assert_array_equal(data[i].image, np.array(image.convert("RGB")))
        np.testing.assert_array_equal(data[i].mask, np.array(mask))


def test_real_labels_are_as_frequent_as_counted_elsewhere(voc_root):
    data = open_devkit("voc", voc_root, VOC, "train")
    counts = dict(zip(VOC.names[1:], data.label_matrix().sum(axis=0), strict=True))
    known = {"cat": 86, "dog": 82, "cow": 45, "horse": 45, "sheep": 39, "person": 53}
    assert {name: counts[name] for name in known} == known
    assert data.label_source == "mask"


def test_real_augmented_masks_are_voc_s_own_on_train(voc_root):
    augmented = open_devkit("voc", voc_root, VOC, "trainaug", masks="SegmentationClassAug")
    train = open_devkit("voc", voc_root, VOC, "train")
    assert len(augmented) == 684
    assert set(train.ids) < set(augmented.ids)
    id_ = train.ids[0]
    np.testing.assert_array_equal(augmented.mask(id_), train.mask(id_))


def test_good_files_pass(squares):
    check_readable(squares, masks=True)


def test_all_bad_photographs_are_named_and_masks_only_if_asked_for(few_squares):
    good, *bad = few_squares.ids
    for id_ in bad:
        few_squares.image_path(id_).write_bytes(b"no picture")
    few_squares.mask_path(good).write_bytes(b"no picture")
    named = rf"{bad[0]}, {bad[1]}\. The first: .*{bad[0]}\.jpg"
    with pytest.raises(ImageError, match=rf"^2 of 3 images cannot be read: {named}"):
        check_readable(few_squares)
    named = rf"{good}, {bad[0]}, {bad[1]}\. The first: .*{good}\.png"
    with pytest.raises(DataError, match=rf"^3 of 3 images with their masks .*: {named}"):
        check_readable(few_squares, masks=True)
