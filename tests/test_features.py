"""Feature maps: z-score, reading at pixels, extraction."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from wsss_lib.classify.backbones import build_backbone
from wsss_lib.errors import ParameterError
from wsss_lib.features import KNOWN_LAYERS, FeatureMap, axis_weights, extract


@pytest.fixture
def image():
    return np.random.default_rng(1).integers(0, 256, (37, 51, 3), dtype=np.uint8)


def random_map(channels: int, size: tuple[int, int], image_size: tuple[int, int]) -> FeatureMap:
    values = torch.randn(channels, *size, generator=torch.Generator().manual_seed(2))
    return FeatureMap(values, image_size)


@pytest.mark.parametrize("size", [(4, 5), (24, 32), (1, 1), (37, 51)])
def test_reading_pixels_agrees_with_torch_interpolation(size):
    map_ = random_map(3, size, (37, 51))
    full = functional.interpolate(map_.values[None], (37, 51), mode="bilinear")[0]
    rows, cols = np.indices((37, 51)).reshape(2, -1)
    expected = full[:, rows, cols].T.numpy()
    np.testing.assert_allclose(map_.at(rows, cols), expected, atol=1e-5)


def test_a_map_of_image_size_is_read_as_it_is():
    map_ = random_map(2, (6, 7), (6, 7))
    rows, cols = np.array([0, 5, 3]), np.array([6, 0, 2])
    np.testing.assert_array_equal(map_.at(rows, cols), map_.values[:, rows, cols].T.numpy())


def test_axis_weights_by_hand():
    """Two cells for four pixels: centres at -0.25 (clamped), 0.25, 0.75 and 1.25 (clamped)."""
    first, second, weight = axis_weights(2, 4)
    assert first.tolist() == [0, 0, 0, 1]
    assert second.tolist() == [1, 1, 1, 1]
    assert weight.tolist() == [0, 0.25, 0.75, 0]


def test_zscore_is_over_the_cells_of_each_channel():
    map_ = random_map(3, (5, 6), (80, 96))
    values = map_.values * 7 + 3
    result = FeatureMap(values, (80, 96), "F4").zscore()
    cells = values.numpy().astype(float)
    expected = (cells - cells.mean((1, 2), keepdims=True)) / cells.std((1, 2), keepdims=True)
    np.testing.assert_allclose(result.values.numpy(), expected, atol=1e-5)
    assert (result.name, result.image_size) == ("F4", (80, 96))


@pytest.mark.parametrize("constant", [0.0, 0.1, 255.0, -3e5])
def test_a_constant_channel_becomes_zero(constant):
    values = torch.full((1, 9, 11), constant)
    assert FeatureMap(values, (9, 11)).zscore().values.eq(0).all()


def test_pixels_and_coordinates_without_network(image):
    maps = extract(image, ("xy", "img"), zscore=False)
    assert list(maps) == ["xy", "img"]
    rows, cols = np.array([0, 36, 20]), np.array([50, 0, 7])
    np.testing.assert_array_equal(maps["img"].at(rows, cols), image[rows, cols])
    np.testing.assert_array_equal(maps["xy"].at(rows, cols), np.stack([cols, rows], 1))


def test_stages_are_those_of_the_backbone_in_evaluation_mode(image):
    backbone = build_backbone("resnet18").train()
    maps = extract(image, KNOWN_LAYERS, backbone, zscore=False)
    with torch.no_grad():
        expected = backbone.eval().stages(backbone.normalise(image))
    for layer, stage in zip(("F1", "F2", "F3", "F4", "F5"), expected, strict=True):
        assert torch.equal(maps[layer].values, stage[0])
        assert not maps[layer].values.requires_grad
        assert maps[layer].image_size == (37, 51)


def test_maps_are_zscored_unless_told_otherwise(image):
    maps = extract(image, ("img", "F3"), build_backbone("resnet18"))
    for map_ in maps.values():
        dead = map_.values.eq(0).all(2).all(1)  # of a channel that the ReLU cut off everywhere
        torch.testing.assert_close(map_.values.mean((1, 2)), torch.zeros(map_.channels))
        torch.testing.assert_close(map_.values.std((1, 2), correction=0), 1 - dead.float())


def test_an_unknown_layer_lists_the_known(image):
    with pytest.raises(ParameterError, match=r"'F6'.*img, xy, F1, F2, F3, F4, F5"):
        extract(image, ("img", "F6"))


def test_a_stage_needs_a_backbone(image):
    with pytest.raises(ParameterError, match="F2 comes from a network"):
        extract(image, ("img", "F2"))
