"""The classification network: scores, what learns, learning rates."""

import numpy as np
import pytest
import torch

from wsss_lib.classify.backbones import build_backbone
from wsss_lib.classify.network import ClassificationNetwork


@pytest.fixture(scope="module")
def pretrained(tmp_path_factory):
    """A backbone with weights from a file."""
    path = tmp_path_factory.mktemp("weights") / "some.pth"
    torch.save(build_backbone("resnet18").body.state_dict(), path)
    return build_backbone("resnet18", path)


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
    assert [p.shape for p in new["params"]] == [(2, 512, 1, 1)]
    assert all(p.requires_grad for p in backbone["params"])
