"""Getting VOC and SBD, small ones from a local server."""

import hashlib
import io
import tarfile
from urllib.parse import urlparse

import numpy as np
import pytest
import torchvision.datasets
from PIL import Image
from scipy.io import savemat

from wsss_lib.datasets.classes import VOC
from wsss_lib.datasets.devkit import open_devkit
from wsss_lib.datasets.download import Archive
from wsss_lib.datasets.images import write_mask
from wsss_lib.datasets.lists import read_ids
from wsss_lib.datasets.voc import SOURCES, prepare_voc, shipped_list
from wsss_lib.errors import DataError, DownloadError

#: a and b are VOC's train, c its val; SBD has a, c (also in VOC), d and e.
LISTS = {"train": ("a", "b"), "val": ("c",), "trainaug": ("a", "b", "d", "e")}


def packed(folder, mode):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as tar:
        tar.add(folder, folder.name)
    return buffer.getvalue()


@pytest.fixture
def archives(server, tmp_path, make_devkit):
    """Small archives with the layout of VOC's and SBD's on the server; gives them by vice."""
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

    def make(voc="good", sbd="good"):
        return {
            key: Archive(
                name,
                hashlib.md5(server.files[name]).hexdigest(),
                len(server.files[name]),
                0,
                (server.url(vice, name),),
            )
            for key, name, vice in (("voc", "voc.tar", voc), ("sbd", "sbd.tgz", sbd))
        }

    return make


def test_from_nothing_to_trainaug(archives, tmp_path, capsys):
    assert prepare_voc(tmp_path / "data", sources=archives(), lists=LISTS)
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
    prepare_voc(tmp_path, sources=archives(), lists=LISTS)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    server.requests.clear()
    capsys.readouterr()
    assert prepare_voc(tmp_path, sources=archives(), lists=LISTS)
    assert capsys.readouterr().out.startswith("Nothing to do")
    assert server.requests == []
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == times


def test_a_run_that_was_killed_while_converting_goes_on(archives, server, tmp_path, monkeypatch):
    def write_until_killed(path, mask):
        if path.stem == "e":
            raise KeyboardInterrupt
        write_mask(path, mask)

    with monkeypatch.context() as patch:
        patch.setattr("wsss_lib.datasets.sbd.write_mask", write_until_killed)
        with pytest.raises(KeyboardInterrupt):
            prepare_voc(tmp_path, sources=archives(), lists=LISTS)
    masks = tmp_path / "VOCdevkit" / "VOC2012" / "SegmentationClassAug"
    assert [path.name for path in masks.iterdir()] == ["d.png"]
    write_mask(masks / "d.png", np.full((4, 6), 3, np.uint8))  # must not be made again
    server.requests.clear()
    assert prepare_voc(tmp_path, sources=archives(), lists=LISTS)
    assert server.requests == []
    data = open_devkit("voc", tmp_path, VOC, "trainaug", masks="SegmentationClassAug")
    assert [data.labels(id_) for id_ in data.ids] == [(1,), (2, 7), (3,), (12,)]


def test_a_run_that_was_killed_while_downloading_goes_on(archives, server, tmp_path):
    with pytest.raises(DownloadError, match="it broke off"):
        prepare_voc(tmp_path, sources=archives(voc="dying"), lists=LISTS)
    size = (tmp_path / "voc.tar.part").stat().st_size
    assert size > 0
    server.requests.clear()
    assert prepare_voc(tmp_path, sources=archives(), lists=LISTS)
    assert server.requests == [("good", f"bytes={size}-"), ("good", None)]


def test_a_folder_that_is_there_is_completed_and_kept(archives, server, tmp_path, make_devkit):
    devkit = make_devkit(tmp_path)
    (devkit / "SegmentationClass" / "b.png").unlink()
    (devkit / "JPEGImages" / "a.jpg").write_bytes(b"mine")
    assert prepare_voc(tmp_path, sources=archives(), lists=LISTS)
    assert (devkit / "SegmentationClass" / "b.png").is_file()
    assert (devkit / "JPEGImages" / "d.jpg").is_file()
    assert (devkit / "JPEGImages" / "a.jpg").read_bytes() == b"mine"


def test_masks_of_trainaug_from_elsewhere_need_no_sbd(archives, server, tmp_path):
    prepare_voc(tmp_path, sources=archives(sbd="missing"), lists=LISTS)
    devkit = tmp_path / "VOCdevkit" / "VOC2012"
    for id_ in LISTS["trainaug"]:
        write_mask(devkit / "SegmentationClassAug" / f"{id_}.png", np.zeros((4, 6), np.uint8))
    server.requests.clear()
    assert prepare_voc(tmp_path, sources=archives(sbd="missing"), lists=LISTS)
    assert server.requests == []
    assert (devkit / "ImageSets/Segmentation/trainaug.txt").read_text() == "a\nb\nd\ne\n"


def test_voc_is_usable_without_sbd(archives, tmp_path, capsys):
    assert not prepare_voc(tmp_path, sources=archives(sbd="missing"), lists=LISTS)
    said = capsys.readouterr().out
    assert "HTTP Error 404" in said
    assert "VOC alone is ready" in said
    assert len(open_devkit("voc", tmp_path, VOC, "train")) == 2
    with pytest.raises(DataError, match="No list 'trainaug'"):
        open_devkit("voc", tmp_path, VOC, "trainaug")
    assert prepare_voc(tmp_path, sources=archives(), lists=LISTS)


def test_no_voc_at_all_is_an_error(archives, server, tmp_path):
    with pytest.raises(DownloadError, match=r"voc\.tar could not be fetched"):
        prepare_voc(tmp_path, sources=archives(voc="missing"), lists=LISTS)
    assert [vice for vice, _ in server.requests] == ["missing"]


def test_a_list_that_does_not_fit_is_told_before_any_download(
    archives, server, tmp_path, make_devkit
):
    lists = make_devkit(tmp_path) / "ImageSets" / "Segmentation"
    (lists / "trainaug.txt").write_text("a\nx\n")
    says = r"trainaug.txt names 2 ids, 4 were expected \(3 missing, 1 too many\)"
    with pytest.raises(DataError, match=says):
        prepare_voc(tmp_path, sources=archives(), lists=LISTS)
    assert server.requests == []


def test_a_part_of_voc_that_somebody_chose_is_left_as_it_is(
    archives, server, tmp_path, make_devkit, capsys
):
    lists = make_devkit(tmp_path) / "ImageSets" / "Segmentation"
    (lists / "train.txt").write_text("a\n")
    assert not prepare_voc(tmp_path, sources=archives(), lists=LISTS)
    assert "a part of VOC (1 of the 2 ids of train)" in capsys.readouterr().out
    assert server.requests == []


def test_trainaug_must_come_out_as_the_list_says(archives, tmp_path):
    lists = LISTS | {"trainaug": ("a", "b", "d")}
    with pytest.raises(DataError, match=r"4 ids, 3 were expected \(0 missing, 1 too many\)"):
        prepare_voc(tmp_path, sources=archives(), lists=lists)
    lists = LISTS | {"trainaug": ("a", "b", "d", "e", "f")}
    with pytest.raises(DataError, match="still lacks 1 photographs"):
        prepare_voc(tmp_path, sources=archives(), lists=lists)


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
