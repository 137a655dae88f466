"""The classification network: scores, what learns, learning rates."""

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional

from wsss_lib.classify.backbones import build_backbone
from wsss_lib.classify.network import (
    ClassificationNetwork,
    activation_places,
    cam_shares,
    class_activation_maps,
    views,
)
from wsss_lib.datasets.classes import VOID, ClassSet
from wsss_lib.datasets.devkit import Sample
from wsss_lib.errors import ParameterError


@pytest.fixture
def pretrained(pretrained_file):
    return build_backbone("resnet18", pretrained_file)


@pytest.fixture
def crops():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(4, 3, 33, 47, generator=generator)


def test_scores_are_the_classifier_on_pooled_features(crops):
    network = ClassificationNetwork(build_backbone("resnet18"), 5).eval()
    with torch.no_grad():
        pooled = network.backbone(crops).mean((2, 3))
        expected = pooled @ network.classifier.weight[:, :, 0, 0].T
        torch.testing.assert_close(network(crops), expected)
        assert network.logit_maps(crops).shape == (4, 5, 3, 3)


def test_loss_is_the_mean_of_binary_cross_entropies(crops):
    network = ClassificationNetwork(build_backbone("resnet18"), 3).eval()
    labels = torch.tensor([[1, 0, 0], [0, 1, 1], [0, 0, 0], [1, 1, 1]], dtype=torch.float32)
    p = 1 / (1 + np.exp(-network(crops).detach().double().numpy()))
    expected = -np.where(labels.numpy() == 1, np.log(p), np.log(1 - p)).mean()
    loss = network.losses(crops, labels, torch.ones(4, 33, 47, dtype=torch.bool))["classification"]
    assert loss.item() == pytest.approx(expected, rel=1e-4)


def step(network: ClassificationNetwork, crops: torch.Tensor) -> set[str]:
    """Run one step forwards and backwards and give the names of what changed or has a gradient."""
    before = {k: v.clone() for k, v in network.state_dict().items()}
    losses = network.train().losses(crops, torch.ones(4, 2), torch.ones(4, 33, 47).bool())
    losses["classification"].backward()
    moved = {k for k, v in network.state_dict().items() if not torch.equal(v, before[k])}
    return moved | {k for k, p in network.named_parameters() if p.grad is not None}


def test_with_random_weights_everything_learns(crops):
    network = ClassificationNetwork(build_backbone("resnet18"), 2)
    assert step(network, crops) == set(network.state_dict())


def test_of_pretrained_weights_the_deep_layers_learn_with_fixed_statistics(pretrained, crops):
    network = ClassificationNetwork(pretrained, 2)
    expected = {
        name
        for name, _ in network.named_parameters()
        if name.startswith(("backbone.body.layer3", "backbone.body.layer4", "classifier"))
    }
    assert step(network, crops) == expected


def test_new_layers_learn_faster(pretrained):
    backbone, new = ClassificationNetwork(pretrained, 2).parameter_groups(0.1, 10)
    assert (backbone["lr"], new["lr"]) == (0.1, 1.0)
    assert (backbone["initial_lr"], new["initial_lr"]) == (0.1, 1.0)
    assert [p.shape for p in new["params"]] == [(2, 512, 1, 1)]
    assert all(p.requires_grad for p in backbone["params"])


@pytest.fixture(scope="module")
def network():
    return ClassificationNetwork(build_backbone("resnet18"), 4, seed=1).eval()


@pytest.fixture
def image():
    return np.random.default_rng(3).integers(0, 256, (70, 90, 3), dtype=np.uint8)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:captum")
def test_grad_cam_of_pooled_linear_scores_is_the_cam(network, image):
    captum = pytest.importorskip("captum.attr", reason="captum is an oracle of the extra 'test'")
    grad_cam = captum.LayerGradCam(network, network.backbone.body.layer4)
    views = [network.backbone.normalise(view) for view in (image, image[:, ::-1])]
    maps = class_activation_maps(network, image, (1, 2, 3, 4))
    for channel in range(4):
        own, mirrored = (grad_cam.attribute(x, target=channel).detach() for x in views)
        expected = own.relu() + mirrored.flip(-1).relu()
        expected = functional.interpolate(expected, (80, 96), mode="bilinear")[0, 0, :70, :90]
        greatest = expected.max().clamp(min=1e-12)
        np.testing.assert_allclose(maps[channel], (expected / greatest).numpy(), atol=1e-4)
    assert maps.any()


@pytest.mark.parametrize(
    ("size", "scale", "expected"),
    [((71, 90), 0.75, (53, 68)), ((90, 71), 1.0, (90, 71)), ((63, 97), 1.5, (94, 146))],
)
def test_views_are_the_scaled_image_and_its_mirror_image(network, size, scale, expected):
    image = np.random.default_rng(5).integers(0, 256, (*size, 3), dtype=np.uint8)
    pixels = image
    if scale != 1:
        resized = Image.fromarray(image).resize(expected[::-1], Image.Resampling.BICUBIC)
        pixels = np.asarray(resized)
    both = views(network.backbone, image, scale)
    np.testing.assert_array_equal(
        both, network.backbone.normalise(np.stack([pixels, pixels[:, ::-1]]))
    )


def test_maps_are_normalised_at_image_size(network, image):
    maps = class_activation_maps(network, image, (2, 4), scales=(1.0, 0.5))
    assert (maps.shape, maps.dtype) == ((2, 70, 90), np.float32)
    assert maps.min() == 0
    assert set(maps.max((1, 2))) <= {0.0, 1.0}


def test_a_map_is_positive_before_it_meets_its_mirror_image(network, image, monkeypatch):
    logits = torch.zeros(2, 1, 5, 6)
    logits[0, 0, :, :3], logits[1, 0, :, 3:] = 1, -3  # turned back, it lies on the same cells
    monkeypatch.setattr(network, "logit_maps", lambda x: logits)
    (cam,) = class_activation_maps(network, image, (1,))
    assert (cam[:, :40] == 1).all()
    assert (cam[:, 56:] == 0).all()


@pytest.mark.parametrize(("width", "cells"), [(20, 2), (33, 3), (48, 3)])
def test_cells_of_a_map_are_16_pixels_wide(network, monkeypatch, width, cells):
    ramp = torch.arange(float(cells)).expand(1, 1, 2, -1)
    both = torch.cat([ramp, ramp.flip(-1)])
    monkeypatch.setattr(network, "logit_maps", lambda x: both)
    (cam,) = class_activation_maps(network, np.zeros((17, width, 3), np.uint8), (1,))
    place = (np.arange(width) + 0.5) / 16 - 0.5  # of a pixel's middle among the cells' middles
    values = np.interp(place, np.arange(cells), np.arange(cells))
    np.testing.assert_allclose(cam, [values / values.max()] * 17, atol=1e-6)


def test_a_mirrored_image_has_mirrored_maps(network, image):
    image = image[:, :80]  # cut nowhere, for it is whole cells wide
    maps = class_activation_maps(network, image, (1, 2, 3, 4))
    mirrored = class_activation_maps(network, image[:, ::-1], (1, 2, 3, 4))
    np.testing.assert_allclose(mirrored[:, :, ::-1], maps, atol=1e-4)


def test_a_class_seen_nowhere_has_an_empty_map(image):
    network = ClassificationNetwork(build_backbone("resnet18"), 2).eval()
    with torch.no_grad():
        network.classifier.weight.copy_(torch.tensor([1.0, -1.0]).view(2, 1, 1, 1))
    maps = class_activation_maps(network, image, (1, 2))
    assert maps[0].max() == 1
    assert not maps[1].any()


@pytest.mark.parametrize("index", [0, 5])
def test_background_and_unknown_classes_are_refused(network, image, index):
    with pytest.raises(ParameterError, match="classes 1 to 4"):
        class_activation_maps(network, image, (1, index))


def test_activation_is_summed_by_place_and_void_left_out():
    mask = np.array([[1, 1, 2], [0, 0, VOID]], np.uint8)
    cam = np.array([[1.0, 0.5, 0.25], [0.125, 0, 8]])
    assert activation_places(cam, mask, 1).tolist() == [1.5, 0.25, 0.125]
    assert activation_places(cam, mask, 2).tolist() == [0.25, 1.5, 0.125]


class One:
    """One image of 32 x 32 pixels with a leaf in its left half."""

    classes = ClassSet(("background", "leaf", "shell"), ("bkg", "leaf", "shell"))

    def __len__(self):
        return 1

    def __iter__(self):
        image = np.random.default_rng(0).integers(0, 256, (32, 32, 3)).astype(np.uint8)
        mask = np.zeros((32, 32), np.uint8)
        mask[:, :16] = 1
        return iter([Sample("a", image, mask)])

    def labels(self, id_):
        return (1,)


def test_shares_add_up_and_classes_without_image_stay_empty():
    network = ClassificationNetwork(build_backbone("resnet18", "random"), 2)
    network.classifier.weight.data.abs_()  # F5 is not negative: the map is positive everywhere
    shares = cam_shares(network, One())
    assert shares.loc["leaf"].sum() == pytest.approx(100)
    assert shares.loc["leaf", "other objects"] == 0
    assert 0 < shares.loc["leaf", "own class"] < 100
    assert shares.loc["shell"].isna().all()
