"""Training the segmentation network: crops, checkpoints, resuming, and what is refused."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from wsss_lib.classify.backbones import build_backbone
from wsss_lib.datasets.classes import ClassSet
from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.datasets.images import write_mask
from wsss_lib.errors import DataError, DivergedError, ParameterError, WeightsError
from wsss_lib.metrics import confusion_matrix, iou, mean_iou
from wsss_lib.segmentation import train
from wsss_lib.segmentation.network import CaffeBackbone, DeepLabV2
from wsss_lib.segmentation.segmenter import load_segmenter
from wsss_lib.segmentation.train import (
    PRESETS,
    SegmentationCrops,
    SegmenterSettings,
    train_segmenter,
)


class Gradient:
    """Five images; red grows from left to right, and so does the mask."""

    ids = tuple("abcde")

    def __getitem__(self, index):
        rows, cols = np.indices((50, 61), np.uint8)
        image = np.stack([4 * cols, 4 * rows, 0 * rows], -1)
        return SimpleNamespace(image=image, mask=4 * cols)


@pytest.fixture
def make():
    def make(crop=33, factors=(1.0,), seed=0, epoch=0):
        settings = SegmenterSettings(crop=crop, factors=factors, batch=2)
        return SegmentationCrops(Gradient(), settings, seed, epoch)

    return make


@pytest.mark.parametrize("crop", [33, 90])
def test_masks_lie_on_what_they_label_and_are_void_beyond(make, crop):
    for epoch in range(6):
        shown, valid, mask = make(crop=crop, factors=(0.5, 1.0, 1.5), epoch=epoch)[0]
        assert shown.shape == (crop, crop, 3)
        assert valid.shape == mask.shape == (crop, crop)
        assert (shown.dtype, valid.dtype, mask.dtype) == (np.uint8, bool, np.uint8)
        assert (np.abs(shown[..., 0].astype(int) - mask)[valid] <= 6).all()
        assert (mask[~valid] == 255).all()
        assert not shown[~valid].any()


def test_every_factor_is_drawn(make):
    widths = {
        make(crop=100, factors=(0.5, 1.0, 1.5), epoch=epoch)[0][1].any(0).sum()
        for epoch in range(30)
    }
    assert widths == {30, 61, 92}


def test_crops_come_from_seed_epoch_and_image_alone(make):
    first = [part.numpy() for part in next(iter(make().batches()))]
    for part, same in zip(first, next(iter(make().batches())), strict=True):
        np.testing.assert_array_equal(part, same)
    for changes in ({"seed": 1}, {"epoch": 1}):
        assert not np.array_equal(next(iter(make(**changes).batches()))[0], first[0])


class Stopped(Exception):
    """Somebody pulled the plug."""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("WSSS_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def no_training(monkeypatch):
    """Trainings are asked for, but none takes place: their networks, batches and records."""
    seen = []

    def training(network, settings, batches, _losses, _path, record, *_more):
        seen.append(SimpleNamespace(network=network, batches=batches, **record))
        return SimpleNamespace(run=lambda: None)

    monkeypatch.setattr(train, "Training", training)
    return seen


def weights_of(path):
    return torch.load(path, weights_only=True)["network"]


def test_the_loss_falls_and_is_noted_with_the_scores(squares, trained):
    assert trained.name.startswith("toy-deeplab-resnet10-")
    history = load_segmenter(trained).history
    assert list(history) == ["epoch", "loss", "mean_iou", *squares.classes.names]
    assert history.epoch.tolist() == [1, 2, 3]
    assert history.loss.iloc[-1] < 0.7 * history.loss.iloc[0]


def test_the_last_scores_are_those_of_the_trained_network(squares, trained):
    segmenter = load_segmenter(trained)
    n_classes = len(squares.classes)
    confusion = sum(
        confusion_matrix(sample.mask, segmenter.mask(sample.image), n_classes)
        for sample in map(squares.sample, ("square_12", "square_13"))
    )
    last = segmenter.history.iloc[-1]
    assert last["mean_iou"] == pytest.approx(mean_iou(confusion))
    np.testing.assert_allclose(last[list(squares.classes.names)].astype(float), iou(confusion))


def test_a_stopped_training_ends_in_the_same_bytes(squares, small, tmp_path, monkeypatch):
    eight, small = squares.subset(squares.ids[:8]), replace(small, epochs=2, optimiser="sgd")
    whole = train_segmenter(eight, small, val_list=None)
    monkeypatch.setenv("WSSS_CACHE", str(tmp_path / "another"))
    read, left = DevkitDataset.image, iter(range(8 + 8 + 5))  # checked; one batch of the second

    def image(self, id_):
        if next(left, None) is None:
            raise Stopped
        return read(self, id_)

    with monkeypatch.context() as patch:
        patch.setattr(DevkitDataset, "image", image)
        with pytest.raises(Stopped):
            train_segmenter(eight, small, val_list=None)
    path = tmp_path / "another/weights" / whole.name
    assert torch.load(path, weights_only=True)["epoch"] == 1
    with pytest.raises(WeightsError, match=r"stopped after epoch 1 of 2\. .* segmenter'"):
        load_segmenter(path)
    assert train_segmenter(eight, small, val_list=None) == path
    assert path.read_bytes() == whole.read_bytes()


def test_scored_lists_and_reading_processes_change_nothing(squares, small, tmp_path, monkeypatch):
    eight = squares.subset(squares.ids[:8])
    alone = train_segmenter(eight, small, val_list=None)
    monkeypatch.setenv("WSSS_CACHE", str(tmp_path / "another"))
    scored = train_segmenter(eight, small, workers=1)
    assert scored.name == alone.name
    expected = weights_of(alone)
    assert all(torch.equal(value, expected[key]) for key, value in weights_of(scored).items())


@pytest.mark.parametrize(
    ("accumulate", "sizes"), [(1, [4]), (2, [2, 2]), (3, [2, 2]), (4, [1] * 4)]
)
def test_a_batch_is_learnt_part_by_part(squares, small, monkeypatch, accumulate, sizes):
    """The loss that is noted is the mean of the parts', each a mean over its own cells."""
    losses, seen, noted = DeepLabV2.losses, [], []

    def watched(network, x, labels):
        found = losses(network, x, labels)
        seen.append(len(x))
        noted.append(found["cross_entropy"].item())
        return found

    monkeypatch.setattr(DeepLabV2, "losses", watched)
    four = squares.subset(squares.ids[:4])
    path = train_segmenter(four, replace(small, accumulate=accumulate), val_list=None)
    assert seen == sizes
    assert load_segmenter(path).history.loss.tolist() == pytest.approx([np.mean(noted)])


def test_what_matters_gives_another_checkpoint(few_squares, checkpoints, small, no_training):
    paths = [
        train_segmenter(few_squares, small),
        train_segmenter(few_squares, small, seed=1),
        train_segmenter(few_squares, replace(small, rates=(1, 2))),
        train_segmenter(few_squares, replace(small, accumulate=2)),
        train_segmenter(few_squares, replace(small, weights=str(checkpoints.sipe))),
        train_segmenter(few_squares.subset(few_squares.ids[:2]), small),
    ]
    first = few_squares.ids[0]
    write_mask(few_squares.mask_path(first), np.full((40, 52), 2))
    paths.append(train_segmenter(few_squares, small))
    few_squares.image_path(first).write_bytes(
        few_squares.image_path(few_squares.ids[1]).read_bytes()
    )
    paths.append(train_segmenter(few_squares, small))
    assert len(set(paths)) == len(paths)


@pytest.mark.parametrize("epochs", [1, 2])
def test_a_training_that_diverges_is_not_kept(squares, small, tmp_path, epochs):
    wild = replace(small, lr=1e30, epochs=epochs, clip_norm=float("inf"))
    with pytest.raises(
        DivergedError, match=r"diverged(: .* rate 1e\+30\. Nothing is kept|\. Train)"
    ):
        train_segmenter(squares.subset(squares.ids[:4]), wild)
    assert not list((tmp_path / "cache").rglob("*.pth"))


@pytest.mark.parametrize("change", ["fewer", "more", "reordered"])
def test_a_training_of_the_same_masks_for_other_classes_is_named(squares, small, change):
    few, names = squares.subset(squares.ids[:4]), squares.classes.names
    path = train_segmenter(few, small, val_list=None)
    names = {
        "fewer": names[:-1],
        "more": (*names, "thing"),
        "reordered": (*names[:-2], names[-1], names[-2]),
    }[change]
    other, whole = replace(few, classes=ClassSet(names, names)), path.read_bytes()
    with pytest.raises(WeightsError, match=rf"\(of 7\) and .* \(of {len(names)}\)\. Use"):
        train_segmenter(other, small, val_list=None)
    assert path.read_bytes() == whole
    with pytest.raises(WeightsError, match="was trained for other classes"):
        load_segmenter(path, dataset=other)
    assert load_segmenter(path, dataset=few).classes == squares.classes.names


def test_a_checkpoint_that_was_cut_off_is_trained_again(squares, small):
    few = squares.subset(squares.ids[:4])
    path = train_segmenter(few, small, val_list=None)
    whole = path.read_bytes()
    path.write_bytes(whole[:-500])
    assert train_segmenter(few, small, val_list=None) == path
    assert path.read_bytes() == whole


def test_the_folder_of_masks_is_what_is_learnt_from(few_squares, small, no_training, tmp_path):
    for id_ in few_squares.ids:
        write_mask(tmp_path / "pseudo" / f"{id_}.png", np.full((40, 52), 4))
    train_segmenter(replace(few_squares, masks=str(tmp_path / "pseudo")), small)
    (asked,) = no_training
    (batch,) = asked.batches(0)
    assert set(batch[2].unique().tolist()) <= {4, 255}
    assert asked.source == {"list": "train", "masks": "pseudo", "val": "val"}
    assert isinstance(asked.network, DeepLabV2)
    assert asked.network.aspp.branches[0].out_channels == len(few_squares.classes)


def test_the_first_weights_may_be_a_classifiers(
    squares, checkpoints, small, no_training, monkeypatch
):
    asked = []

    def classifier(*given, **how):
        asked.append((*given, how))
        return checkpoints.plain

    monkeypatch.setattr(train, "choose_classifier", classifier)
    train_segmenter(squares, replace(small, weights="trained"))
    train_segmenter(squares, small)
    assert asked == [(squares, "trained", "resnet10", {"device": "cpu"})]
    assert no_training[0].setting["weights"] == no_training[1].setting["weights"]
    assert no_training[0].setting["layout"] == "torchvision"


@pytest.mark.parametrize("part", ["image", "mask"])
def test_missing_files_are_told_before_the_training(few_squares, small, no_training, part):
    path = getattr(few_squares, f"{part}_path")(few_squares.ids[1])
    path.unlink()
    with pytest.raises(DataError, match=rf"1 of the 3 ids .* \(first: {path.name}\)"):
        train_segmenter(few_squares, small)
    assert not no_training


def test_all_bad_files_of_both_lists_are_told_before_the_training(few_squares, small, no_training):
    first, second, _ = few_squares.ids
    few_squares.image_path(first).write_bytes(b"no picture")
    write_mask(few_squares.mask_path(second), np.zeros((40, 51)))
    few_squares.mask_path("square_13").write_bytes(b"no picture")
    with pytest.raises(DataError) as error:
        train_segmenter(few_squares, small)
    assert str(error.value).startswith(
        f"3 of 5 images with their masks cannot be read: {first}, {second}, square_13. The first: "
    )
    assert not no_training


def test_a_mask_that_goes_bad_under_a_reading_process_is_a_sentence(
    few_squares, small, monkeypatch
):
    run = train.Training.run

    def damaged(training):
        few_squares.mask_path(few_squares.ids[1]).write_bytes(b"no picture")
        run(training)

    monkeypatch.setattr(train.Training, "run", damaged)
    with pytest.raises(DataError) as error:
        train_segmenter(few_squares, small, val_list=None, workers=1)
    expected = f"1 of 3 images with their masks cannot be read: {few_squares.ids[1]}. "
    assert str(error.value).startswith(expected)
    assert "Traceback" not in str(error.value)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"factors": ()}, r"factors=\(\)"),
        ({"rates": (0, 2)}, r"rates=\(0, 2\)"),
        ({"accumulate": 0}, "accumulate=0; it must be positive"),
        ({"backbone": "vgg", "weights": "random"}, "'vgg'.*resnet101"),
    ],
)
def test_wrong_settings_are_named(squares, changes, text):
    with pytest.raises(ParameterError, match=text):
        train_segmenter(squares, SegmenterSettings(**changes))


def test_the_voc_preset_is_the_published_one():
    voc = PRESETS["voc"]
    assert (voc.backbone, voc.weights, voc.optimiser) == ("resnet101", "imagenet", "sgd")
    assert (voc.lr, voc.head_factor, voc.momentum, voc.weight_decay) == (2.5e-4, 10, 0.9, 5e-4)
    assert (voc.power, voc.clip_norm, voc.rates) == (0.9, float("inf"), (6, 12, 18, 24))
    assert (voc.crop, voc.factors) == (321, (0.5, 0.75, 1.0, 1.25, 1.5))
    assert (voc.batch, voc.accumulate) == (10, 2)
    steps = voc.epochs * (10582 // voc.batch)
    assert abs(steps - 20_000) < 10582 // voc.batch


def test_a_caffe_network_is_loaded_as_it_was_trained(few_squares, small, monkeypatch):
    """Its strides and means come back from the checkpoint; no other network takes its weights."""

    def caffe(name, _weights, seed):
        plain = build_backbone("resnet50", seed=seed)
        return CaffeBackbone("resnet50", plain.body, plain.weights)

    monkeypatch.setattr(train, "first_backbone", caffe)
    settings = replace(small, backbone="resnet50", weights="random")
    path = train_segmenter(few_squares, settings, val_list=None)
    segmenter = load_segmenter(path)
    assert list(segmenter.history) == ["epoch", "loss"]
    assert segmenter.source["val"] is None
    backbone = segmenter.network.backbone
    assert isinstance(backbone, CaffeBackbone)
    assert backbone.body.layer2[0].conv1.stride == (2, 2)
    with pytest.raises(WeightsError, match="layout of caffe; torchvision's was expected"):
        build_backbone("resnet50", path)
