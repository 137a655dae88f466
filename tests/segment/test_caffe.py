"""Caffe's layout: names, strides, means, against a bottleneck that is written out."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from wsss_lib.classify.backbones import build_backbone
from wsss_lib.errors import WeightsError
from wsss_lib.files import sha256
from wsss_lib.segment.caffe import CaffeBackbone, first_backbone

BLOCKS = (3, 4, 6, 3)


def unit(state, name, shape, rng):
    state[f"{name}.conv.weight"] = torch.randn(shape, generator=rng) / np.sqrt(np.prod(shape[1:]))
    for tensor, low in (("weight", 0.5), ("bias", -0.1), ("running_mean", -0.1)):
        state[f"{name}.bn.{tensor}"] = low + torch.rand(shape[0], generator=rng)
    # as the converted files have them, in double precision
    state[f"{name}.bn.running_var"] = 0.5 + torch.rand(shape[0], generator=rng).double()


@pytest.fixture(scope="module")
def state():
    """Weights of a ResNet-50 under the names of deeplab-pytorch."""
    state, rng, width = {}, torch.Generator().manual_seed(0), 64
    unit(state, "layer1.conv1", (64, 3, 7, 7), rng)
    for stage, blocks in enumerate(BLOCKS):
        inner = 64 * 2**stage
        for block in range(1, blocks + 1):
            name = f"layer{stage + 2}.block{block}"
            if block == 1:
                unit(state, f"{name}.shortcut", (4 * inner, width, 1, 1), rng)
            unit(state, f"{name}.reduce", (inner, width, 1, 1), rng)
            unit(state, f"{name}.conv3x3", (inner, inner, 3, 3), rng)
            unit(state, f"{name}.increase", (4 * inner, inner, 1, 1), rng)
            width = 4 * inner
    return state | {"fc.weight": torch.zeros(91, 2048, 1, 1), "fc.bias": torch.zeros(91)}


@pytest.fixture
def save(tmp_path):
    def save(state):
        torch.save(state, tmp_path / "caffe.pth")
        return tmp_path / "caffe.pth"

    return save


def conv_bn(state, name, x, stride=1, padding=0):
    x = functional.conv2d(x, state[f"{name}.conv.weight"], stride=stride, padding=padding)
    scale, shift, mean, variance = (
        state[f"{name}.bn.{tensor}"].float().view(1, -1, 1, 1)
        for tensor in ("weight", "bias", "running_mean", "running_var")
    )
    return (x - mean) / (variance + 1e-5).sqrt() * scale + shift


def bottleneck(state, name, x, stride=1):
    """He et al.'s, with the stride on the first 1x1."""
    y = conv_bn(state, f"{name}.reduce", x, stride).relu()
    y = conv_bn(state, f"{name}.conv3x3", y, padding=1).relu()
    y = conv_bn(state, f"{name}.increase", y)
    first = f"{name}.shortcut.conv.weight" in state
    return (y + (conv_bn(state, f"{name}.shortcut", x, stride) if first else x)).relu()


@pytest.mark.parametrize("prefix", ["", "base."])
def test_a_file_runs_with_caffes_strides_and_means(state, save, prefix):
    path = save({prefix + key: value for key, value in state.items()})
    backbone = first_backbone("resnet50", path)
    image = np.random.default_rng(0).integers(0, 256, (36, 44, 3), dtype=np.uint8)
    bgr = image[..., ::-1] - np.array([104.008, 116.669, 122.675])
    x = torch.from_numpy(bgr.transpose(2, 0, 1)[None]).float()
    x = conv_bn(state, "layer1.conv1", x, 2, 3).relu()
    maps = [x]
    x = functional.max_pool2d(x, 3, 2, 1, ceil_mode=True)
    for stage, blocks in enumerate(BLOCKS[:3]):
        for block in range(1, blocks + 1):
            stride = 2 if stage and block == 1 else 1
            x = bottleneck(state, f"layer{stage + 2}.block{block}", x, stride)
        maps.append(x)
    with torch.no_grad():
        found = backbone.stages(backbone.normalise(image))
    # 18 columns end with a window that is cut off, which torchvision would leave out
    assert [tuple(map_.shape[2:]) for map_ in found[:3]] == [(18, 22), (10, 12), (5, 6)]
    for map_, expected in zip(found, maps, strict=False):
        torch.testing.assert_close(map_, expected, rtol=1e-3, atol=1e-3)
    assert len(maps) == 4
    assert (backbone.weights.name, backbone.weights.sha256) == (path.name, sha256(path))
    assert not backbone.training


def test_other_files_are_torchvisions(tmp_path):
    torch.save(build_backbone("resnet50").body.state_dict(), tmp_path / "plain.pth")
    for weights in (tmp_path / "plain.pth", "random"):
        backbone = first_backbone("resnet50", weights)
        assert not isinstance(backbone, CaffeBackbone)
        assert not backbone.body.maxpool.ceil_mode


def test_networks_without_bottlenecks_are_refused(state, save):
    with pytest.raises(WeightsError, match=r"caffe\.pth .* resnet18 has none. .* resnet101"):
        first_backbone("resnet18", save(state))


def test_another_depth_is_named(state, save):
    with pytest.raises(WeightsError, match=r"caffe\.pth .* layer3\.6\.conv1\.weight is missing"):
        first_backbone("resnet101", save(state))


def test_caffes_names_are_not_taken_for_torchvisions(state, save):
    with pytest.raises(WeightsError, match=r"caffe\.pth does not fit .* conv1\.weight is missing"):
        build_backbone("resnet50", save(state))


def test_names_that_say_nothing_are_told(state, save):
    with pytest.raises(WeightsError, match=r"layer9\.gate is unknown"):
        first_backbone("resnet50", save(state | {"layer9.gate": torch.zeros(1)}))
