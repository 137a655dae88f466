"""What steps see of an image."""

from dataclasses import replace

import numpy as np
import pytest

from wsss_lib.errors import ParameterError, WeightsError
from wsss_lib.evaluate.pseudo.view import View
from wsss_lib.features import extract


def test_features_are_z_scored_ones_of_the_localisers_backbone(squares, networks):
    view = View(squares, squares.ids[0], networks)
    np.testing.assert_array_equal(view.image, squares[0].image)
    maps = view.features(["F4", "img", "F1"])
    backbone = networks.localiser.load().network.backbone
    expected = extract(squares[0].image, ("img", "F1", "F4"), backbone)
    assert list(maps) == ["F4", "img", "F1"]
    for layer, found in maps.items():
        np.testing.assert_array_equal(found.values, expected[layer].values)
    assert abs(float(maps["F4"].values.mean())) < 1e-5


def test_edges_that_are_not_there_are_a_sentence(networks, tmp_path):
    with pytest.raises(ParameterError, match="needs IRN's edge network, and none was given"):
        replace(networks, edges=None).load_edges()
    with pytest.raises(WeightsError, match="No weights file"):
        replace(networks, edges=tmp_path / "nowhere.pth").load_edges()
    with pytest.raises(WeightsError, match="is no edge network"):
        replace(networks, edges=networks.localiser.path).load_edges()


def test_edges_run_where_the_localiser_does(networks):
    assert next(networks.load_edges().parameters()).device.type == "cpu"
    elsewhere = replace(networks.localiser, device="nowhere")
    with pytest.raises(ParameterError, match="device='nowhere' cannot be used here"):
        replace(networks, localiser=elsewhere).load_edges()
