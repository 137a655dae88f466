"""Maps, seeds, prototypes, against a reading of the formulas pixel by pixel."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from wsss_lib.classify.sipe.maps import (
    channel_mask,
    localisation_maps,
    prototype_cams,
    prototypes,
    structure_seeds,
)


def random_tensor(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_localisation_maps_by_hand():
    logits = torch.tensor([[[[2.0, -1, 1]], [[-3, 0.5, 0.25]]]])
    expected = torch.tensor([[[[0.0, 0, 0.5]], [[1, 0, 0.5]], [[0, 1, 0.5]]]])
    torch.testing.assert_close(localisation_maps(logits), expected, atol=3e-5, rtol=0)


def test_where_no_class_is_seen_all_is_background():
    maps = localisation_maps(-random_tensor(2, 3, 4, 5).abs())
    assert (maps[:, 0] == 1).all()
    assert not maps[:, 1:].any()


def test_localisation_maps_have_the_gradient_of_finite_differences():
    logits = random_tensor(2, 3, 2, 3).double().requires_grad_()
    assert torch.autograd.gradcheck(localisation_maps, logits)


def test_mask_is_0_for_absent_classes_and_beyond_the_image():
    valid = torch.ones(2, 32, 48, dtype=torch.bool)
    valid[0, 16:] = False
    valid[1, :, :16] = False
    mask = channel_mask(torch.tensor([[0.0, 1], [1, 0]]), valid, (2, 3))
    first, second = [[1, 1, 1], [0, 0, 0]], [[0, 1, 1], [0, 1, 1]]
    none = [[0, 0, 0], [0, 0, 0]]
    expected = torch.tensor([[first, none, first], [second, second, none]])
    torch.testing.assert_close(mask, expected.float())


@pytest.mark.parametrize("weight", [0.5, 1.0])
def test_seeds_are_those_of_the_formulas_pixel_by_pixel(oracle, weight):
    source, maps = random_tensor(3, 20, 6, 7) + 0.3, localisation_maps(random_tensor(3, 4, 6, 7))
    maps[1, 2] = 0  # an absent class
    seeds = structure_seeds(source, maps, weight).numpy()
    for image in range(3):
        expected = oracle.seeds(source[image].numpy(), maps[image].numpy(), weight)
        np.testing.assert_array_equal(seeds[image], expected)
    assert (seeds.sum((0, 2, 3)) > 0).all()


def test_less_weight_leaves_less_to_the_background():
    source, maps = random_tensor(2, 9, 8, 8), localisation_maps(random_tensor(2, 3, 8, 8))
    kept = [structure_seeds(source, maps, w)[:, 0].sum() for w in (0, 0.75, 1, 9)]
    assert kept[0] == 0 < kept[1] < kept[2] < kept[3] == 2 * 64


def test_cells_without_a_feature_are_background():
    maps = localisation_maps(random_tensor(1, 2, 3, 3))
    maps[:, 1] = 0
    seeds = structure_seeds(torch.zeros(1, 5, 3, 3), maps)
    assert (seeds[:, 0] == 1).all()


def test_no_gradient_goes_through_seeds():
    source, logits = random_tensor(1, 5, 3, 3), random_tensor(1, 2, 3, 3)
    maps = localisation_maps(logits.requires_grad_())
    assert not structure_seeds(source.requires_grad_(), maps).requires_grad


def test_prototypes_are_the_means_of_the_seeds_up_to_scale():
    features, seeds = random_tensor(2, 6, 4, 5), torch.zeros(2, 3, 4, 5)
    seeds[:, 0, :2] = seeds[0, 1, 3, 1:] = seeds[1, 2, 2:] = 1
    found = prototypes(seeds, features)
    assert found.shape == (2, 3, 6)
    for image, channel in ((0, 0), (1, 0), (0, 1), (1, 2)):
        inside = seeds[image, channel] > 0
        mean = features[image][:, inside].mean(1)
        torch.testing.assert_close(found[image, channel], mean * inside.sum() / 20)
    assert not found[0, 2].any()
    assert not found[1, 1].any()


def test_cams_are_cosines_cut_off_below_0(oracle):
    features, seeds = random_tensor(2, 6, 4, 5), torch.zeros(2, 3, 4, 5)
    seeds[:, 0, :2] = seeds[0, 1, 3, 1:] = 1
    cams = prototype_cams(features, prototypes(seeds, features))
    for image in range(2):
        expected = oracle.cams(seeds[image].numpy(), features[image].double().numpy())
        np.testing.assert_allclose(cams[image], expected, atol=1e-6)
    assert cams[:, 0].max() > cams[:, 0].min() == 0


def test_a_channel_without_seeds_has_an_empty_cam_and_no_gradient():
    features = random_tensor(1, 6, 4, 5).requires_grad_()
    cams = prototype_cams(features, prototypes(torch.zeros(1, 2, 4, 5), features))
    assert not cams.any()
    cams.sum().backward()
    assert not features.grad.any()


PEAK = """
import torch
from wsss_lib.classify.sipe.maps import structure_seeds

def peak():
    status = open("/proc/self/status").read()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024

torch.set_num_threads(1)
source, maps = torch.rand(16, 2048, 32, 32), torch.rand(16, 21, 32, 32)
structure_seeds(source[:1, :8], maps[:1])
before = peak()
structure_seeds(source, maps)
print(peak() - before)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")
def test_seeds_of_a_batch_take_less_than_500_mb():
    """Not ru_maxrss: a new process inherits that of the tests."""
    run = subprocess.run(
        [sys.executable, "-c", PEAK], capture_output=True, text=True, check=True, timeout=120
    )
    assert 64 < float(run.stdout) < 500
