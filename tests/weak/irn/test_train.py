import json
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from wsss_lib.checkpoints import write_checkpoint
from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.datasets.images import write_mask
from wsss_lib.errors import DataError, MaskError, ParameterError, WeightsError
from wsss_lib.files import sha256
from wsss_lib.weak.irn import train
from wsss_lib.weak.irn.network import edge_map
from wsss_lib.weak.irn.train import (
    EDGE_IMAGES,
    AffinityCrops,
    EdgeSettings,
    load_edges,
    train_irn,
    trained_edges,
)
from wsss_lib.weak.seeds import Localiser


class Gradient(SimpleNamespace):
    """Five images: red grows from left to right, green downwards; one of them is the label."""

    ids = tuple("abcde")

    def __getitem__(self, index):
        rows, cols = np.indices((50, 61), np.uint8)
        image = np.stack([4 * cols, 4 * rows, 0 * rows], -1)
        return SimpleNamespace(image=image, mask=image[..., self.channel])


@pytest.fixture
def make():
    def make(channel=0, *, crop, epoch):
        return AffinityCrops(Gradient(channel=channel), EdgeSettings(crop=crop), 0, epoch)

    return make


@pytest.mark.parametrize("channel", [0, 1])
@pytest.mark.parametrize("crop", [32, 80])
def test_labels_lie_on_what_they_label(make, channel, crop):
    for epoch in range(6):
        shown, valid, labels = make(channel, crop=crop, epoch=epoch)[0]
        assert (shown.dtype, valid.dtype, labels.dtype) == (np.uint8, bool, np.uint8)
        inside = valid[2::4, 2::4]
        colours = shown[2::4, 2::4, channel].astype(int)
        assert inside.any()
        assert (np.abs(colours - labels)[inside] <= 6).all()
        assert (labels[~inside] == 255).all()
        assert not shown[~valid].any()


def test_sizes_are_half_to_one_and_a_half(make):
    sides = [make(crop=100, epoch=epoch)[0][1].any(0).sum() for epoch in range(100)]
    assert 30 <= min(sides) <= 34
    assert 88 <= max(sides) <= 92


class Stopped(Exception):
    """Somebody pulled the plug."""


@pytest.fixture
def small(checkpoints):
    weights = str(checkpoints.plain)
    return EdgeSettings(crop=48, batch=4, epochs=2, radius=3, weights=weights)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("WSSS_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def true_labels(monkeypatch):
    """The ground truth takes the place of affinity labels: edges are sure to be found then."""
    monkeypatch.setattr(train, "make_affinity_labels", lambda dataset, *_: dataset.mask_folder)


@pytest.fixture
def no_training(monkeypatch):
    """Trainings are asked for, but none takes place: their settings and batches."""
    seen = []

    def training(_network, _settings, batches, _losses, _path, record, **_more):
        seen.append((record["setting"], batches))
        return SimpleNamespace(run=lambda: None)

    monkeypatch.setattr(train, "Training", training)
    return seen


def history_of(path):
    return json.loads(torch.load(path, weights_only=True)["history"])


def test_it_learns_where_labels_change(squares, localiser, small, true_labels):
    path = train_irn(squares, localiser, replace(small, epochs=5))
    losses = [row["loss"] for row in history_of(path)]
    assert len(losses) == 5
    assert losses[-1] < 0.9 * losses[0]
    network = load_edges(path).network
    assert not network.training
    on, off = [], []
    for sample in squares.subset(squares.ids[:4]):
        edges = edge_map(network, sample.image)
        small = sample.mask[2::4, 2::4]
        border = np.zeros(small.shape, bool)
        border[1:] |= small[1:] != small[:-1]
        border[:, 1:] |= small[:, 1:] != small[:, :-1]
        on.append(edges[border])
        off.append(edges[~border])
    assert np.concatenate(on).mean() > 1.2 * np.concatenate(off).mean()


def test_the_backbone_below_is_frozen(checkpoints):
    kept = torch.load(checkpoints.edges, weights_only=True)
    below = torch.load(checkpoints.plain, weights_only=True)["network"]
    below = {name: value for name, value in below.items() if name.startswith("backbone.")}
    assert all(torch.equal(kept["network"][name], value) for name, value in below.items())
    assert kept["setting"]["weights"]["sha256"] == sha256(checkpoints.plain)


def test_a_stopped_training_ends_in_the_same_bytes(
    squares, localiser, small, true_labels, tmp_path, monkeypatch
):
    eight = squares.subset(squares.ids[:8])
    whole = train_irn(eight, localiser, small)
    monkeypatch.setenv("WSSS_CACHE", str(tmp_path / "another"))
    read, left = DevkitDataset.image, iter(range(8 + 5))  # one batch of the second epoch is done

    def image(self, id_):
        if next(left, None) is None:
            raise Stopped
        return read(self, id_)

    with monkeypatch.context() as patch:
        patch.setattr(DevkitDataset, "image", image)
        with pytest.raises(Stopped):
            train_irn(eight, localiser, small)
    path = tmp_path / "another/weights" / whole.name
    assert len(history_of(path)) == 1
    with pytest.raises(WeightsError, match=r"stopped after epoch 1 of 2\. .*'wsss train irn'"):
        load_edges(path)
    assert train_irn(eight, localiser, small) == path
    assert path.read_bytes() == whole.read_bytes()


def test_a_finished_training_is_not_repeated(squares, checkpoints, small, no_training, monkeypatch):
    monkeypatch.setenv("WSSS_CACHE", str(checkpoints.edges.parents[1]))
    localiser = Localiser(checkpoints.plain, scales=(1.0,))
    path = train_irn(squares, localiser, replace(small, crop=32, epochs=1))
    assert path == checkpoints.edges
    assert path.name.startswith("toy-irn-resnet10-")
    assert not no_training


@pytest.mark.parametrize("crop", [48, 64])
def test_small_images_are_padded_to_the_crops_of_the_training(
    checkpoints, tmp_path, monkeypatch, crop
):
    content = torch.load(checkpoints.edges, weights_only=True)
    setting = content["setting"] | {"irn": content["setting"]["irn"] | {"crop": crop}}
    write_checkpoint(tmp_path / "other.pth", content | {"setting": setting})
    other, own = (load_edges(path).network for path in (tmp_path / "other.pth", checkpoints.edges))
    assert (other.crop, own.crop) == (crop, 32)
    image = np.random.default_rng(0).integers(0, 256, (33, 40, 3), dtype=np.uint8)
    bare = edge_map(own, image)  # it is larger than 32 x 32
    assert np.abs(edge_map(other, image) - bare).max() > 1e-5
    monkeypatch.setattr(own, "crop", crop)
    np.testing.assert_allclose(edge_map(own, image), edge_map(other, image), atol=1e-6)


def test_what_matters_gives_another_checkpoint(
    squares, localiser, checkpoints, small, true_labels, no_training
):
    sipe = Localiser(checkpoints.sipe, (1.0,))
    paths = [
        train_irn(squares, localiser, small),
        train_irn(squares, localiser, small, seed=1),
        train_irn(squares, localiser, replace(small, radius=4)),
        train_irn(squares, localiser, replace(small, weights=str(checkpoints.sipe))),
        train_irn(squares, sipe, small),
        train_irn(squares.subset(squares.ids[:8]), localiser, small),
    ]
    assert len(set(paths)) == 6


def test_crops_show_affinity_labels(squares, localiser, small, no_training, monkeypatch, tmp_path):
    for id_ in squares.ids:
        write_mask(tmp_path / "made" / id_, np.full((40, 52), 4))
    monkeypatch.setattr(train, "make_affinity_labels", lambda *_: tmp_path / "made")
    train_irn(squares, localiser, small)
    ((_, batches),) = no_training
    first, second = ([labels for _, _, labels in batches(epoch)] for epoch in (0, 1))
    assert [labels.shape for labels in first] == [(4, 12, 12)] * 3
    assert set(torch.cat(first).unique().tolist()) == {4, 255}  # 255 beyond the image
    assert not torch.equal(torch.cat(first), torch.cat(second))


FROM_MASKS = EdgeSettings(crop=48, batch=4, epochs=2, radius=3, weights="random")


@pytest.fixture
def pseudo(squares, tmp_path):
    """Four of `squares` with masks in a folder that may be changed: 4, but void on the left."""
    four = replace(squares.subset(squares.ids[:4]), masks=str(tmp_path / "pseudo"))
    for id_ in four.ids:
        mask = np.full((40, 52), 4, np.uint8)
        mask[:, :26] = 255
        write_mask(tmp_path / "pseudo" / id_, mask)
    return four


def test_crops_show_the_masks_where_no_maps_are_asked_for(pseudo, no_training, monkeypatch):
    monkeypatch.setattr(train, "make_affinity_labels", None)
    assert train_irn(pseudo, None, FROM_MASKS).name.startswith("toy-irn-efficientnet_lite0-")
    ((setting, batches),) = no_training
    assert list(setting) == ["dataset", "files_sha256", "backbone", "weights", "irn", "seed"]
    ((_, valid, labels),) = batches(0)
    inside = valid[:, 2::4, 2::4]
    assert set(labels[inside].unique().tolist()) == {4, 255}
    assert set(labels[~inside].unique().tolist()) <= {255}


def test_the_checkpoint_is_of_what_the_masks_hold_not_of_where_they_are(
    pseudo, no_training, tmp_path
):
    first = train_irn(pseudo, None, FROM_MASKS)
    shutil.copytree(tmp_path / "pseudo", tmp_path / "copy")
    assert train_irn(replace(pseudo, masks=str(tmp_path / "copy")), None, FROM_MASKS) == first
    mask = pseudo.mask(pseudo.ids[3])
    mask[20, 40] = 0
    write_mask(tmp_path / "copy" / pseudo.ids[3], mask)
    assert train_irn(replace(pseudo, masks=str(tmp_path / "copy")), None, FROM_MASKS) != first


def test_affinity_labels_stand_in_the_setting_as_they_always_did(
    squares, localiser, small, true_labels, no_training
):
    """A key too many would give all checkpoints other names."""
    train_irn(squares, localiser, small)
    ((setting, _),) = no_training
    what = ["dataset", "labels", "images_sha256", "backbone", "weights", "irn", "seed"]
    assert list(setting) == what


def test_the_backbone_below_may_be_named(pseudo, no_training):
    train_irn(pseudo, None, FROM_MASKS, backbone="resnet18")
    ((setting, _),) = no_training
    assert setting["backbone"] == "resnet18"


@pytest.mark.parametrize(
    ("mask", "error", "said"),
    [
        (None, MaskError, r"1 of the 4 ids .* \(first: square_02\.png\).*--labels"),
        (np.ones((40, 51)), DataError, r"square_02\.png is 51 x 40 pixels, its image 52 x 40"),
        (np.full((40, 52), 77), DataError, r"square_02\.png holds the value 77; expected 0 to"),
    ],
)
def test_bad_masks_are_named_before_the_training(pseudo, no_training, mask, error, said):
    pseudo.mask_path("square_02").unlink()
    if mask is not None:
        write_mask(pseudo.mask_folder / "square_02", mask)
    with pytest.raises(error, match=said):
        train_irn(pseudo, None, FROM_MASKS)
    assert not no_training


@pytest.mark.parametrize(
    ("dataset", "images", "count"),
    [("toy", None, EDGE_IMAGES["toy"]), ("voc", None, None), ("toy", 7, 7)],
)
def test_as_many_images_are_learnt_from_as_are_enough(
    squares, localiser, monkeypatch, dataset, images, count
):
    opened, settings = replace(squares, name=dataset), EdgeSettings(epochs=2)
    monkeypatch.setattr(train, "training_images", lambda *given, **which: (*given, which))
    monkeypatch.setattr(train, "train_irn", lambda *given, **where: (given, where))
    given, where = trained_edges(opened, localiser, settings, images=images)
    assert given == ((opened, {"images": count, "need_masks": False}), localiser, settings)
    assert where == {"device": "cpu", "workers": None}


def test_the_frozen_backbone_is_of_the_kind_and_the_data_of_the_images(
    squares, localiser, true_labels, no_training, monkeypatch
):
    asked, choose = [], train.choose_backbone

    def chosen(*given, **where):
        asked.append((*given, where))
        return choose(squares, "resnet18", "random")

    monkeypatch.setattr(train, "choose_backbone", chosen)
    train_irn(squares, localiser)
    assert asked == [(squares, "resnet10", "trained", {"device": "cpu"})]


def test_a_device_that_is_not_there_is_refused_before_labels_are_made(squares, localiser):
    with pytest.raises(ParameterError, match="device='banana'"):
        train_irn(squares, localiser, device="banana")


@pytest.mark.parametrize(
    "changes", [{"crop": 30}, {"crop": 32, "radius": 5}, {"crop": 64, "radius": 1}]
)
def test_crops_that_do_not_fit_the_radius_are_refused_at_once(squares, changes):
    with pytest.raises(ParameterError, match=f"crop={changes['crop']}, radius=.*2 x radius - 1"):
        train_irn(squares, None, EdgeSettings(**changes))
