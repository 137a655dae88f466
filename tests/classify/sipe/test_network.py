"""The network: features, losses, and what learns by which."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from wsss_lib.classify.backbones import RECIPES, build_backbone
from wsss_lib.classify.sipe import network as module
from wsss_lib.classify.sipe.maps import localisation_maps
from wsss_lib.classify.sipe.network import SIPENetwork, SIPESettings
from wsss_lib.errors import ParameterError

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


def test_classification_teaches_backbone_and_classifier(backbone, batch):
    network = SIPENetwork(backbone, 3, settings=SMALL).train()
    loss = network.losses(*batch)["classification"]
    assert learns(loss, network) == LEARNS[backbone.weights.name]


def test_consistency_teaches_the_sides_too(backbone, batch):
    network = SIPENetwork(backbone, 3, settings=SMALL).train()
    loss = network.losses(*batch)["consistency"]
    assert learns(loss, network) == {"sides", *LEARNS[backbone.weights.name]}


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
    if name == "efficientnet_lite0":
        pytest.importorskip("efficientnet_lite_pytorch", reason="needs the extra 'offline'")
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


def test_classification_is_the_mean_of_binary_cross_entropies(untrained, batch):
    p = 1 / (1 + np.exp(-untrained(batch[0]).detach().double().numpy()))
    expected = -np.where(batch[1].numpy() == 1, np.log(p), np.log(1 - p)).mean()
    loss = untrained.losses(*batch)["classification"].item()
    assert loss == pytest.approx(expected, rel=1e-4)


def test_consistency_counts_with_its_weight(untrained, batch, monkeypatch):
    once = untrained.losses(*batch)
    monkeypatch.setattr(untrained, "settings", replace(SMALL, consistency_weight=3))
    thrice = untrained.losses(*batch)
    assert thrice["consistency"].item() == pytest.approx(3 * once["consistency"].item())
    assert thrice["classification"].item() == pytest.approx(once["classification"].item())


def test_first_losses_with_many_classes(backbone, batch):
    """Of a network that knows nothing: ln 2, and little, for most maps are of absent classes."""
    x, _, valid = batch
    labels = functional.one_hot(torch.arange(4), 20).float()
    losses = SIPENetwork(backbone, 20, settings=SMALL).train().losses(x, labels, valid)
    assert losses["classification"].item() == pytest.approx(math.log(2), abs=0.1)
    assert 0 < losses["consistency"].item() < 0.1


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


def test_new_layers_hang_on_the_seed_and_leave_the_global_state_alone():
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
