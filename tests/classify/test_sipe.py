"""Maps, seeds, prototypes, against a reading of the formulas pixel by pixel."""

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from wsss_lib.classify import sipe as module
from wsss_lib.classify.backbones import RECIPES, build_backbone
from wsss_lib.classify.sipe import (
    SIPENetwork,
    SIPESettings,
    channel_mask,
    image_specific_cams,
    localisation_maps,
    prototype_cams,
    prototypes,
    structure_seeds,
)
from wsss_lib.errors import ParameterError


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
from wsss_lib.classify.sipe import structure_seeds

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


SMALL = SIPESettings(side_channels=(8, 8, 16, 16))


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Noise, labels of three classes, where the images are; half of the last one is padding."""
    valid = torch.ones(4, 48, 64, dtype=torch.bool)
    valid[3, :, 32:] = False
    x = torch.randn(4, 3, 48, 64, generator=torch.Generator().manual_seed(0))
    return x, torch.tensor([[1.0, 0, 0], [0, 1, 1], [0, 1, 0], [1, 0, 0]]), valid


@pytest.fixture(scope="module")
def untrained() -> SIPENetwork:
    return SIPENetwork(build_backbone("resnet18"), 3, settings=SMALL).eval()


def learns(loss: torch.Tensor, network: SIPENetwork) -> set[str]:
    """What a loss teaches: the layers with a gradient other than 0."""
    named = dict(network.named_parameters())
    gradients = torch.autograd.grad(
        loss, [p for p in named.values() if p.requires_grad], retain_graph=True, allow_unused=True
    )
    trained = zip((k for k, p in named.items() if p.requires_grad), gradients, strict=True)
    moving = [k.split(".") for k, g in trained if g is not None and g.any()]
    return {k[2] if k[0] == "backbone" else k[0] for k in moving}


DEEP = {"layer3", "layer4", "classifier"}
LEARNS = {"random": {"conv1", "bn1", "layer1", "layer2", *DEEP}, "some.pth": DEEP}


@pytest.mark.parametrize(("loss", "new"), [("classification", set()), ("consistency", {"sides"})])
def test_each_loss_teaches_backbone_and_classifier_and_consistency_the_sides(
    backbone, batch, loss, new
):
    network = SIPENetwork(backbone, 3, settings=SMALL).train()
    assert learns(network.losses(*batch)[loss], network) == LEARNS[backbone.weights.name] | new


def test_each_side_of_the_consistency_teaches_its_own_layers(backbone, batch, monkeypatch):
    network = SIPENetwork(backbone, 3, settings=SMALL).train()
    for fixed, expected in (
        ("localisation_maps", {"sides"}),
        ("prototype_cams", LEARNS[backbone.weights.name]),
    ):
        with monkeypatch.context() as patch:
            whole = getattr(module, fixed)
            patch.setattr(module, fixed, lambda *given, whole=whole: whole(*given).detach())
            assert learns(network.losses(*batch)["consistency"], network) == expected


def test_every_side_learns_and_is_among_the_new_layers(backbone, batch):
    network = SIPENetwork(backbone, 3, settings=SMALL)
    sum(network.losses(*batch).values()).backward()
    new = network.parameter_groups(0.1, 10)[1]
    assert [tuple(p.shape[:2]) for p in new["params"]] == [
        (3, 512), (8, 64), (8, 128), (16, 256), (16, 512)
    ]  # fmt: skip
    assert all(p.grad.any() for p in new["params"])


def test_pretrained_layers_that_do_not_learn_keep_nothing_for_a_way_back(pretrained_file, batch):
    backbone = build_backbone("resnet18", pretrained_file)
    SIPENetwork(backbone, 3, settings=SMALL).train()
    with_a_way_back = [stage.requires_grad for stage in backbone.stages(batch[0])]
    assert with_a_way_back == [False, False, False, True, True]


@pytest.mark.parametrize("name", RECIPES)
def test_hierarchical_features_stand_on_the_grid_of_f4(name):
    network = SIPENetwork(build_backbone(name), 2).eval()
    x = torch.randn(2, 3, 33, 50, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert network.hierarchical(network.backbone.stages(x)).shape == (2, 768, 3, 4)
        losses = network.losses(x, torch.eye(2), torch.ones(2, 33, 50, dtype=torch.bool))
    assert all(loss.isfinite() for loss in losses.values())


def test_each_side_is_normalised_at_its_own_size_and_resized(untrained, batch):
    with torch.no_grad():
        stages = untrained.backbone.stages(batch[0])
        features = untrained.hierarchical(stages)
        first = 0
        for side, stage in zip(untrained.sides, stages[1:], strict=True):
            weight = side.weight[:, :, 0, 0]
            map_ = torch.einsum("dc,nchw->ndhw", weight, stage)
            map_ = map_ / (map_.square().sum(1, keepdim=True).sqrt() + 1e-5)
            expected = functional.interpolate(map_, (3, 4), mode="bilinear", align_corners=False)
            found = features[:, first : first + len(weight)]
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
            first += len(weight)
    assert first == features.shape[1]
    torch.testing.assert_close(
        features[:, -16:].norm(dim=1), torch.ones(4, 3, 4), atol=1e-4, rtol=0
    )


@pytest.mark.parametrize("structure", ["F5", "hierarchical"])
@pytest.mark.parametrize("mask_cams", [False, True])
@pytest.mark.parametrize("over_absent", [False, True])
def test_consistency_is_that_of_the_formulas(
    colour_backbone, batch, oracle, structure, mask_cams, over_absent
):
    settings = replace(
        SMALL, training_structure=structure, mask_cams=mask_cams, over_absent=over_absent
    )
    network, (x, labels, valid) = SIPENetwork(colour_backbone, 3, 1, settings), batch
    with torch.no_grad():
        found = network.losses(x, labels, valid)["consistency"].item()
        stages = network.backbone.stages(x)
        features = network.hierarchical(stages).double().numpy()
        logits = network.classifier(stages[4]).double()
    sources = stages[4].numpy() if structure == "F5" else features
    total = []
    for image in range(4):
        present = np.array([1, *labels[image]])[:, None, None]
        mask = present * valid[image, ::16, ::16].numpy()
        maps = localisation_maps(logits[image : image + 1])[0].numpy() * mask
        seeds = oracle.seeds(sources[image], maps, 0.5) * mask
        cams = oracle.cams(seeds, features[image])
        cams /= cams.max((1, 2), keepdims=True) + 1e-5
        difference = np.abs(maps - (cams * mask if mask_cams else cams))
        total.append(difference if over_absent else difference[present[:, 0, 0] > 0])
    assert found == pytest.approx(np.concatenate(total).mean(), rel=1e-4)
    assert found > 0


def test_consistency_counts_with_its_weight(untrained, batch, monkeypatch):
    once = untrained.losses(*batch)
    plain = functional.multilabel_soft_margin_loss(untrained(batch[0]), batch[1])
    assert once["classification"].item() == pytest.approx(plain.item(), rel=1e-5)
    monkeypatch.setattr(untrained, "settings", replace(SMALL, consistency_weight=3))
    thrice = untrained.losses(*batch)
    assert thrice["consistency"].item() == pytest.approx(3 * once["consistency"].item())
    assert thrice["classification"].item() == pytest.approx(once["classification"].item())


def test_training_makes_both_losses_smaller(tiny):
    network = SIPENetwork(build_backbone("resnet18"), 2, settings=SMALL).train()
    x = network.backbone.normalise(np.stack([tiny.image(id_)[:34, :34] for id_ in tiny.ids[:4]]))
    labels, valid = torch.from_numpy(tiny.label_matrix()[:4]), torch.ones(4, 34, 34).bool()
    optimiser = torch.optim.SGD(network.parameter_groups(0.02, 10))
    history = []
    for _ in range(8):
        losses = network.losses(x, labels, valid)
        optimiser.zero_grad()
        sum(losses.values()).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        history.append({name: loss.item() for name, loss in losses.items()})
    assert history[-1]["classification"] < 0.8 * history[0]["classification"]
    assert history[-1]["consistency"] < 0.8 * history[0]["consistency"]


def test_new_layers_depend_on_the_seed_and_leave_the_global_state_alone():
    backbone = build_backbone("resnet18")
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, again, other = (
        SIPENetwork(backbone, 2, seed, SMALL).sides[3].weight for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert first.abs().max().item() == pytest.approx(1 / math.sqrt(512), rel=1e-2)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"training_structure": "F4"}, "training_structure='F4'; expected one of F5, hier"),
        ({"inference_structure": "f5"}, "inference_structure='f5'; expected"),
        ({"background_weight": -1}, "background_weight=-1; expected at least 0"),
        ({"consistency_weight": math.nan}, "consistency_weight=nan; expected"),
        ({"side_channels": (128, 256)}, r"side_channels=\(128, 256\); expected four"),
        ({"side_channels": (128, 128, 256, 0)}, "expected four numbers of at least 1"),
    ],
)
def test_settings_out_of_range_are_refused(wrong, message):
    with pytest.raises(ParameterError, match=message):
        SIPESettings(**wrong)


@pytest.fixture
def network(colour_backbone):
    return SIPENetwork(colour_backbone, 3, seed=1, settings=SMALL)


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
def test_one_scale_is_that_of_the_formulas(network, image, oracle, structure):
    network.settings = replace(network.settings, inference_structure=structure)
    scores = image_specific_cams(network, image, (2,), (1.0,))
    maps = []
    for view in (image, image[:, ::-1]):
        with torch.no_grad():
            stages = network.backbone.stages(network.backbone.normalise(view))
            maps.append([network.classifier(stages[4]), network.hierarchical(stages), stages[4]])
    logits, features, deepest = (a + b.flip(3) for a, b in zip(*maps, strict=True))
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


def test_maps_do_not_depend_on_the_other_labels(network, image):
    """A cell that joins an absent class is no seed of another one."""
    every = image_specific_cams(network, image, (1, 2, 3), (1.0, 0.5)).values
    for label in (1, 2, 3):
        alone = image_specific_cams(network, image, (label,), (1.0, 0.5)).values
        np.testing.assert_allclose(alone, every[[0, label]], atol=1e-6)


def test_a_mirrored_image_has_mirrored_maps(network, image):
    maps = image_specific_cams(network, image, (1, 2, 3)).values
    mirrored = image_specific_cams(network, image[:, ::-1], (1, 2, 3)).values
    np.testing.assert_allclose(mirrored[:, :, ::-1], maps, atol=1e-4)


def test_a_class_that_no_cell_joins_has_an_empty_map(network, image):
    network.settings = replace(network.settings, background_weight=0)
    background, label = image_specific_cams(network, image, (1,)).values
    assert not background.any()
    assert label.any()
