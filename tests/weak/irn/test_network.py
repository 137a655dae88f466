import numpy as np
import pytest
import torch
from torch.nn import functional

from wsss_lib.classify.backbones import build_backbone
from wsss_lib.weak.irn.network import EdgeNetwork, edge_map


@pytest.fixture(scope="module")
def network():
    return EdgeNetwork(build_backbone("resnet18"), crop=48)


@pytest.fixture
def crops():
    return torch.randn(2, 3, 48, 64, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def labels():
    labels = torch.zeros(2, 12, 16, dtype=torch.uint8)
    labels[:, :, 7:] = 1
    return labels


@pytest.mark.parametrize(
    ("backbone", "size"),
    [
        ("resnet18", (64, 33)),
        ("resnet18", (5, 4)),
        ("resnet50", (37, 50)),
        ("efficientnet_lite0", (37, 50)),
    ],
)
def test_edges_of_any_size_and_backbone_stand_at_a_quarter(backbone, size):
    network = EdgeNetwork(build_backbone(backbone), crop=48)
    image = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype=np.uint8)
    edges = edge_map(network, image)
    assert edges.shape == (-(-size[0] // 4), -(-size[1] // 4))
    assert edges.dtype == np.float32
    assert 0 < edges.min() <= edges.max() < 1


def test_logits_are_the_branch_written_out(network, crops):
    maps = network.backbone.stages(crops)
    maps[0] = functional.max_pool2d(maps[0], 3, 2, 1)
    taps = []
    for map_, tap, scale in zip(maps, network.taps, (1, 1, 2, 4, 4), strict=True):
        x = torch.einsum("nchw,kc->nkhw", map_, tap[0].weight[:, :, 0, 0])
        groups = x.reshape(2, 4, -1)
        deviation = (groups.var(-1, correction=0, keepdim=True) + 1e-5).sqrt()
        x = ((groups - groups.mean(-1, keepdim=True)) / deviation).reshape(x.shape)
        size = scale * x.shape[2], scale * x.shape[3]
        taps.append(functional.interpolate(x, size, mode="bilinear").relu())
    weights = network.edge.weight[0, :, 0, 0]
    expected = torch.einsum("nchw,c->nhw", torch.cat(taps, 1), weights) + network.edge.bias
    torch.testing.assert_close(network.edge_logits(crops), expected, rtol=1e-4, atol=1e-5)


def test_only_the_edge_branch_learns_and_statistics_stay(network, crops, labels):
    before = {k: v.clone() for k, v in network.backbone.state_dict().items()}
    network.train().losses(crops, labels, radius=3)["affinity"].backward()
    for name, parameter in network.named_parameters():
        assert (parameter.grad is not None) == name.startswith(("taps", "edge")), name
    after = network.backbone.state_dict()
    assert all(torch.equal(after[k], v) for k, v in before.items())


def test_all_that_learns_is_in_one_group_at_one_rate(network):
    (group,) = network.parameter_groups(0.1, 10)
    assert group["lr"] == group["initial_lr"] == 0.1
    learning = [p for p in network.parameters() if p.requires_grad]
    assert {id(p) for p in group["params"]} == {id(p) for p in learning}
    # 5 taps of 1x1 weights and a normalisation, 160 weights and a bias
    taps = sum(32 * channels + 64 for channels in network.backbone.channels)
    assert sum(p.numel() for p in learning) == taps + 161


def test_weights_depend_on_the_seed_and_leave_the_random_state_alone():
    backbone, state = build_backbone("resnet18"), torch.random.get_rng_state()
    one, same, other = (EdgeNetwork(backbone, seed=seed).edge.weight for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert torch.equal(torch.random.get_rng_state(), state)


@pytest.fixture
def black_is_zero(monkeypatch, network):
    def normalise(images):
        return torch.from_numpy(images.transpose(0, 3, 1, 2) / np.float32(255))

    monkeypatch.setattr(network.backbone, "normalise", normalise)
    monkeypatch.setattr(network, "crop", 96)


@pytest.mark.parametrize("size", [(33, 50), (96, 41), (40, 130)])
def test_edges_are_those_of_the_image_in_a_frame_of_zeros(network, black_is_zero, size):
    height, width = size
    left = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    image = left // 2 + left[:, ::-1] // 2  # its own mirror image, so that one frame is enough
    frame = np.zeros((max(height, 96), max(width, 96), 3), np.uint8)
    frame[:height, :width] = image
    with torch.no_grad():
        (logits,) = network.edge_logits(network.backbone.normalise(frame[None]))
        (bare,) = network.edge_logits(network.backbone.normalise(image[None]))
    logits = logits[: -(-height // 4), : -(-width // 4)]
    edges = edge_map(network, image)
    np.testing.assert_allclose(edges, ((logits + logits.flip(-1)) / 2).sigmoid(), atol=1e-5)
    assert np.abs(edges - ((bare + bare.flip(-1)) / 2).sigmoid().numpy()).max() > 1e-3


@pytest.mark.parametrize("crop", [16, 32, 48])
def test_an_image_larger_than_the_crops_is_left_whole(network, monkeypatch, crop):
    image = np.random.default_rng(0).integers(0, 256, (50, 61, 3), dtype=np.uint8)
    monkeypatch.setattr(network, "crop", 0)
    whole = edge_map(network, image)
    monkeypatch.setattr(network, "crop", crop)
    np.testing.assert_array_equal(edge_map(network, image), whole)


def test_the_mirror_image_has_the_mirrored_edges(network):
    image = np.random.default_rng(0).integers(0, 256, (33, 49, 3), dtype=np.uint8)
    edges, mirrored = edge_map(network, image), edge_map(network, image[:, ::-1])
    np.testing.assert_allclose(edges, mirrored[:, ::-1], rtol=1e-4)
