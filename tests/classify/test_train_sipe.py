"""Training with SIPE's head and its second loss."""

from dataclasses import fields, replace
from types import SimpleNamespace

import pytest
import torch

from wsss_lib.classify import train
from wsss_lib.classify.sipe import SIPENetwork, SIPESettings
from wsss_lib.classify.train import ClassifierSettings, load_trained, train_classifier
from wsss_lib.files import sha256

SMALL = ClassifierSettings(
    backbone="resnet10", weights="random", crop=32, batch=4, epochs=2, lr=1e-3, head_factor=1
)


@pytest.fixture
def asked(monkeypatch):
    """The settings of the trainings that are asked for; none takes place."""
    seen = []

    def training(_network, _settings, _batches, _losses, _path, record, *_more):
        seen.append(record["setting"])
        return SimpleNamespace(run=lambda: None)

    monkeypatch.setattr(train, "Training", training)
    return seen


def test_sipe_is_trained_noted_and_loaded(tiny):
    settings = SIPESettings(side_channels=(4, 4, 8, 8), consistency_weight=0.5, mask_cams=True)
    trained = load_trained(train_classifier(tiny, SMALL, sipe=settings))
    history = trained.history
    parts = ["classification", "consistency"]
    assert list(history) == ["epoch", "loss", *parts, "mean_ap", "red", "blue"]
    assert history.epoch.tolist() == [1, 2]
    assert history.loss.tolist() == pytest.approx(history[parts].sum(axis=1).tolist())
    assert (history[parts] > 0).all(axis=None)
    assert isinstance(trained.network, SIPENetwork)
    assert trained.network.settings == settings
    kept = torch.load(trained.path, weights_only=True)["network"]
    state = trained.network.state_dict()
    assert kept.keys() == state.keys()
    assert all(torch.equal(kept[name], value) for name, value in state.items())
    assert state["sides.3.weight"].shape == (8, 512, 1, 1)


def test_sipe_has_checkpoints_of_its_own_and_those_of_the_plain_network_stay_valid(tiny, asked):
    """A key too many in the plain network's setting would give all its checkpoints other names."""
    others = [None, SIPESettings(), SIPESettings(over_absent=False)]
    assert len({train_classifier(tiny, SMALL, sipe=sipe) for sipe in others}) == 3
    plain, sipe, _ = asked
    what = ["dataset", "images", "files_sha256", "labels_sha256", "label_source", "weights"]
    assert list(plain) == [*what, "preset", "seed"]
    assert sipe.keys() - plain.keys() == {"sipe"}
    assert {name: sipe[name] for name in plain} == plain
    optimisation = {"epochs", "batch", "optimiser", "lr", "head_factor", "momentum", "power"}
    optimisation |= {"weight_decay", "clip_norm"}
    assert {field.name for field in fields(ClassifierSettings)} == optimisation | {
        *("backbone", "weights", "crop", "long_side")
    }
    assert plain["preset"].keys() == {field.name for field in fields(ClassifierSettings)}


def test_on_toy_sipe_starts_from_the_plain_network(tiny, monkeypatch):
    short = {"backbone": "resnet10", "crop": 32, "batch": 4, "epochs": 1}
    plain, sipe = (replace(known["toy"], **short) for known in (train.PRESETS, train.SIPE_PRESETS))
    monkeypatch.setitem(train.PRESETS, "toy", replace(plain, weights="random"))
    monkeypatch.setitem(train.SIPE_PRESETS, "toy", sipe)
    trained = load_trained(train_classifier(tiny, sipe=SIPESettings(), val_list=None))
    plain = train_classifier(tiny, val_list=None)
    assert {path.name for path in plain.parent.iterdir()} == {plain.name, trained.path.name}
    assert trained.setting["weights"] == {"name": plain.name, "sha256": sha256(plain)}
    assert trained.setting["preset"]["weights"] == "trained"
    first, own = load_trained(plain).network.state_dict(), trained.network.state_dict()
    for name in ("conv1", "layer2.0.conv1"):  # of pretrained weights F1 to F3 do not learn
        name = f"backbone.body.{name}.weight"
        assert torch.equal(own[name], first[name])
    deep = "backbone.body.layer4.0.conv1.weight"
    assert not torch.equal(own[deep], first[deep])
    moved = (own[deep] - first[deep]).abs().max()
    assert moved < 0.01  # but it starts there
