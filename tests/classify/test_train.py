"""Training a classification network: scores, checkpoints, resuming, and what is refused."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from wsss_lib.classify import train
from wsss_lib.classify.backbones import build_backbone
from wsss_lib.classify.network import ClassificationNetwork, class_activation_maps
from wsss_lib.classify.sipe import SIPESettings
from wsss_lib.classify.train import (
    PRESETS,
    SIPE_PRESETS,
    ClassifierSettings,
    average_precision,
    image_scores,
    load_trained,
    train_classifier,
)
from wsss_lib.datasets.classes import ClassSet
from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.datasets.images import write_mask
from wsss_lib.errors import DataError, DivergedError, ImageError, ParameterError, WeightsError
from wsss_lib.features import extract


def test_average_precision_by_hand():
    """Ranks of the positives: 1 and 3 in the first class (1/1 and 2/3), all in the second."""
    labels = np.array([[1, 0, 1], [0, 0, 1], [1, 0, 1]])
    scores = np.array([[3.0, 1, 0], [2, 5, 1], [1, 0, 2]])
    np.testing.assert_allclose(average_precision(labels, scores), [(1 + 2 / 3) / 2, np.nan, 1])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_scores_that_are_no_numbers_have_no_average_precision(bad):
    scores = np.array([[0.5, bad], [0.1, 2.0]])
    with pytest.raises(DivergedError, match=r"not finite: .* diverged\. .* \(--lr\)"):
        average_precision(np.array([[1, 0], [0, 1]]), scores)


def test_whole_images_are_scored_one_by_one(tiny):
    network = ClassificationNetwork(build_backbone("resnet18"), 2).train()
    scores = image_scores(network, tiny.subset(tiny.ids[:3]))
    last = network.backbone.normalise(tiny.image(tiny.ids[2]))
    assert scores.shape == (3, 2)
    np.testing.assert_allclose(scores[2], network.eval()(last).detach().numpy()[0], rtol=1e-4)


SMALL = ClassifierSettings(
    backbone="resnet10", weights="random", crop=32, batch=4, epochs=2, lr=1e-3, head_factor=1
)


class Stopped(Exception):
    """Somebody pulled the plug."""


def weights_of(path) -> dict[str, torch.Tensor]:
    return torch.load(path, weights_only=True)["network"]


def test_it_learns_and_its_maps_find_the_object(tiny):
    trained = load_trained(train_classifier(tiny, replace(SMALL, epochs=6)))
    history = trained.history
    assert list(history) == ["epoch", "loss", "mean_ap", "red", "blue"]
    assert history.epoch.tolist() == [1, 2, 3, 4, 5, 6]
    assert history.loss.iloc[-1] < 0.5 * history.loss.iloc[0]
    assert history.mean_ap.iloc[-1] == 1
    assert trained.classes == ("red", "blue")
    sample = tiny[0]
    cam = class_activation_maps(trained.network, sample.image, tiny.labels(sample.id))[0]
    assert cam[sample.mask == 1].mean() > cam[sample.mask == 0].mean()


def test_a_stopped_training_ends_as_if_it_had_not_been(tiny, tmp_path, monkeypatch):
    whole = train_classifier(tiny, SMALL)
    monkeypatch.setenv("WSSS_CACHE", str(tmp_path / "another"))
    # checked; in the second epoch, one batch is done
    read, left = DevkitDataset.image, iter(range(16 + 12 + 4 + 5))

    def image(self: DevkitDataset, id_: str) -> np.ndarray:
        if next(left, None) is None:
            raise Stopped
        return read(self, id_)

    with monkeypatch.context() as patch:
        patch.setattr(DevkitDataset, "image", image)
        with pytest.raises(Stopped):
            train_classifier(tiny, SMALL)
    path = tmp_path / "another" / "weights" / whole.name
    assert torch.load(path, weights_only=True)["epoch"] == 1
    with pytest.raises(WeightsError, match="stopped after epoch 1 of 2"):
        load_trained(path)
    assert train_classifier(tiny, SMALL) == path
    assert path.read_bytes() == whole.read_bytes()


def test_a_finished_training_is_not_repeated(tiny, monkeypatch):
    path = train_classifier(tiny, SMALL, val_list=None)
    monkeypatch.setattr(train, "Training", None)
    assert train_classifier(tiny, SMALL) == path
    assert path.name.startswith("toy-resnet10-")


@pytest.mark.parametrize("optimiser", ["sgd", "adamw"])
@pytest.mark.parametrize(
    ("changes", "val_list", "said"),
    [
        (
            {},
            None,
            r"the loss is (nan|inf) at step 2 of epoch 1, with .* rate 1e\+30\. Nothing is kept",
        ),
        (
            {},
            "val",
            r"the loss is (nan|inf) at step 2 of epoch 1, with .* rate 1e\+30\. Nothing is kept",
        ),
        # one step: no loss is seen that comes after it
        ({"batch": 12}, "val", r"Scores that are not finite: .* diverged\."),
    ],
)
def test_a_training_that_diverges_is_not_kept(tiny, tmp_path, optimiser, changes, val_list, said):
    wild = replace(SMALL, lr=1e30, optimiser=optimiser, clip_norm=float("inf"), **changes)
    with pytest.raises(DivergedError, match=said):
        train_classifier(tiny, wild, val_list=val_list)
    assert not list((tmp_path / "cache").rglob("*.pth"))


@pytest.mark.parametrize("kept", [0, 1000, -1])
def test_a_checkpoint_that_was_cut_off_is_trained_again(tiny, kept):
    settings = replace(SMALL, epochs=1)
    path = train_classifier(tiny, settings, val_list=None)
    whole, before = path.read_bytes(), load_trained(path)
    path.write_bytes(whole[:kept])
    assert train_classifier(tiny, settings, val_list=None) == path
    assert path.read_bytes() == whole
    assert load_trained(path).network is not before.network  # the file of now is read
    assert path.with_name(f"{path.name}.damaged").read_bytes() == whole[:kept]


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (("background", "blue", "red"), r"number 1 is red in the network \(of 2\) and blue in"),
        (("background", "red", "green"), r"number 2 is blue in the network \(of 2\) and green"),
    ],
)
def test_a_training_of_the_same_labels_by_other_names_is_named(tiny, names, text):
    """Labels from masks are numbers, so it has the checkpoint of the training before."""
    settings, other = replace(SMALL, epochs=1), replace(tiny, classes=ClassSet(names, names))
    path = train_classifier(tiny, settings, val_list=None)
    whole = path.read_bytes()
    with pytest.raises(WeightsError, match=rf"{path.name} was .*{text}.*remove the file"):
        train_classifier(other, settings, val_list=None)
    assert path.read_bytes() == whole
    path.unlink()
    assert load_trained(train_classifier(other, settings, val_list=None)).classes == names[1:]


def test_what_matters_gives_another_checkpoint(tiny, monkeypatch):
    monkeypatch.setattr(train, "Training", lambda *_: SimpleNamespace(run=lambda: None))
    paths = [
        train_classifier(tiny, SMALL),
        train_classifier(tiny, SMALL, seed=1),
        train_classifier(tiny, replace(SMALL, epochs=3)),
        train_classifier(tiny.subset(tiny.ids[:8]), SMALL),
    ]
    mask = tiny.mask("00")
    write_mask(tiny.mask_path("00"), np.where(mask == 1, 2, mask))
    paths.append(train_classifier(tiny, SMALL))  # another label
    assert len(set(paths)) == 5


def test_a_trained_network_has_its_settings_and_gives_features(tiny):
    trained = load_trained(train_classifier(tiny, replace(SMALL, epochs=1), val_list=None))
    assert list(trained.history) == ["epoch", "loss"]
    setting = trained.setting
    assert setting["label_source"] == "mask"
    assert setting["weights"]["name"] == "random"
    assert len(setting["weights"]["sha256"]) == 64
    assert setting["preset"]["crop"] == 32
    maps = extract(tiny.image(tiny.ids[0]), ("F1", "F5"), trained.network.backbone)
    assert maps["F5"].channels == 512
    key = "backbone.body.conv1.weight"
    kept = trained.network.backbone.body.conv1.weight
    assert torch.equal(weights_of(trained.path)[key], kept)


def test_the_voc_presets_are_those_of_irn_and_sipe():
    voc, sipe = PRESETS["voc"], SIPE_PRESETS["voc"]
    assert (voc.backbone, voc.weights, voc.optimiser) == ("resnet50", "imagenet", "sgd")
    assert (voc.epochs, voc.batch, voc.crop, voc.long_side) == (5, 16, 512, (320, 640))
    assert (voc.lr, voc.head_factor, voc.momentum, voc.weight_decay) == (0.1, 10, 1e-4, 1e-4)
    assert (voc.power, voc.clip_norm) == (0.9, float("inf"))
    assert sipe == replace(voc, clip_norm=1.0)


@pytest.mark.parametrize(("id_", "listed"), [("07", "train"), ("13", "val")])
def test_a_missing_image_is_named_before_the_training(tiny, monkeypatch, id_, listed):
    monkeypatch.setattr(train, "Training", None)
    tiny.image_path(id_).unlink()
    with pytest.raises(DataError, match=rf"'{listed}' have no photograph .*{id_}\.jpg"):
        train_classifier(tiny, SMALL)


@pytest.mark.parametrize("id_", ["07", "13"])
def test_an_image_without_labels_is_named_before_the_training(tiny, monkeypatch, id_):
    monkeypatch.setattr(train, "Training", None)
    tiny.mask_path(id_).unlink()
    with pytest.raises(DataError, match=rf"No image-level labels of {id_}: neither"):
        train_classifier(tiny, SMALL)


@pytest.mark.parametrize("sipe", [None, SIPESettings()])
def test_without_a_list_val_a_training_goes_without_a_score_and_says_so(tiny, capsys, sipe):
    (tiny.devkit / "ImageSets/Segmentation/val.txt").unlink()
    how = {"sipe": sipe, "seed": 7}
    trained = load_trained(train_classifier(tiny, replace(SMALL, epochs=1), **how))
    assert "has no list val: the training goes without a score." in capsys.readouterr().out
    assert "mean_ap" not in trained.history
    with pytest.raises(DataError, match="No list 'test'"):
        train_classifier(tiny, SMALL, val_list="test", **how)


def test_all_bad_images_of_both_lists_are_named_before_the_training(tiny, monkeypatch):
    monkeypatch.setattr(train, "Training", None)
    for id_ in ("07", "13"):
        path = tiny.image_path(id_)
        path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(ImageError, match=r"2 of 16 images cannot be read: 07, 13\. .*07\.jpg"):
        train_classifier(tiny, SMALL)


def test_an_image_that_goes_bad_under_a_reading_process_is_a_sentence(tiny, monkeypatch):
    run = train.Training.run

    def damaged(training: train.Training) -> None:
        tiny.image_path("07").write_bytes(b"no picture")
        run(training)

    monkeypatch.setattr(train.Training, "run", damaged)
    with pytest.raises(ImageError) as error:
        train_classifier(tiny, SMALL, val_list=None, workers=1)
    assert str(error.value).startswith("1 of 12 images cannot be read: 07.")
    assert "Traceback" not in str(error.value)


def test_a_device_that_is_not_there_is_refused_at_once(tiny, monkeypatch):
    monkeypatch.setattr(DevkitDataset, "label_matrix", None)
    with pytest.raises(ParameterError, match="device='banana'"):
        train_classifier(tiny, SMALL, device="banana")


@pytest.mark.parametrize(
    "long_side", [(96, 64), (-320, 640), (0, 640), (64,), (), (1, 2, 3), (float("nan"), 640)]
)
def test_a_range_of_sizes_that_is_none_is_named(long_side):
    with pytest.raises(ParameterError, match=r"long_side=\(.*\); expected the least and the great"):
        ClassifierSettings(long_side=long_side)
    assert ClassifierSettings(long_side=(64, 64)).long_side == (64, 64)
