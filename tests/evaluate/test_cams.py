"""Where class activation maps lie."""

import numpy as np
import pytest

from wsss_lib.classify.backbones import build_backbone
from wsss_lib.classify.network import ClassificationNetwork
from wsss_lib.datasets.classes import VOID, ClassSet
from wsss_lib.datasets.devkit import Sample
from wsss_lib.evaluate.cams import activation_places, cam_shares


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
