"""F1 to F5 of networks of timm: their maps, sizes, weights, and what is refused."""

import socket
import sys

import numpy as np
import pytest
import torch

from wsss_lib.classify.backbones import build_backbone
from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.classify.timm_networks import build_timm_network
from wsss_lib.errors import ParameterError, WeightsError

timm = pytest.importorskip("timm", reason="needs the extra 'networks'")

#: Strides and channels of F1 to F5, and the layers that make them.
NETWORKS = {
    "timm/test_resnet": (
        (2, 4, 8, 16, 16),
        (32, 32, 48, 192, 96),
        ("act1", "layer1", "layer2", "layer3", "layer4"),
    ),
    "timm/test_convnext": (
        (4, 4, 8, 16, 16),
        (24, 24, 32, 48, 64),
        ("stem", "stages.0", "stages.1", "stages.2", "stages.3"),
    ),
    "timm/test_vit": (
        (16,) * 5,
        (64,) * 5,
        ("blocks.0", "blocks.1", "blocks.2", "blocks.3", "blocks.5"),
    ),
}


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def stages(network: torch.nn.Module, image: np.ndarray, last: int = 5) -> list[torch.Tensor]:
    with torch.no_grad():
        return network.stages(network.normalise(image), last)


@pytest.mark.parametrize("name", NETWORKS)
def test_maps_of_any_size_have_the_ceiling_of_cells(name):
    strides, channels, _ = NETWORKS[name]
    network = build_timm_network(name)
    assert network.channels == channels
    for height, width in ((97, 131), (1, 17)):
        assert [tuple(map_.shape) for map_ in stages(network, picture(height, width))] == [
            (1, channel, -(-height // stride), -(-width // stride))
            for channel, stride in zip(channels, strides, strict=True)
        ]


@pytest.mark.parametrize("name", NETWORKS)
def test_maps_are_what_the_layers_make(name):
    network, kept = build_timm_network(name), []
    image = picture(64, 96)
    found = stages(network, image)
    for layer in NETWORKS[name][2]:
        network.body.get_submodule(layer).register_forward_hook(
            lambda _, __, output: kept.append(output.clone())
        )
    with torch.no_grad():
        network.body(network.normalise(image))
    for map_, made in zip(found, kept, strict=True):
        if made.ndim == 3:  # a transformer's: the class token, then the patches row by row
            made = made[:, 1:].transpose(1, 2).reshape(map_.shape)
        torch.testing.assert_close(map_, made)


@pytest.mark.parametrize("name", NETWORKS)
def test_an_image_is_continued_where_it_ends(name):
    """By the same pixels as if it had been larger."""
    image = picture(50, 70)
    larger = np.pad(image, ((0, 14), (0, 10), (0, 0)), mode="edge")
    network = build_timm_network(name)
    for map_, other in zip(stages(network, image), stages(network, larger), strict=True):
        torch.testing.assert_close(map_, other[..., : map_.shape[2], : map_.shape[3]])


def test_fewer_maps_need_fewer_layers():
    network = build_timm_network("timm/test_convnext")
    network.body.stages[0].forward = None
    assert len(stages(network, picture(32, 32), last=1)) == 1
    network = build_timm_network("timm/test_resnet")
    network.body.layer2.forward = None
    assert len(stages(network, picture(32, 32), last=2)) == 2


@pytest.mark.parametrize("name", ["test_resnet", "vit_tiny_patch16_224.augreg_in21k"])
def test_images_are_normalised_as_timm_says(name):
    network, pixel = build_timm_network(f"timm/{name}"), np.array([[[124, 16, 255]]], np.uint8)
    config = timm.data.resolve_data_config(model=timm.create_model(name))
    expected = (pixel[0, 0] / 255 - config["mean"]) / config["std"]
    np.testing.assert_allclose(network.normalise(pixel).numpy().ravel(), expected, atol=1e-6)


def test_random_weights_depend_on_the_seed_and_leave_the_global_state_alone():
    before = torch.random.get_rng_state()
    first, again, other = (
        build_timm_network("timm/test_vit", seed=seed).weights for seed in (1, 1, 2)
    )
    assert first == again != other
    assert first.name == "random"
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_weights_of_a_file(tmp_path, ending):
    from safetensors.torch import save_file

    own = timm.create_model("test_convnext", num_classes=7).eval()  # with its classifier
    path = tmp_path / f"own.{ending}"
    (torch.save if ending == "pth" else save_file)(own.state_dict(), path)
    network = build_timm_network("timm/test_convnext", path)
    assert network.weights.name == path.name
    for key, value in network.body.state_dict().items():
        assert torch.equal(value, own.state_dict()[key])
    with pytest.raises(WeightsError, match=f"{path.name} does not fit.*is missing"):
        build_timm_network("timm/test_vit", path)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(WeightsError, match=path.name):
        build_timm_network("timm/test_convnext", path)


def test_weights_that_cannot_be_fetched_are_asked_for_once(monkeypatch, tmp_path):
    asked = []

    def unreachable(*address, **_):
        asked.append(address)
        raise socket.gaierror("no such host")

    monkeypatch.setattr(socket, "getaddrinfo", unreachable)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    sentence = r"timm/test_vit could not be fetched .*HF_HUB_OFFLINE=1.*--weights PATH"
    with pytest.raises(WeightsError, match=sentence):
        build_timm_network("timm/test_vit", "imagenet")
    assert len(asked) == 1
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsError, match=sentence):
        build_timm_network("timm/test_vit", "imagenet")
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("timm/nothing", "has no network for 'timm/nothing'"),
        ("timm/pvt_v2_b0", r"4 maps, at the strides \[4, 8, 16, 32\]"),
        ("timm/test_vit_relpos", "test_vit_relpos does not make five maps of images of any"),
        ("timm/inception_v3", r"inception_v3 does not make .*\(77, 93\) cells of"),
    ],
)
def test_networks_without_such_maps_are_refused(name, sentence):
    with pytest.raises(ParameterError, match=sentence):
        build_timm_network(name)


def test_a_missing_extra_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(ParameterError, match=r"pip install -e '\.\[networks\]'"):
        BackboneSpec("timm/test_vit", "random").load()


def test_they_are_not_trained():
    with pytest.raises(ParameterError, match="Those of timm are for features alone"):
        build_backbone("timm/test_vit")
