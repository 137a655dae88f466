"""Caffe's layout: names, strides, means, against a bottleneck that is written out."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional
from torchvision import models

from wsss_lib.classify.backbones import RECIPES, build_backbone
from wsss_lib.errors import WeightsError
from wsss_lib.files import sha256
from wsss_lib.segmentation.network import ASPP, CaffeBackbone, DeepLabV2, dilate, first_backbone

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


@pytest.mark.parametrize("prefix", ["", "base.", "module.base."])
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


@pytest.fixture(scope="module")
def network():
    return DeepLabV2(build_backbone("resnet18"), 3).eval()


@pytest.fixture
def crops():
    return torch.randn(2, 3, 41, 56, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def labels():
    labels = torch.randint(3, (2, 41, 56), generator=torch.Generator().manual_seed(0))
    labels[:, 30:] = 255
    return labels.byte()


def layers_of(body, prefix=""):
    """Stride, dilation and padding of each convolution by name."""
    return {
        name: (tuple(layer.stride), layer.dilation, layer.padding)
        for name, layer in body.named_modules()
        if isinstance(layer, nn.Conv2d) and name.startswith(prefix)
    }


@pytest.mark.parametrize("name", RECIPES)
def test_maps_stand_at_an_eighth(name):
    backbone = build_backbone(name)
    dilate(backbone)
    for size in ((64, 48), (41, 63), (5, 9)):
        with torch.no_grad():
            maps = backbone.stages(torch.zeros(1, 3, *size))
        assert [map_.shape[2:] for map_ in maps[2:]] == [tuple(-(-n // 8) for n in size)] * 3


def test_dilations_are_torchvisions_but_for_the_first_of_a_stage():
    backbone = build_backbone("resnet50")
    dilate(backbone)
    reference = models.resnet50(weights=None, replace_stride_with_dilation=(False, True, True))
    found, expected = layers_of(backbone.body), layers_of(reference)
    for layer, dilation in {"layer3.0.conv2": 2, "layer4.0.conv2": 4}.items():
        assert found[layer] == ((1, 1), (dilation,) * 2, (dilation,) * 2)
        assert expected.pop(layer)[1] == (dilation // 2,) * 2
    assert {key: found[key] for key in expected} == expected


def test_the_efficientnet_keeps_its_own_padding():
    backbone = build_backbone("efficientnet_lite0")
    dilate(backbone)
    depthwise = {
        key: value
        for key, value in layers_of(backbone.body, "_blocks.").items()
        if key.endswith("_depthwise_conv")
    }
    assert [dilation for _, (dilation, _), _ in depthwise.values()] == [1] * 5 + [2] * 6 + [4] * 5
    assert {padding for _, _, padding in depthwise.values()} == {(0, 0)}


def test_the_pyramid_is_a_sum_of_dilated_convolutions():
    """Against sums over the nine places of each kernel, taken from a padded map."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        aspp, x = ASPP(5, 3, (1, 3)), torch.randn(2, 5, 7, 8)
    assert all(not branch.bias.any() for branch in aspp.branches)
    nn.init.normal_(aspp.branches[1].bias, generator=torch.Generator().manual_seed(1))
    expected = aspp.branches[1].bias.view(1, 3, 1, 1).clone()
    for rate, branch in zip((1, 3), aspp.branches, strict=True):
        padded = functional.pad(x, (rate,) * 4)
        for row in range(3):
            for col in range(3):
                top, left = rate * row, rate * col
                place = padded[..., top : top + 7, left : left + 8]
                weight = branch.weight[:, :, row, col]
                expected = expected + torch.einsum("nchw,kc->nkhw", place, weight)
    torch.testing.assert_close(aspp(x), expected)


def test_the_pyramid_starts_as_published(network):
    weights = torch.cat([branch.weight.flatten() for branch in network.aspp.branches])
    assert [branch.dilation[0] for branch in network.aspp.branches] == [6, 12, 18, 24]
    assert weights.std().item() == pytest.approx(0.01, rel=0.02)
    assert abs(weights.mean().item()) < 1e-3


def by_hand(network, x):
    """The maps at 1, 3/4 and 1/2, and the greatest of all."""
    maps = []
    for size in ((41, 56), (30, 42), (20, 28)):
        image = x if size == (41, 56) else functional.interpolate(x, size, mode="bilinear")
        maps.append(network.aspp(network.backbone(image)))
    first, *others = maps
    greatest = first
    for map_ in others:
        resized = functional.interpolate(map_, first.shape[2:], mode="bilinear")
        greatest = torch.where(resized > greatest, resized, greatest)
    return [*maps, greatest]


def test_the_output_is_the_greatest_over_the_scales(network, crops):
    with torch.no_grad():
        *maps, greatest = by_hand(network, crops)
        found = network(crops)
        assert torch.equal(found, greatest)
        assert found.shape == (2, 3, 6, 7)
        assert [m.shape[2:] for m in network.logit_maps(crops)] == [(6, 7), (4, 6), (3, 4)]
    assert not torch.equal(found, maps[0])


def test_the_loss_is_the_sum_of_four_cross_entropies(network, crops, labels):
    expected = 0
    with torch.no_grad():
        for map_ in by_hand(network, crops):
            size = map_.shape[:1:-1]  # Pillow's order
            small = np.stack(
                [Image.fromarray(n).resize(size, Image.Resampling.NEAREST) for n in labels.numpy()]
            )
            logits = map_.numpy().transpose(0, 2, 3, 1)[small < 255].astype(float)
            logits -= np.log(np.exp(logits).sum(1, keepdims=True))
            known = small[small < 255]
            expected -= logits[np.arange(len(known)), known].mean()
        (loss,) = network.losses(crops, labels).values()
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_crops_that_are_all_void_cost_nothing(network, crops, labels):
    loss = network.losses(crops, torch.full_like(labels, 255))["cross_entropy"]
    assert loss.item() == 0


def step(network, crops, labels):
    """One step in training mode: what changed by itself, and what has a gradient."""
    before = {key: value.clone() for key, value in network.state_dict().items()}
    network.train().losses(crops, labels)["cross_entropy"].backward()
    moved = {k for k, v in network.state_dict().items() if not torch.equal(v, before[k])}
    return moved, {k for k, p in network.named_parameters() if p.grad is not None}


def test_batch_norm_of_pretrained_weights_is_frozen(pretrained_file, crops, labels):
    network = DeepLabV2(build_backbone("resnet18", pretrained_file), 3)
    moved, learning = step(network, crops, labels)
    assert not moved
    norms = {name for name, m in network.named_modules() if isinstance(m, nn.BatchNorm2d)}
    expected = {n for n, _ in network.named_parameters() if n.rpartition(".")[0] not in norms}
    assert learning == expected
    assert "backbone.body.conv1.weight" in learning


def test_with_random_weights_everything_learns(crops, labels):
    network = DeepLabV2(build_backbone("resnet18"), 3, rates=(1, 2))
    moved, learning = step(network, crops, labels)
    assert learning == {name for name, _ in network.named_parameters()}
    assert moved == {name for name, _ in network.named_buffers() if name in network.state_dict()}


def test_a_few_steps_find_the_classes():
    """Two classes that differ in colour, in halves of an image; the first 8 rows are void."""
    labels = torch.zeros(2, 32, 32, dtype=torch.uint8)
    labels[0, :, 16:], labels[1, :, :16] = 1, 2
    crops = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)) / 10
    for colour in (0, 1):
        crops[:, colour] += 2 * (labels == colour + 1)
    network = DeepLabV2(build_backbone("resnet18"), 3, rates=(1, 2)).train()
    masked = labels.clone()
    masked[:, :8] = 255
    optimiser = torch.optim.AdamW(network.parameter_groups(1e-3, 1))
    for _ in range(12):
        loss = network.losses(crops, masked)["cross_entropy"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        found = functional.interpolate(network(crops), (32, 32), mode="bilinear").argmax(1)
    assert (found == labels).float().mean() > 0.9


def test_the_pyramid_learns_ten_times_faster_and_its_biases_twenty(pretrained_file):
    network = DeepLabV2(build_backbone("resnet18", pretrained_file), 3)
    backbone, weights, biases = network.parameter_groups(0.1, 10)
    rates = [group["lr"] for group in (backbone, weights, biases)]
    assert rates == pytest.approx([0.1, 1, 2])
    assert rates == [group["initial_lr"] for group in (backbone, weights, biases)]
    assert [p.shape for p in weights["params"]] == [(3, 512, 3, 3)] * 4
    assert [p.shape for p in biases["params"]] == [(3,)] * 4
    optimiser = torch.optim.SGD([backbone, weights, biases], weight_decay=5e-4)
    assert [group["weight_decay"] for group in optimiser.param_groups] == [5e-4, 5e-4, 0]
    given = {id(p) for group in optimiser.param_groups for p in group["params"]}
    assert given == {id(p) for p in network.parameters() if p.requires_grad}


def test_first_weights_depend_on_the_seed_and_leave_the_random_state_alone():
    state = torch.random.get_rng_state()
    backbone = build_backbone("resnet18")
    one, same, other = (
        DeepLabV2(backbone, 3, seed=seed).aspp.branches[0].weight for seed in (1, 1, 2)
    )
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(torch.random.get_rng_state(), state)
