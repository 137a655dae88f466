"""Which network is chosen."""

import pytest

from wsss_lib.classify import spec
from wsss_lib.classify.sipe import SIPESettings
from wsss_lib.errors import WeightsError


def test_the_seed_is_of_random_weights_and_not_of_the_training(tiny, tmp_path, monkeypatch):
    asked = []

    def train(_images: object, **arguments: object) -> str:
        asked.append(arguments)
        return "random"

    monkeypatch.setattr(spec, "load_dataset", lambda *_, **__: tiny)
    monkeypatch.setattr(spec, "train_classifier", train)
    for seed in (0, 5):
        chosen = spec.choose_backbone("toy", seed=seed)
        assert chosen == spec.BackboneSpec("resnet10", "random", seed)
    plain = {"sipe": None, "device": "cpu", "backbone": "resnet10"}
    assert asked == [plain, plain]


@pytest.fixture
def asked(checkpoints, monkeypatch):
    """The data sets that are opened and the trainings that are asked for, in their order."""
    seen = []

    def open_(name: str, list_name: str, **arguments: object) -> str:
        seen.append((name, list_name, arguments["masks"], arguments["root"]))
        return f"images of {name}"

    def train(images: str, sipe: SIPESettings | None, **arguments: object) -> object:
        seen.append((images, sipe, arguments))
        return checkpoints.plain if sipe is None else checkpoints.sipe

    monkeypatch.setattr(spec, "load_dataset", open_)
    monkeypatch.setattr(spec, "train_classifier", train)
    return seen


@pytest.mark.parametrize(
    ("weights", "settings", "name"), [("sipe", SIPESettings(), "sipe"), ("trained", None, "plain")]
)
def test_a_network_is_trained_with_sipe_or_without(asked, checkpoints, weights, settings, name):
    expected = getattr(checkpoints, name)
    assert spec.choose_classifier("voc", weights, root="here", device="auto") == expected
    backbone = spec.choose_backbone("toy", weights=weights)
    assert backbone == spec.BackboneSpec("resnet10", str(expected))
    assert backbone.load().weights.name == expected.name
    assert asked == [
        ("voc", "trainaug", "SegmentationClassAug", "here"),
        ("images of voc", settings, {"device": "auto", "backbone": None}),
        ("toy", "train", "SegmentationClass", None),
        ("images of toy", settings, {"device": "cpu", "backbone": "resnet10"}),
    ]


def test_a_checkpoint_is_taken_as_it_is(asked, checkpoints):
    path = str(checkpoints.sipe)
    assert spec.choose_classifier("voc", path) == checkpoints.sipe
    assert spec.choose_backbone("toy", weights=path) == spec.BackboneSpec("resnet10", path)
    assert not asked


@pytest.mark.parametrize("weights", ["random", "imagenet", "nowhere.pth"])
def test_what_is_no_checkpoint_localises_nothing(asked, weights):
    with pytest.raises(WeightsError, match=rf"No weights file {weights}\. Expected 'sipe', 'tr"):
        spec.choose_classifier("toy", weights)
    assert not asked
