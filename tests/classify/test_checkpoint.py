"""What is no classification network."""

import pytest
import torch

from wsss_lib.classify.checkpoint import load_trained
from wsss_lib.errors import WeightsError


def test_another_network_of_the_kit_is_refused(tmp_path):
    edges = {"network": {"edge.weight": torch.zeros(1)}, "setting": {"irn": {"epochs": 1}}}
    torch.save(edges | {"epoch": 1, "history": "[]"}, tmp_path / "edges.pth")
    with pytest.raises(WeightsError, match=r"edges\.pth is no checkpoint .* 'wsss train class"):
        load_trained(tmp_path / "edges.pth")
