from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from wsss_lib.classify.network import class_activation_maps
from wsss_lib.classify.sipe import image_specific_cams
from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.errors import ParameterError
from wsss_lib.metrics import confusion_matrix, iou_of_counted, mean
from wsss_lib.store import FORMAT
from wsss_lib.weak.seeds import (
    BACKGROUND_WEIGHT,
    SCALES,
    THRESHOLD,
    Localiser,
    threshold_curve,
    with_background,
)


@pytest.fixture
def cams():
    cams = np.random.default_rng(0).random((2, 9, 11), np.float32)
    return cams / cams.max((1, 2), keepdims=True)


@pytest.mark.parametrize("threshold", [0, 0.3, 0.7])
def test_background_wins_where_no_map_is_above_it(cams, threshold):
    scores = with_background(cams, (3, 8), threshold)
    assert scores.labels == (0, 3, 8)
    assert scores.values.dtype == np.float32
    higher = np.where(cams[0] >= cams[1], 3, 8)
    expected = np.where(cams.max(0) > np.float32(threshold), higher, 0)
    assert np.array_equal(scores.mask(), expected)
    assert set(np.unique(expected)) >= {3, 8}


def test_a_map_that_equals_the_threshold_leaves_the_pixel_to_the_background():
    threshold = np.float32(0.15)
    above = np.nextafter(threshold, np.float32(1))
    for dtype in (np.float32, np.float64):
        cams = np.array([[[0, threshold, above, 1]]], dtype)
        assert with_background(cams, (5,), 0.15).mask().tolist() == [[0, 0, 5, 5]]


def test_above_every_map_and_without_labels_all_is_background(cams):
    assert not with_background(cams, (3, 8), 1).mask().any()
    assert np.array_equal(with_background(cams[:0], (), 0.2).mask(), np.zeros((9, 11)))


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_a_threshold_out_of_range_is_refused(cams, threshold):
    with pytest.raises(ParameterError, match=f"threshold={threshold}; a number from 0 to 1"):
        with_background(cams, (3, 8), threshold)


@pytest.mark.parametrize("wrong", [-1.0, 3.0, np.nan])
def test_maps_that_are_not_normalised_are_refused(cams, wrong):
    cams[0, 0, 0] = wrong
    with pytest.raises(ParameterError, match="expected 0 to 1, each class divided"):
        with_background(cams, (3, 8), 0.2)


@pytest.mark.parametrize("labels", [(3,), (8, 3), (0, 3)])
def test_labels_that_do_not_fit_the_maps_are_refused(cams, labels):
    with pytest.raises(ParameterError, match="labels"):
        with_background(cams, labels, 0.2)


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


@pytest.mark.parametrize("older", [2, 3])
def test_maps_of_an_older_format_are_made_again(few_squares, localiser, made, monkeypatch, older):
    for version in (older, FORMAT):
        monkeypatch.setattr("wsss_lib.weak.seeds.FORMAT", version)
        for _ in range(2):
            localiser.scores(few_squares, few_squares.ids[0])
    assert made == [(1, 2), (1, 2)]


def test_a_plain_network_gets_a_constant_background(few_squares, checkpoints, made):
    id_, image = few_squares.ids[0], few_squares[0].image
    localiser = Localiser(checkpoints.plain)
    assert not localiser.has_background
    network, scales = localiser.load().network, SCALES["toy"]
    for threshold in (THRESHOLD, 0.4):
        scores = replace(localiser, threshold=threshold).scores(few_squares, id_)
        assert (scores.values[0] == np.float32(threshold)).all()
        expected = class_activation_maps(network, image, (1, 2), scales).astype(np.float16)
        np.testing.assert_array_equal(scores.values[1:], expected)
    assert len(made) == 1


def test_sipe_has_a_background_of_its_own(few_squares, checkpoints, made):
    id_, image = few_squares.ids[1], few_squares[1].image
    localiser = Localiser(checkpoints.sipe)
    assert localiser.has_background
    network = localiser.load().network
    usual = {"scales": SCALES["toy"], "background_weight": BACKGROUND_WEIGHT["toy"]}
    expected = image_specific_cams(network, image, (2,), **usual).values.astype(np.float16)
    for threshold in (THRESHOLD, 0.4):
        scores = replace(localiser, threshold=threshold).scores(few_squares, id_)
        assert scores.labels == (0, 2)
        np.testing.assert_array_equal(scores.values, expected)
    assert len(made) == 1
    weighted = replace(localiser, background_weight=3.0)
    assert weighted.name != localiser.name
    found = weighted.scores(few_squares, id_).values
    usual["background_weight"] = 3.0
    expected = image_specific_cams(network, image, (2,), **usual).values
    np.testing.assert_array_equal(found, expected.astype(np.float16))


def test_without_object_labels_all_is_background(few_squares, localiser):
    scores = localiser.scores(few_squares, few_squares.ids[2])
    assert scores.labels == (0,)
    assert scores.values.shape == (1, 40, 52)
    assert not scores.mask().any()


def test_maps_depend_on_photograph_labels_scales_and_weights(few_squares, checkpoints, made):
    id_, other = few_squares.ids[0], few_squares.ids[1]
    localiser = Localiser(checkpoints.plain, ONE_SCALE)
    localiser.scores(few_squares, id_)
    names = {localiser.name}
    for changed in (replace(localiser, scales=(0.5,)), replace(localiser, path=checkpoints.sipe)):
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


@pytest.mark.parametrize("left", [0, 60, -1])
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


def noisy_cams(dataset, dtype=np.float32):
    """Maps that are higher on their class, half of whose values equal a threshold."""

    def cams(id_):
        rng = np.random.default_rng(int(id_[-1]))
        truth = dataset.mask(id_)
        own = np.stack([truth == label for label in dataset.labels(id_)])
        values = (0.5 * own + 0.6 * rng.random(own.shape)).clip(0, 1)
        rounded = values.round(2)
        return np.where(rng.random(own.shape) < 0.5, rounded, values).astype(dtype)

    return cams


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
def test_the_curve_is_what_each_threshold_gives_alone(tiny, dtype):
    cams, k = noisy_cams(tiny, dtype), len(tiny.classes)
    images = [(tiny.mask(id_), cams(id_), tiny.labels(id_)) for id_ in tiny.ids]
    table = threshold_curve(tiny, cams)
    assert table["threshold"].tolist() == [number / 100 for number in range(60)]
    for line in table.to_dict("records"):
        confusion = np.zeros((k, k), np.int64)
        for truth, maps, labels in images:
            seed = with_background(maps, labels, line["threshold"]).mask()
            confusion += confusion_matrix(truth, seed, k)
        scores = iou_of_counted(confusion)
        assert [line[name] for name in tiny.classes.short] == (100 * scores).tolist()
        assert line["mean"] == 100 * mean(scores)


def test_void_counts_nowhere(tiny):
    cams = noisy_cams(tiny)

    def other_on_void(id_):
        return np.where(tiny.mask(id_) == 255, 1 - cams(id_), cams(id_))

    pd.testing.assert_frame_equal(threshold_curve(tiny, cams), threshold_curve(tiny, other_on_void))


def test_a_class_in_no_mask_has_no_score_though_it_is_predicted(tiny, monkeypatch):
    monkeypatch.setattr(DevkitDataset, "labels", lambda *_: (1, 2))
    first = tiny.subset(tiny.ids[:1])  # whose mask has no class 2
    table = threshold_curve(first, lambda _: np.ones((2, 24, 32)) * [[[0.4]], [[0.5]]])
    assert table["low"].isna().all()
    # over background and class 1: none is right below 0.5, above it the background
    assert table["mean"].iloc[45] == 0
    assert table["mean"].iloc[55] == pytest.approx((100 * 24 / 32 + 0) / 2)


def test_maps_of_another_size_are_refused(tiny):
    with pytest.raises(
        ParameterError, match=r"CAMs of \(12, 32\) for tiny_0; its size, \(24, 32\)"
    ):
        threshold_curve(tiny, lambda id_: noisy_cams(tiny)(id_)[:, :12])
