"""Scores of a trained network: made once, and made anew where anything that matters changes."""

from dataclasses import replace

import numpy as np
import pytest

from wsss_lib.classify.cam import class_activation_maps
from wsss_lib.classify.sipe.inference import image_specific_cams
from wsss_lib.errors import ImageError, WeightsError
from wsss_lib.expand.localise import SCALES, THRESHOLD, Localiser

ONE_SCALE = (1.0,)


@pytest.fixture
def made(monkeypatch):
    """The labels of the images whose maps a network makes, in their order."""
    seen, make = [], Localiser._maps

    def maps(localiser, image, labels):
        seen.append(labels)
        return make(localiser, image, labels)

    monkeypatch.setattr(Localiser, "_maps", maps)
    return seen


@pytest.fixture(params=["plain", "sipe"])
def localiser(request, checkpoints):
    return Localiser(getattr(checkpoints, request.param), ONE_SCALE)


def maps_on_disk(tmp_path):
    return sorted((tmp_path / "cache/maps").glob("*/*.npy"))


def test_maps_are_made_once_and_then_read(few_squares, localiser, made, tmp_path):
    first, *_ = few_squares.ids
    fresh, again = (localiser.scores(few_squares, first) for _ in range(2))
    assert made == [(1, 2)]
    assert fresh.labels == again.labels == (0, 1, 2)
    assert fresh.values.dtype == np.float32
    assert fresh.values.shape == (3, 40, 52)
    np.testing.assert_array_equal(again.values, fresh.values)
    np.testing.assert_array_equal(fresh.values[1:], fresh.values[1:].astype(np.float16))
    assert len(np.unique(fresh.values[1:])) > 50  # maps, and not constants
    (path,) = maps_on_disk(tmp_path)
    assert path.name.startswith(f"{first}-")
    assert np.load(path).dtype == np.float16
    localiser.scores(few_squares, few_squares.ids[1])
    assert made == [(1, 2), (2,)]


def test_a_plain_network_gets_a_constant_background(few_squares, checkpoints, made):
    id_, image = few_squares.ids[0], few_squares[0].image
    localiser = Localiser(checkpoints.plain)
    assert not localiser.has_background
    network = localiser.load().network
    for threshold in (THRESHOLD, 0.4):
        scores = replace(localiser, threshold=threshold).scores(few_squares, id_)
        assert (scores.values[0] == np.float32(threshold)).all()
        expected = class_activation_maps(network, image, (1, 2), SCALES).astype(np.float16)
        np.testing.assert_array_equal(scores.values[1:], expected)
    assert len(made) == 1


def test_sipe_has_a_background_of_its_own(few_squares, checkpoints, made):
    id_, image = few_squares.ids[1], few_squares[1].image
    localiser = Localiser(checkpoints.sipe)
    assert localiser.has_background
    network = localiser.load().network
    expected = image_specific_cams(network, image, (2,), SCALES).values.astype(np.float16)
    for threshold in (THRESHOLD, 0.4):
        scores = replace(localiser, threshold=threshold).scores(few_squares, id_)
        assert scores.labels == (0, 2)
        np.testing.assert_array_equal(scores.values, expected)
    assert len(made) == 1
    weighted = replace(localiser, background_weight=3.0)
    assert weighted.name != localiser.name
    found = weighted.scores(few_squares, id_).values
    expected = image_specific_cams(network, image, (2,), SCALES, background_weight=3.0).values
    np.testing.assert_array_equal(found, expected.astype(np.float16))


def test_without_object_labels_all_is_background(few_squares, localiser):
    scores = localiser.scores(few_squares, few_squares.ids[2])
    assert scores.labels == (0,)
    assert scores.values.shape == (1, 40, 52)
    assert not scores.mask().any()


def test_maps_hang_on_photograph_labels_scales_and_weights(few_squares, checkpoints, made):
    id_, other = few_squares.ids[0], few_squares.ids[1]
    localiser = Localiser(checkpoints.plain, ONE_SCALE)
    localiser.scores(few_squares, id_)
    names = {localiser.name}
    for changed in (
        replace(localiser, scales=(0.5,)),
        replace(localiser, path=checkpoints.sipe),
    ):
        changed.scores(few_squares, id_)
        names.add(changed.name)
    assert (len(made), len(names)) == (3, 3)

    keys = {localiser.key(few_squares, id_)}
    few_squares.image_path(id_).write_bytes(few_squares.image_path(other).read_bytes())
    photograph = localiser.scores(few_squares, id_)
    keys.add(localiser.key(few_squares, id_))
    few_squares.mask_path(id_).write_bytes(few_squares.mask_path(other).read_bytes())
    labels = localiser.scores(few_squares, id_)
    keys.add(localiser.key(few_squares, id_))
    assert (len(made), len(keys)) == (5, 3)
    assert photograph.labels == (0, 1, 2)
    np.testing.assert_array_equal(labels.values, localiser.scores(few_squares, other).values)


@pytest.mark.parametrize("left", [0, 60, 200, -1])
def test_a_torn_file_of_maps_is_made_anew(few_squares, localiser, made, tmp_path, left):
    id_ = few_squares.ids[0]
    whole = localiser.scores(few_squares, id_)
    (path,) = maps_on_disk(tmp_path)
    content = path.read_bytes()
    path.write_bytes(content[:left])
    again = localiser.scores(few_squares, id_)
    assert len(made) == 2
    assert path.read_bytes() == content
    np.testing.assert_array_equal(again.values, whole.values)


def test_a_damaged_photograph_is_a_sentence(few_squares, localiser):
    id_ = few_squares.ids[0]
    path = few_squares.image_path(id_)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ImageError, match=rf"{id_}\.jpg is damaged"):
        localiser.scores(few_squares, id_)


def test_a_checkpoint_that_is_not_there_is_a_sentence(few_squares, tmp_path):
    with pytest.raises(WeightsError, match="No weights file"):
        Localiser(tmp_path / "nowhere.pth").scores(few_squares, few_squares.ids[0])
