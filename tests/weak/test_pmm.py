from types import SimpleNamespace

import numpy as np
import pytest

from wsss_lib.scores import ClassScores
from wsss_lib.weak.chain import make_steps
from wsss_lib.weak.crf import PRESETS, CRFParameters, DenseCRF, dense_crf
from wsss_lib.weak.pmm import foreground, proportional_scores, smoothed
from wsss_lib.weak.steps import PMM


@pytest.fixture
def pond():
    """A photograph of a large field with a small pond in it, and the maps of the classes 3 and 8.

    The map of the field (3) is greater everywhere, in the pond, too.
    """
    rng = np.random.default_rng(0)
    rows, cols = np.indices((40, 56))
    field, pond = cols > 12, np.hypot(rows - 20, cols - 40) < 5
    colours = np.array([(90, 90, 90), (60, 150, 40), (40, 70, 200)])
    image = (colours[field + pond.astype(int)] + rng.normal(0, 4, (40, 56, 3))).astype(np.uint8)
    maps = 0.9 * field + 0.1 * rng.random((40, 56)), 0.6 * pond + 0.03 * rng.random((40, 56))
    background = rng.random((40, 56))
    return image, ClassScores(np.float32([background, *maps]), (0, 3, 8)), pond


def by_hand(image, cam, background=None):
    """What PMM does with one class, its probabilities as they are: foreground and importance."""
    seen = [value for value in cam.ravel().tolist() if value > 0.05]
    mean = sum(seen) / len(seen) if seen else 1
    deviation = (sum((value - mean) ** 2 for value in seen) / max(1, len(seen))) ** 0.5
    own = np.where(cam < 0.05, 0, cam.astype(float)) ** (1 - 0.3 * deviation / mean)
    background = (1 - own) ** 11 if background is None else background
    unary = -np.log(np.clip([background, own], 1e-5, 1))
    inside = dense_crf(image, unary, CRFParameters(3, 10, 80, 13, 10, iterations=10))[1] > 0.5
    return inside, cam / (1 + (cam * inside).sum())


def test_a_small_object_is_not_swallowed_by_a_big_one(pond):
    image, before, small = pond
    assert (before.mask()[small] != 8).all()
    (field, own), (water, part) = (by_hand(image, cam) for cam in before.values[1:])
    assert (field & water).any()
    expected = np.where(field, 3, 0)
    expected[water & (~field | (part > own))] = 8
    found = proportional_scores(image, before)
    assert found.labels == (0, 3, 8)
    assert found.values.dtype == np.float32
    np.testing.assert_array_equal(found.mask(), expected)
    assert (found.mask()[small] == 8).mean() > 0.9
    np.testing.assert_array_equal(found.values[0], ~field & ~water)
    np.testing.assert_allclose(found.values[1:], [own * field, part * water], rtol=1e-4)


def test_a_background_of_the_image_s_own_is_that_of_every_class(pond):
    image, before, _ = pond
    found = proportional_scores(image, before, own_background=True)
    inside = [by_hand(image, cam, before.values[0])[0] for cam in before.values[1:]]
    np.testing.assert_array_equal(found.values[1:] > 0, inside & (before.values[1:] > 0))
    assert (found.mask() != proportional_scores(image, before).mask()).any()
    lost = ClassScores(before.values[1:] + np.float32(0.06), (3, 8))
    assert not proportional_scores(image, lost, own_background=True).values[0].any()


def test_a_constant_background_plays_no_part(pond):
    image, before, _ = pond
    found = proportional_scores(image, before)
    alone = proportional_scores(image, ClassScores(before.values[1:], (3, 8)))
    assert alone.labels == found.labels
    np.testing.assert_array_equal(alone.values, found.values)


def test_one_class_takes_what_its_crf_gives_it(pond):
    image, before, _ = pond
    cam = before.values[1]
    found = proportional_scores(image, ClassScores(np.stack([1 - cam, cam]), (0, 3)))
    np.testing.assert_array_equal(found.mask() == 3, by_hand(image, cam)[0])
    assert 0.5 < (found.mask() == 3).mean() < 0.95


def test_a_map_is_smoothed_by_its_coefficient_of_variation():
    cam = np.float32([[1, 0.5, 0.3], [0.2, 0.04, 0]])
    variation = np.std([1, 0.5, 0.3, 0.2]) / 0.5  # over what is above 0.05
    power = 1 - 0.3 * variation
    assert 0.7 < power < 0.85
    expected = [[1, 0.5**power, 0.3**power], [0.2**power, 0, 0]]
    np.testing.assert_allclose(smoothed(cam), expected, rtol=1e-6)
    even = np.full((2, 3), 0.5, np.float32)
    np.testing.assert_array_equal(smoothed(even), even)


def test_a_class_without_any_value_that_counts_gets_nothing(pond):
    image, before, _ = pond
    faint = np.full((40, 56), 0.05, np.float32)
    crf = DenseCRF(image, PRESETS["pmm"])
    for cam in (faint, 0.5 * faint, 0 * faint):
        assert not foreground(crf, cam).any()
    values = np.stack([before.values[1], 0.5 * faint])
    found = proportional_scores(image, ClassScores(values, (3, 8)))
    assert set(np.unique(found.mask())) == {0, 3}
    assert not found.values[2].any()


def test_an_image_without_objects_is_background(pond):
    image, before, _ = pond
    found = proportional_scores(image, ClassScores(before.values[:1], (0,)))
    assert found.labels == (0,)
    assert (found.values == 1).all()


@pytest.mark.parametrize(
    ("names", "has_background", "own"),
    [
        (["seed", "pmm"], False, False),
        (["seed", "pmm"], True, True),
        (["seed", "crf", "pmm"], False, True),
    ],
)
def test_the_step_takes_the_image_and_what_comes_in(pond, names, has_background, own):
    image, before, _ = pond
    dataset = SimpleNamespace(name="toy", image=lambda id_: {"a": image}[id_])
    localiser = SimpleNamespace(has_background=has_background)
    *_, pmm = make_steps(names, dataset, localiser=localiser)
    assert pmm == PMM(own_background=own)
    assert pmm.parameters() == {"own_background": own}
    expected = proportional_scores(image, before, own_background=own)
    np.testing.assert_array_equal(pmm.run(dataset, "a", before).values, expected.values)
