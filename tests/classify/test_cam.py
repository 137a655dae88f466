"""Class activation maps, with Grad-CAM of another program as a judge."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from wsss_lib.classify.backbones import build_backbone
from wsss_lib.classify.cam import class_activation_maps
from wsss_lib.classify.network import ClassificationNetwork
from wsss_lib.errors import ParameterError


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
    x = network.backbone.normalise(image)
    maps = class_activation_maps(network, image, (1, 2, 3, 4), flip=False)
    for channel in range(4):
        expected = grad_cam.attribute(x, target=channel, relu_attributions=True).detach()
        expected = functional.interpolate(expected, (70, 90), mode="bilinear")[0, 0]
        greatest = expected.max().clamp(min=1e-12)
        np.testing.assert_allclose(maps[channel], (expected / greatest).numpy(), atol=1e-4)
    assert maps.any()


def test_maps_are_normalised_at_image_size(network, image):
    maps = class_activation_maps(network, image, (2, 4), scales=(1.0, 0.5))
    assert (maps.shape, maps.dtype) == ((2, 70, 90), np.float32)
    assert maps.min() == 0
    assert set(maps.max((1, 2))) <= {0.0, 1.0}


def test_a_mirrored_image_has_mirrored_maps(network, image):
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
