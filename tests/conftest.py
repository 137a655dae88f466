"""Fixtures shared by all tests."""

import os
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

os.environ.setdefault("WSSS_WORKERS", "1")  # two pytest processes are busy already


@pytest.fixture(scope="session")
def voc_root() -> Path:
    """The folder of a genuine part of PASCAL VOC 2012 (it holds ``VOCdevkit/``)."""
    if not os.environ.get("WSSS_TEST_VOC"):
        pytest.skip("WSSS_TEST_VOC is not set: it names the folder of a real VOCdevkit")
    return Path(os.environ["WSSS_TEST_VOC"]).resolve()


@pytest.fixture(scope="session")
def squares(tmp_path_factory):
    """Twelve images of red squares (class 1) and blue ones (class 2), under the toy set's names.

    The first image of train has both, the second a blue one, the third none. Not to be changed.
    """
    from wsss_lib.datasets import load_dataset
    from wsss_lib.datasets.images import write_mask

    root = tmp_path_factory.mktemp("squares")
    devkit = root / "VOCdevkit" / "VOC2012"
    for part in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (devkit / part).mkdir(parents=True)
    rng = np.random.default_rng(0)
    ids = [f"square_{number:02}" for number in range(14)]
    for number, id_ in enumerate(ids):
        image = rng.integers(90, 120, (40, 52, 3), dtype=np.uint8)
        mask = np.zeros((40, 52), np.uint8)
        for label in {0: (1, 2), 2: ()}.get(number, (1 + number % 2,)):
            row, col = rng.integers(0, 22), rng.integers(0, 8) + 26 * (label - 1)
            place = slice(row, row + 18), slice(col, col + 18)
            mask[place] = label
            image[place] = (230, 20, 20) if label == 1 else (20, 20, 230)
        Image.fromarray(image).save(devkit / "JPEGImages" / f"{id_}.jpg")
        write_mask(devkit / "SegmentationClass" / f"{id_}.png", mask)
    for name, members in {"train": ids[:12], "val": ids[12:]}.items():
        text = "".join(f"{id_}\n" for id_ in members)
        (devkit / "ImageSets" / "Segmentation" / f"{name}.txt").write_text(text)
    return load_dataset("toy", root=root)


@pytest.fixture
def few_squares(squares, tmp_path, monkeypatch):
    """The first three of `squares`, in a copy that may be changed, and a cache of their own."""
    from wsss_lib.datasets import load_dataset

    monkeypatch.setenv("WSSS_CACHE", str(tmp_path / "cache"))
    shutil.copytree(squares.root, tmp_path / "few")
    return load_dataset("toy", root=tmp_path / "few", images=3)


@pytest.fixture
def annotate():
    """Says in XML which labels an image has, and takes its mask away."""

    def annotate_(dataset, id_):
        names = (dataset.classes.names[label] for label in dataset.labels(id_))
        objects = "".join(f"<object><name>{name}</name></object>" for name in names)
        path = dataset.devkit / "Annotations" / f"{id_}.xml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"<annotation>{objects}</annotation>")
        dataset.mask_path(id_).unlink()

    return annotate_


@pytest.fixture
def tiny(tmp_path):
    """A devkit of four images of 24 x 32 pixels; the classes differ a little in colour."""
    from wsss_lib.datasets.classes import ClassSet
    from wsss_lib.datasets.devkit import open_devkit
    from wsss_lib.datasets.images import write_mask

    devkit = tmp_path / "VOCdevkit" / "VOC2012"
    for part in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (devkit / part).mkdir(parents=True)
    rng = np.random.default_rng(0)
    ids = [f"tiny_{number}" for number in range(4)]
    for number, id_ in enumerate(ids):
        mask = np.zeros((24, 32), np.uint8)
        mask[:, : 8 + number] = 1
        mask[16:, 12:] = 2 if number % 2 else 0
        mask[0] = 255
        image = rng.normal(100, 25, (24, 32, 3)) + 40 * np.where(mask == 255, 0, mask)[..., None]
        Image.fromarray(image.clip(0, 255).astype(np.uint8)).save(devkit / f"JPEGImages/{id_}.jpg")
        write_mask(devkit / "SegmentationClass" / id_, mask)
    (devkit / "ImageSets/Segmentation/train.txt").write_text("\n".join(ids) + "\n")
    classes = ClassSet(("background", "left", "low"), ("bkg", "left", "low"))
    return open_devkit("tiny", tmp_path, classes)


@pytest.fixture(scope="session")
def checkpoints(squares, tmp_path_factory) -> SimpleNamespace:
    """Trained on `squares` for a moment: ``plain``, ``sipe`` and ``edges``, a path each."""
    from wsss_lib.classify.sipe import SIPESettings
    from wsss_lib.classify.train import ClassifierSettings, train_classifier
    from wsss_lib.weak.irn.train import EdgeSettings, train_irn
    from wsss_lib.weak.seeds import Localiser

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WSSS_CACHE", str(tmp_path_factory.mktemp("checkpoints")))
        settings = ClassifierSettings(
            backbone="resnet10",
            weights="random",
            batch=4,
            crop=32,
            epochs=3,
            lr=1e-3,
            head_factor=1,
        )
        plain = train_classifier(squares, settings, val_list=None)
        settings = replace(settings, epochs=1, weights=str(plain))
        sipe = train_classifier(squares, settings, sipe=SIPESettings(), val_list=None)
        settings = EdgeSettings(batch=4, crop=32, epochs=1, weights=str(plain), radius=3)
        edges = train_irn(squares, Localiser(plain, scales=(1.0,)), settings)
    return SimpleNamespace(plain=plain, sipe=sipe, edges=edges)


@pytest.fixture(scope="session")
def pretrained_file(tmp_path_factory) -> Path:
    """A file of a ResNet-18's weights: what comes from one counts as pretrained."""
    import torch

    from wsss_lib.classify.backbones import build_backbone

    path = tmp_path_factory.mktemp("weights") / "some.pth"
    torch.save(build_backbone("resnet18").body.state_dict(), path)
    return path
