"""Image-specific CAMs of whole images."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from wsss_lib.classify.sipe.inference import image_specific_cams
from wsss_lib.classify.sipe.maps import localisation_maps
from wsss_lib.classify.sipe.network import SIPENetwork, SIPESettings
from wsss_lib.errors import ParameterError


@pytest.fixture
def network(colour_backbone):
    settings = SIPESettings(side_channels=(8, 8, 16, 16))
    return SIPENetwork(colour_backbone, 3, seed=1, settings=settings)


@pytest.fixture
def image():
    """Noise with a reddish and a bluish corner."""
    image = np.random.default_rng(3).integers(30, 180, (70, 90, 3), dtype=np.uint8)
    image[:40, :40, 0] += 70
    image[30:, 50:, 2] += 70
    return image


def test_scores_of_background_and_labels_at_image_size(network, image):
    before = torch.random.get_rng_state()
    scores = image_specific_cams(network.train(), image, (1, 3))
    assert not network.training
    assert scores.labels == (0, 1, 3)
    assert (scores.values.shape, scores.values.dtype) == ((3, 70, 90), np.float32)
    assert scores.values.min() >= 0
    np.testing.assert_allclose(scores.values.max((1, 2)), 1, atol=1e-4)
    assert set(np.unique(scores.mask())) <= {0, 1, 3}
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize("structure", ["F5", "hierarchical"])
@pytest.mark.parametrize("flip", [False, True])
def test_one_scale_is_that_of_the_formulas(network, image, oracle, structure, flip):
    network.settings = replace(network.settings, inference_structure=structure)
    scores = image_specific_cams(network, image, (2,), (1.0,), flip)
    maps = []
    for view in [image, image[:, ::-1]] if flip else [image]:
        with torch.no_grad():
            stages = network.backbone.stages(network.backbone.normalise(view))
            maps.append([network.classifier(stages[4]), network.hierarchical(stages), stages[4]])
    if flip:
        maps = [[a + b.flip(3) for a, b in zip(*maps, strict=True)]]
    logits, features, deepest = maps[0]
    source = (deepest if structure == "F5" else features)[0].numpy()
    seeds = oracle.seeds(source, localisation_maps(logits)[0].numpy(), 0.5)
    cams = oracle.cams(seeds[[0, 2]], features[0].double().numpy())
    expected = functional.interpolate(torch.from_numpy(cams)[None], (70, 90), mode="bilinear")[0]
    expected = expected / expected.amax((1, 2), keepdim=True)
    np.testing.assert_allclose(scores.values, expected, atol=1e-4)


def test_a_weight_of_the_background_takes_the_place_of_that_of_the_training(network, image):
    usual = image_specific_cams(network, image, (1, 3))
    same, heavier = (
        image_specific_cams(network, image, (1, 3), background_weight=weight) for weight in (0.5, 4)
    )
    np.testing.assert_array_equal(same.values, usual.values)
    network.settings = replace(network.settings, background_weight=4)
    expected = image_specific_cams(network, image, (1, 3))
    np.testing.assert_array_equal(heavier.values, expected.values)
    assert (heavier.mask() == 0).sum() > (usual.mask() == 0).sum()


def test_scales_are_summed_before_the_division(network, image):
    """What two scales give is then a positive multiple of the one plus one of the other."""
    first, second, both = (
        image_specific_cams(network, image, (1,), scales).values.reshape(2, -1)
        for scales in ((1.0,), (2.0,), (1.0, 2.0))
    )
    for channel in range(2):
        parts = np.stack([first[channel], second[channel]], 1)
        factors = np.linalg.lstsq(parts, both[channel])[0]
        assert factors.min() > 0.3
        np.testing.assert_allclose(parts @ factors, both[channel], atol=1e-5)
        assert np.abs(first[channel] - second[channel]).max() > 0.1


def test_maps_do_not_hang_on_the_other_labels(network, image):
    """A cell that joins an absent class is no seed of another one."""
    every = image_specific_cams(network, image, (1, 2, 3), (1.0, 0.5)).values
    for label in (1, 2, 3):
        alone = image_specific_cams(network, image, (label,), (1.0, 0.5)).values
        np.testing.assert_allclose(alone, every[[0, label]], atol=1e-6)


def test_a_mirrored_image_has_mirrored_maps(network, image):
    maps = image_specific_cams(network, image, (1, 2, 3)).values
    mirrored = image_specific_cams(network, image[:, ::-1], (1, 2, 3)).values
    np.testing.assert_allclose(mirrored[:, :, ::-1], maps, atol=1e-4)
    plain, other = (
        image_specific_cams(network, view, (1,), (1.0,), flip=False).values
        for view in (image, image[:, ::-1])
    )
    assert np.abs(plain - other[:, :, ::-1]).max() > 1e-3


def test_a_class_that_no_cell_joins_has_an_empty_map(network, image):
    network.settings = replace(network.settings, background_weight=0)
    background, label = image_specific_cams(network, image, (1,)).values
    assert not background.any()
    assert label.any()


@pytest.mark.parametrize("index", [0, 4])
def test_background_and_unknown_classes_are_refused(network, image, index):
    with pytest.raises(ParameterError, match=f"No class {index}; .* classes 1 to 3"):
        image_specific_cams(network, image, (1, index))
