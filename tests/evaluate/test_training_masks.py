"""The masks that a segmentation network learns from."""

from dataclasses import replace

import numpy as np
import pytest

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.datasets.images import read_mask, write_mask
from wsss_lib.errors import DataError, ParameterError
from wsss_lib.evaluate import training_masks as module
from wsss_lib.evaluate.pseudo.chain import make_steps
from wsss_lib.evaluate.pseudo.masks import pseudo_masks
from wsss_lib.evaluate.pseudo.view import Networks
from wsss_lib.evaluate.training_masks import bound_masks, training_masks, weak_masks
from wsss_lib.expand.localise import Localiser

RANDOM = BackboneSpec("resnet18", "random")


@pytest.fixture
def networks(checkpoints):
    return Networks(Localiser(checkpoints.plain, (1.0,), threshold=0.4), checkpoints.edges)


def test_a_folder_of_masks_is_taken_as_it_is(squares, tmp_path):
    assert training_masks(str(tmp_path), squares) == replace(squares, masks=str(tmp_path))


def test_the_ground_truth_needs_no_making(squares):
    assert training_masks("truth", squares) is squares


def test_masks_of_the_upper_bound_are_nearly_the_ground_truth(few_squares):
    made = bound_masks(few_squares, RANDOM, layer="img", samples=100)
    assert made.mask_folder.name == "img"
    agree = [np.mean(made.mask(id_) == few_squares.mask(id_)) for id_ in few_squares.ids]
    assert min(agree) > 0.95


def test_pseudo_masks_are_those_of_the_last_step(few_squares, networks, tmp_path):
    made = weak_masks(few_squares, networks, "svm", samples=40, feature="F2")
    steps = make_steps(["seed", "svm"], "toy", samples=40, feature="F2")
    pseudo_masks(few_squares, steps, networks, masks_out=tmp_path / "own", store=tmp_path / "rows")
    for id_ in few_squares.ids:
        own = read_mask(tmp_path / "own" / "svm" / f"{id_}.png", len(few_squares.classes))
        assert np.array_equal(made.mask(id_), own)


def test_masks_made_in_another_way_lie_elsewhere(few_squares, networks):
    first = weak_masks(few_squares, networks, "svm", samples=40, feature="F2")
    other = weak_masks(few_squares, networks, "svm", samples=41, feature="F2")
    bound = bound_masks(few_squares, RANDOM, layer="img", samples=100)
    again = weak_masks(few_squares, networks, "svm", samples=40, feature="F2")
    assert len({first.mask_folder, other.mask_folder, bound.mask_folder}) == 3
    assert again == first


def test_the_upper_bound_hangs_on_the_ground_truth_that_it_samples(few_squares):
    first = bound_masks(few_squares, RANDOM, layer="img", samples=100)
    other = few_squares.root / "other"
    for id_ in few_squares.ids:
        write_mask(other / f"{id_}.png", few_squares.mask(id_)[:, ::-1])
    mirrored = bound_masks(replace(few_squares, masks=str(other)), RANDOM, layer="img", samples=100)
    assert first.mask_folder != mirrored.mask_folder


def test_an_image_without_a_mask_is_told(few_squares, networks):
    few_squares.image_path(few_squares.ids[1]).write_bytes(b"no photograph")
    with pytest.raises(DataError, match="1 of 3 images got no mask"):
        weak_masks(few_squares, networks, "seed")


@pytest.mark.parametrize(("kind", "edges"), [("seed", False), ("irn", True)])
def test_an_edge_network_is_trained_only_for_the_step_that_needs_it(
    few_squares, networks, monkeypatch, kind, edges
):
    asked = []

    def choose(dataset, **how):
        asked.append(how["edges"])
        return networks

    monkeypatch.setattr(module, "choose_networks", choose)
    training_masks(kind, few_squares)
    assert asked == [edges]


def test_a_bad_parameter_is_told(few_squares, networks):
    with pytest.raises(ParameterError):
        weak_masks(few_squares, networks, "svm", samples=0)
