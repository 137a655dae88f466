from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cosine

from wsss_lib.features import FeatureMap
from wsss_lib.scores import ClassScores
from wsss_lib.weak import mars
from wsss_lib.weak.chain import make_steps
from wsss_lib.weak.crf import PRESETS, dense_crf, unary_from_labels
from wsss_lib.weak.mars import (
    Centroids,
    class_centroids,
    collect_centroids,
    debiased,
    image_feature,
    load_centroids,
    remove_biased,
)
from wsss_lib.weak.masks import row_keys

COW, MEADOW, SKY = np.eye(3, dtype=np.float32)


def planted(regions, seed=0):
    """A feature of 24 x 32 cells at image size: ``regions`` of vectors, with noise."""
    noise = np.random.default_rng(seed).normal(0, 0.03, (3, 24, 32))
    values = sum(vector[:, None, None] * where for vector, where in regions) + noise
    return FeatureMap(torch.from_numpy(values.astype(np.float32)), (24, 32))


@pytest.fixture
def pasture():
    """A photograph, where its sky, meadow and cow are, and their feature."""
    rows, cols = np.indices((24, 32))
    sky, cow = rows < 8, (rows >= 12) & (cols >= 4) & (cols < 14)
    meadow = ~sky & ~cow
    colours = np.array([(120, 160, 230), (50, 140, 40), (150, 90, 60)], np.uint8)
    image = colours[np.where(sky, 0, np.where(cow, 2, 1))]
    return image, sky, meadow, cow, planted([(SKY, sky), (MEADOW, meadow), (COW, cow)])


def test_each_class_of_an_image_has_two_centroids(pasture):
    _, sky, meadow, cow, feature = pasture
    mask = np.where(sky | (meadow & (np.arange(32) > 20)), 0, 4).astype(np.uint8)
    mask[0, 0] = 9
    labels, values = class_centroids(feature, mask)
    assert labels.tolist() == [0, 0, 4, 4, 9]
    parts = [(mask == 0) & sky, (mask == 0) & meadow, (mask == 4) & meadow, cow, mask == 9]
    means = np.array([feature.values.numpy()[:, part].mean(1) for part in parts])
    for pair in ((0, 1), (2, 3), (4,)):  # of the two, either may be the first
        found, expected = values[list(pair)], means[list(pair)]
        order = np.argsort(found[:, 1]), np.argsort(expected[:, 1])
        np.testing.assert_allclose(found[order[0]], expected[order[1]], rtol=1e-4, atol=1e-5)


def test_debiased_centroids_are_the_mean_of_those_that_are_farthest_from_backgrounds():
    rng = np.random.default_rng(0)
    labels = rng.permutation([0] * 10 + [2] * 7 + [5] * 4 + [6])
    values = rng.normal(3, 2, (len(labels), 5)).astype(np.float32)
    found = debiased(labels, values)
    standard = (values - values.mean(0)) / values.std(0)
    backgrounds = standard[labels == 0]
    for label, centroid, count in zip((2, 5, 6), found.values, (3, 2, 1), strict=True):
        own = standard[labels == label].tolist()  # of 7, 4 and 1 the share of 0.4, rounded up
        own.sort(key=lambda v: -np.mean([cosine(v, background) / 2 for background in backgrounds]))
        np.testing.assert_allclose(centroid, np.mean(own[:count], 0), rtol=1e-4, atol=1e-5)
    assert found.labels.tolist() == [2, 5, 6]
    np.testing.assert_allclose(found.mean, values.mean(0), rtol=1e-5)
    np.testing.assert_allclose(found.deviation, values.std(0), rtol=1e-5)


def test_without_any_background_or_object_there_is_nothing_to_compare():
    values = np.float32([[1, 2], [3, 2]])  # the second channel says nothing
    same = debiased(np.array([4, 4]), values)
    np.testing.assert_array_equal(same.values, [[-1, 0]])
    none = debiased(np.array([0, 0]), values)
    assert none.values.shape == (0, 2)
    assert none.labels.tolist() == []


def test_the_similarity_is_that_of_the_likest_class_of_the_image(pasture):
    feature = pasture[4]
    values = np.random.default_rng(1).normal(0, 1, (3, 3)).astype(np.float32)
    mean, deviation = np.float32([0.1, 0.3, 0.2]), np.float32([0.5, 0.2, 0.7])
    centroids = Centroids(np.array([2, 4, 9]), values, mean, deviation)
    found = centroids.similarity(feature, (0, 2, 9, 11))
    for row, col in ((0, 0), (15, 8), (20, 30)):
        vector = feature.values.numpy()[:, row, col]
        cosines = [1 - cosine((vector - mean) / deviation, values[which]) for which in (0, 2)]
        expected = max(0, *cosines)
        assert found[row, col] == pytest.approx(expected, abs=1e-5)


@pytest.fixture
def herd(pasture):
    """Centroids of six pastures, whose cows (4) have some meadow around them."""
    _, sky, meadow, cow, _ = pasture
    near = np.roll(cow, 8, 1) & meadow
    mask = np.where(cow | near, 4, 0).astype(np.uint8)
    found = []
    for seed in range(6):
        feature = planted([(SKY, sky), (MEADOW, meadow), (COW, cow)], seed)
        found.append(class_centroids(feature, mask, str(seed)))
    return debiased(*(np.concatenate(part) for part in zip(*found, strict=True)))


def test_a_biased_object_is_removed_and_the_true_one_stays(pasture, herd):
    image, _, meadow, cow, feature = pasture
    seed = cow | (np.roll(cow, 8, 1) & meadow)
    values = np.stack([np.full((24, 32), 0.3), np.where(seed, 0.8, 0.1)]).astype(np.float32)
    before = ClassScores(values.copy(), (0, 4))
    after = remove_biased(image, before, feature, herd)
    np.testing.assert_array_equal(after.mask() == 4, cow)
    removed = seed & ~cow
    assert (after.values[:, removed] == np.float32([[0.8], [0]])).all()
    np.testing.assert_array_equal(after.values[:, ~removed], values[:, ~removed])
    np.testing.assert_array_equal(before.values, values)


def test_what_stays_is_what_a_crf_makes_of_the_pixels_with_any_similarity(pasture, herd):
    image, *_, feature = pasture
    blurred = replace(feature, values=feature.values[:, ::4, ::4])
    all_cow = ClassScores(np.ones((1, 24, 32), np.float32), (4,))
    alike = herd.similarity(blurred, (4,)) > 0
    expected = dense_crf(image, unary_from_labels(alike, 2), PRESETS["irn"]).argmax(0)
    assert (expected != alike).any()
    after = remove_biased(image, all_cow, blurred, herd)
    assert after.labels == (0, 4)  # the background was lost
    np.testing.assert_array_equal(after.mask() == 4, expected == 1)


def test_a_class_without_a_centroid_keeps_its_pixels(pasture, herd):
    image, sky, _, cow, feature = pasture
    values = np.stack([sky, ~sky & ~cow, cow]).astype(np.float32)
    after = remove_biased(image, ClassScores(values, (0, 4, 7)), feature, herd)
    np.testing.assert_array_equal(after.mask(), np.where(cow, 7, 0))
    strange = ClassScores(values, (0, 7, 8))
    np.testing.assert_array_equal(
        remove_biased(image, strange, feature, herd).mask(), strange.mask()
    )


def test_an_image_without_objects_is_background(pasture, herd):
    image, *_, feature = pasture
    after = remove_biased(image, ClassScores(np.ones((1, 24, 32), np.float32), (0,)), feature, herd)
    assert after.labels == (0,)
    assert not after.mask().any()


def test_centroids_of_a_data_set_are_collected_once_and_alike_by_any_workers(
    few_squares, localiser, monkeypatch, tmp_path
):
    path = collect_centroids(few_squares, localiser)
    parts = []
    for id_ in few_squares.ids:
        seed = localiser.scores(few_squares, id_).mask()
        parts.append(class_centroids(image_feature(few_squares, localiser, id_), seed, id_))
    expected = debiased(*(np.concatenate(part) for part in zip(*parts, strict=True)))
    assert 0 < len(expected.labels) <= 2
    for name, array in vars(load_centroids(path)).items():
        np.testing.assert_allclose(array, getattr(expected, name), rtol=1e-4, atol=1e-5)

    content = path.read_bytes()
    path.unlink()
    assert collect_centroids(few_squares, localiser, workers=2) == path
    assert path.read_bytes() == content
    monkeypatch.setattr(mars, "processes", None)
    assert collect_centroids(few_squares, localiser) == path


def test_other_images_or_seeds_have_other_centroids(few_squares, localiser, monkeypatch):
    one = (np.array([0, 1]), np.float32([[0, 1], [1, 0]]))
    monkeypatch.setattr(mars, "_of_image", lambda dataset, localiser, id_: (id_, one))
    paths = {
        collect_centroids(few_squares, localiser),
        collect_centroids(few_squares.subset(few_squares.ids[:2]), localiser),
        collect_centroids(few_squares, replace(localiser, threshold=0.2)),
    }
    assert len(paths) == 3


def test_the_step_and_its_rows_depend_on_the_centroids(few_squares, localiser, tmp_path):
    id_, path = few_squares.ids[0], tmp_path / "some.npz"
    feature = image_feature(few_squares, localiser, id_)
    centroids = debiased(np.array([0, 1, 2]), np.eye(3, feature.channels, dtype=np.float32))
    np.savez(path, **vars(centroids))
    names = ["seed", "crf", "mars"]
    steps = make_steps(names, few_squares, localiser=localiser, centroids=path)
    before = localiser.scores(few_squares, id_)
    found = steps[2].run(few_squares, id_, before)
    expected = remove_biased(few_squares.image(id_), before, feature, centroids)
    np.testing.assert_array_equal(found.values, expected.values)

    keys = row_keys(few_squares, id_, steps)
    np.savez(path, **vars(replace(centroids, values=2 * centroids.values)))
    changed = {step for step, key in row_keys(few_squares, id_, steps).items() if key != keys[step]}
    assert changed == {steps[2]}
