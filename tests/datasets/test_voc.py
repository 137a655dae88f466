"""Getting VOC and trainaug, with SBD's masks."""

import hashlib
import io
import tarfile
from urllib.parse import urlparse

import numpy as np
import pytest
import torchvision.datasets
from PIL import Image
from scipy.io import savemat
from torchvision.datasets import SBDataset

from wsss_lib.datasets.classes import VOC, palette
from wsss_lib.datasets.devkit import open_devkit
from wsss_lib.datasets.download import Archive
from wsss_lib.datasets.images import read_mask, write_mask
from wsss_lib.datasets.lists import read_ids
from wsss_lib.datasets.voc import (
    SOURCES,
    make_masks,
    prepare_voc,
    read_sbd_mask,
    shipped_list,
)
from wsss_lib.errors import DataError, DownloadError, MaskError

#: The head of a file of MATLAB's that holds HDF5.
MATLAB_7_3 = b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM" + bytes(384)


@pytest.fixture
def sbd(tmp_path):
    """A folder in SBD's layout with two annotated images."""
    for folder in ("cls", "img"):
        (tmp_path / "sbd" / folder).mkdir(parents=True)
    for id_, label in (("a", 5), ("b", 20)):
        content = {"Segmentation": np.array([[0, label, 0]] * 2, np.uint8)}
        savemat(tmp_path / "sbd" / "cls" / f"{id_}.mat", {"GTcls": content})
        Image.new("RGB", (3, 2)).save(tmp_path / "sbd" / "img" / f"{id_}.jpg")
    (tmp_path / "sbd" / "train.txt").write_text("a\nb\n")
    return tmp_path / "sbd"


def test_masks_are_those_that_torchvision_reads(sbd):
    theirs = SBDataset(str(sbd), image_set="train", mode="segmentation")
    for i, id_ in enumerate("ab"):
        mask = read_sbd_mask(sbd / "cls" / f"{id_}.mat")
        assert mask.dtype == np.uint8
        np.testing.assert_array_equal(mask, np.array(theirs[i][1]))
    assert mask.max() == 20


def test_converted_masks_are_palette_pngs_of_the_same_indices(sbd, tmp_path):
    make_masks(["a", "b"], sbd / "cls", tmp_path / "png", ".mat")
    assert sorted(p.name for p in (tmp_path / "png").iterdir()) == ["a.png", "b.png"]
    with Image.open(tmp_path / "png" / "b.png") as image:
        assert image.mode == "P"
        np.testing.assert_array_equal(np.array(image.convert("RGB"))[0, 1], palette()[20])
    np.testing.assert_array_equal(read_mask(tmp_path / "png" / "a.png", 21)[1], [0, 5, 0])


def test_one_bad_file_does_not_stop_the_others(sbd, tmp_path):
    (sbd / "cls" / "a.mat").write_bytes((sbd / "cls" / "a.mat").read_bytes()[:150])
    with pytest.raises(DataError, match=r"2 masks of .*cls failed") as error:
        make_masks(["a", "gone", "b"], sbd / "cls", tmp_path / "png", ".mat")
    assert "a.mat is not a readable annotation" in str(error.value)
    assert "gone.mat is not a readable annotation" in str(error.value)
    assert [p.name for p in (tmp_path / "png").iterdir()] == ["b.png"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"GTcls": {"Segmentation": np.full((2, 2), 21, np.uint8)}}, "values up to 21"),
        ({"GTcls": {"Segmentation": np.zeros((2, 2, 3), np.uint8)}}, r"shape \(2, 2, 3\)"),
        ({"GTinst": 1}, "not a readable annotation"),
        ({"GTcls": 1}, "not a readable annotation"),
        ({"GTcls": {"Boundaries": 1}}, "not a readable annotation"),
        (b"", "not a readable annotation"),
        (b"text", "not a readable annotation"),
        (bytes(600), "not a readable annotation"),
        (MATLAB_7_3, r"x\.mat is a MATLAB file of version 7\.3.*'-v7'"),
        (MATLAB_7_3 + b"\x89HDF\r\n\x1a\n" + bytes(64), r"version 7\.3"),
    ],
)
def test_what_is_no_annotation_is_named(tmp_path, content, says):
    if isinstance(content, bytes):
        (tmp_path / "x.mat").write_bytes(content)
    else:
        savemat(tmp_path / "x.mat", content)
    with pytest.raises(MaskError, match=says):
        read_sbd_mask(tmp_path / "x.mat")


def test_copies_are_the_same_bytes_and_leave_no_temporary_files(tmp_path):
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / "a.png").write_bytes(b"any bytes")
    with pytest.raises(DataError, match=r"1 masks of .*from failed"):
        make_masks(["gone", "a"], tmp_path / "from", tmp_path / "to", ".png")
    assert [p.name for p in (tmp_path / "to").iterdir()] == ["a.png"]
    assert (tmp_path / "to" / "a.png").read_bytes() == b"any bytes"


def packed(folder, mode):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:
        tar.add(folder, folder.name)
    return buffer.getvalue()


@pytest.fixture
def archives(server, tmp_path, make_devkit, monkeypatch):
    """Puts small archives with the layout of VOC's and SBD's behind vices of the server.

    a and b are VOC's train, c its val; SBD has a, c (also in VOC), d and e. Gives a function that
    chooses the vices and the ids of trainaug.
    """
    devkit = make_devkit(tmp_path / "made")
    for id_ in "de":
        Image.new("RGB", (6, 4)).save(devkit / "JPEGImages" / f"{id_}.jpg")
    sbd = tmp_path / "made" / "benchmark_RELEASE" / "dataset"
    (sbd / "cls").mkdir(parents=True)
    for id_, label in zip("acde", (9, 10, 11, 12), strict=True):
        mask = np.full((4, 6), label, np.uint8)
        savemat(sbd / "cls" / f"{id_}.mat", {"GTcls": {"Segmentation": mask}})
    (sbd / "train.txt").write_text("a\nd")
    (sbd / "val.txt").write_text("c\ne\n")
    server.files["voc.tar"] = packed(devkit.parent, "w")
    server.files["sbd.tgz"] = packed(sbd.parent, "w:gz")

    def choose(voc="good", sbd="good", trainaug="abde"):
        for key, name, vice in (("voc", "voc.tar", voc), ("sbd", "sbd.tgz", sbd)):
            data = server.files[name]
            addresses = (server.url(vice, name),)
            archive = Archive(name, hashlib.md5(data).hexdigest(), len(data), 0, addresses)
            monkeypatch.setitem(SOURCES, key, archive)
        lists = {"train": tuple("ab"), "val": ("c",), "trainaug": tuple(trainaug)}
        monkeypatch.setattr("wsss_lib.datasets.voc.shipped_list", lists.get)

    choose()
    return choose


def test_from_nothing_to_trainaug(archives, tmp_path, capsys):
    prepare_voc(tmp_path / "data")
    assert "complete (2 train, 1 val, 4 trainaug)" in capsys.readouterr().out
    data = open_devkit("voc", tmp_path / "data", VOC, "trainaug", masks="SegmentationClassAug")
    assert data.ids == ("a", "b", "d", "e")
    assert [data.labels(id_) for id_ in data.ids] == [(1,), (2, 7), (11,), (12,)]
    own = data.devkit / "SegmentationClass"
    for id_ in "abc":  # VOC's own, void and all, though SBD has a and c too
        assert data.mask_path(id_).read_bytes() == (own / f"{id_}.png").read_bytes()
    assert (data.mask("a") == 255).sum() == 6
    assert not list((tmp_path / "data").rglob(".*"))


def test_a_second_run_does_nothing_and_says_so(archives, server, tmp_path, capsys):
    prepare_voc(tmp_path)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    server.requests.clear()
    capsys.readouterr()
    prepare_voc(tmp_path)
    assert "complete (2 train, 1 val, 4 trainaug)" in capsys.readouterr().out
    assert server.requests == []
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == times


def test_a_run_that_was_killed_while_converting_goes_on(archives, server, tmp_path, monkeypatch):
    def write_until_killed(path, mask):
        if path.stem == "e":
            raise KeyboardInterrupt
        write_mask(path, mask)

    with monkeypatch.context() as patch:
        patch.setattr("wsss_lib.datasets.voc.write_mask", write_until_killed)
        with pytest.raises(KeyboardInterrupt):
            prepare_voc(tmp_path)
    masks = tmp_path / "VOCdevkit" / "VOC2012" / "SegmentationClassAug"
    assert [path.name for path in masks.iterdir()] == ["d.png"]
    write_mask(masks / "d.png", np.full((4, 6), 3, np.uint8))  # must not be made again
    server.requests.clear()
    prepare_voc(tmp_path)
    assert server.requests == []
    data = open_devkit("voc", tmp_path, VOC, "trainaug", masks="SegmentationClassAug")
    assert [data.labels(id_) for id_ in data.ids] == [(1,), (2, 7), (3,), (12,)]


def test_a_run_that_was_killed_while_downloading_goes_on(archives, server, tmp_path):
    archives(voc="dying")
    with pytest.raises(DownloadError, match="it broke off"):
        prepare_voc(tmp_path)
    archives()
    size = (tmp_path / "voc.tar.part").stat().st_size
    assert size > 0
    server.requests.clear()
    prepare_voc(tmp_path)
    assert server.requests == [("good", f"bytes={size}-"), ("good", None)]


def test_a_folder_that_is_there_is_completed_and_kept(archives, server, tmp_path, make_devkit):
    devkit = make_devkit(tmp_path)
    (devkit / "SegmentationClass" / "b.png").unlink()
    (devkit / "JPEGImages" / "a.jpg").write_bytes(b"mine")
    prepare_voc(tmp_path)
    assert (devkit / "SegmentationClass" / "b.png").is_file()
    assert (devkit / "JPEGImages" / "d.jpg").is_file()
    assert (devkit / "JPEGImages" / "a.jpg").read_bytes() == b"mine"


def test_masks_of_trainaug_from_elsewhere_need_no_sbd(archives, server, tmp_path):
    archives(sbd="missing")
    prepare_voc(tmp_path)
    devkit = tmp_path / "VOCdevkit" / "VOC2012"
    for id_ in "abde":
        write_mask(devkit / "SegmentationClassAug" / f"{id_}.png", np.zeros((4, 6), np.uint8))
    server.requests.clear()
    prepare_voc(tmp_path)
    assert server.requests == []
    assert (devkit / "ImageSets/Segmentation/trainaug.txt").read_text() == "a\nb\nd\ne\n"


def test_voc_is_usable_without_sbd(archives, tmp_path, capsys):
    archives(sbd="missing")
    prepare_voc(tmp_path)
    said = capsys.readouterr().out
    assert "HTTP Error 404" in said
    assert "VOC alone is ready" in said
    assert len(open_devkit("voc", tmp_path, VOC, "train")) == 2
    with pytest.raises(DataError, match="No list 'trainaug'"):
        open_devkit("voc", tmp_path, VOC, "trainaug")
    archives()
    prepare_voc(tmp_path)
    assert "is complete" in capsys.readouterr().out


def test_no_voc_at_all_is_an_error(archives, server, tmp_path):
    archives(voc="missing")
    with pytest.raises(DownloadError, match=r"voc\.tar could not be fetched"):
        prepare_voc(tmp_path)
    assert [vice for vice, _ in server.requests] == ["missing"]


def test_a_list_that_does_not_fit_is_an_error_before_any_download(
    archives, server, tmp_path, make_devkit
):
    lists = make_devkit(tmp_path) / "ImageSets" / "Segmentation"
    (lists / "trainaug.txt").write_text("a\nx\n")
    with pytest.raises(DataError, match=r"2 ids, 4 were expected \(3 missing, 1 too many\)"):
        prepare_voc(tmp_path)
    assert server.requests == []


def test_a_part_of_voc_that_somebody_chose_is_left_as_it_is(
    archives, server, tmp_path, make_devkit, capsys
):
    lists = make_devkit(tmp_path) / "ImageSets" / "Segmentation"
    (lists / "train.txt").write_text("a\n")
    prepare_voc(tmp_path)
    assert "a part of VOC (1 of the 2 ids of train)" in capsys.readouterr().out
    assert server.requests == []


@pytest.mark.parametrize("place", ["VOCdevkit", "VOCdevkit/VOC2012"])
def test_a_folder_below_the_one_that_holds_the_devkit_will_do(
    archives, server, tmp_path, make_devkit, place
):
    devkit = make_devkit(tmp_path / "data")
    prepare_voc(tmp_path / "data" / place)
    assert (devkit / "ImageSets/Segmentation/trainaug.txt").read_text() == "a\nb\nd\ne\n"
    folders = [path.parent for path in tmp_path.rglob("JPEGImages")]
    assert sorted(folders) == sorted([devkit, *(tmp_path / "made").rglob("VOC2012")])


@pytest.mark.parametrize("names", ["background\nleaf\n", "\ufeff0 background\n1 leaf\n"])
def test_somebodys_own_data_set_is_left_as_it_is(
    archives, server, tmp_path, make_devkit, capsys, names
):
    devkit = make_devkit(tmp_path)
    (devkit / "classes.txt").write_text(names)
    prepare_voc(tmp_path)
    assert "has classes of its own. It is used as it is" in capsys.readouterr().out
    assert server.requests == []


@pytest.mark.parametrize(
    ("trainaug", "says"),
    [
        ("abd", r"4 ids, 3 were expected \(0 missing, 1 too many\)"),
        ("abdef", "still lacks 1 photographs"),
    ],
)
def test_trainaug_must_come_out_as_the_list_says(archives, tmp_path, trainaug, says):
    archives(trainaug=trainaug)
    with pytest.raises(DataError, match=says):
        prepare_voc(tmp_path)


def test_shipped_lists_are_those_of_the_literature():
    train, val, trainaug = map(shipped_list, ("train", "val", "trainaug"))
    assert (len(train), len(val), len(trainaug)) == (1464, 1449, 10582)
    assert len(set(trainaug)) == 10582
    assert set(train) < set(trainaug)
    assert not set(val) & set(trainaug)
    assert trainaug == tuple(sorted(trainaug))


def test_real_lists_are_parts_of_the_shipped_ones(voc_root):
    for name in ("train", "val", "trainaug"):
        assert set(read_ids(voc_root / "VOCdevkit" / "VOC2012", name)) < set(shipped_list(name))


def test_sources_are_torchvisions_and_more():
    theirs = torchvision.datasets.voc.DATASET_YEAR_DICT["2012"]
    sbd = torchvision.datasets.SBDataset
    assert (SOURCES["voc"].md5, SOURCES["voc"].name) == (theirs["md5"], theirs["filename"])
    assert (SOURCES["sbd"].md5, SOURCES["sbd"].name) == (sbd.md5, sbd.filename)
    assert sbd.url in SOURCES["sbd"].addresses
    for archive in SOURCES.values():
        hosts = [urlparse(address).netloc for address in archive.addresses]
        assert len(set(hosts)) == len(hosts) >= 2
        assert all(address.endswith(f"/{archive.name}") for address in archive.addresses)
