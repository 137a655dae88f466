import numpy as np
import pytest
from scipy.spatial.distance import cdist

from wsss_lib.errors import MaskError, ParameterError
from wsss_lib.expand.noise import corrupt, parse_noise
from wsss_lib.expand.sampling import PixelSamples, draw_samples, sample_mask

KINDS = ("random", "border", "companion")


@pytest.fixture
def mask():
    mask = np.zeros((60, 90), np.uint8)
    mask[10:50, 20:70] = 3
    mask[2:5, 2:5] = 7  # nine pixels
    mask[9:51, 19] = mask[9:51, 70] = mask[9, 19:71] = 255
    return mask


@pytest.fixture
def companions(mask):
    companions = np.zeros_like(mask)
    companions[45:60, 10:80] = 3  # partly over the object
    companions[2:8, 2:12] = 7
    return companions


@pytest.fixture
def samples(mask):
    return sample_mask(mask, 600, seed=4, image_id="a")


def wrong(samples: PixelSamples, corrupted: PixelSamples) -> np.ndarray:
    return samples.labels != corrupted.labels


def test_a_noise_has_a_kind_and_a_percentage():
    assert parse_noise("none") == ("none", 0)
    assert parse_noise("border2.5") == ("border", 2.5)
    assert parse_noise("companion100") == ("companion", 100)


@pytest.mark.parametrize(
    "noise",
    ["", "none5", "random", "random-1", "border5%", "border.5", "half20", "random101", "border1e1"],
)
def test_an_unknown_noise_is_refused(mask, samples, noise):
    with pytest.raises(ParameterError, match=f"^No noise '{noise}'; expected none, random<p>"):
        corrupt(samples, mask, noise)


@pytest.mark.parametrize("noise", ["none", "random0", "border0", "companion0"])
def test_no_percent_change_nothing(mask, samples, companions, noise):
    assert not wrong(samples, corrupt(samples, mask, noise, companions=companions)).any()


@pytest.mark.parametrize("noise", ["random30", "border30", "companion30"])
def test_only_labels_change_and_those_given_stay(mask, companions, noise):
    samples = draw_samples(mask, 300, "blocks20")
    before = samples.labels.copy()
    corrupted = corrupt(samples, mask, noise, companions=companions)
    assert np.array_equal(samples.labels, before)
    assert corrupted.labels.dtype == np.uint8
    assert wrong(samples, corrupted).any()
    assert corrupted.rows is samples.rows
    assert corrupted.cols is samples.cols
    assert corrupted.set_aside is samples.set_aside
    assert (corrupted.image_size, corrupted.requested) == (mask.shape, 300)


@pytest.mark.parametrize("kind", ["random", "border"])
@pytest.mark.parametrize(
    ("percent", "expected"), [(2.5, [15, 15, 0]), (20, [120, 120, 2]), (100, [600, 600, 9])]
)
def test_of_each_class_so_many_labels_are_wrong(mask, samples, kind, percent, expected):
    changed = wrong(samples, corrupt(samples, mask, f"{kind}{percent}"))
    assert [changed[samples.labels == label].sum() for label in (0, 3, 7)] == expected


@pytest.mark.parametrize("kind", KINDS)
def test_more_noise_adds_wrong_labels_and_keeps_those_there_are(mask, samples, companions, kind):
    previous = samples
    for percent in (1, 2.5, 10, 40, 100):
        more = corrupt(samples, mask, f"{kind}{percent}", 1, "a", companions)
        changed = wrong(samples, previous)
        assert np.array_equal(more.labels[changed], previous.labels[changed])
        assert wrong(samples, more).sum() > changed.sum()
        previous = more


def test_random_labels_are_those_of_the_other_classes_equally_often(mask, samples):
    labels = corrupt(samples, mask, "random100").labels
    for label, others in ((0, (3, 7)), (3, (0, 7))):
        given = labels[samples.labels == label]
        assert set(given) == set(others)
        assert abs(np.mean(given == others[0]) - 0.5) < 0.1


def test_random_errors_lie_anywhere_among_the_samples(mask, samples):
    """Not on the pixels that were drawn first, which a sampling of fewer would have too."""
    background = np.flatnonzero(wrong(samples, corrupt(samples, mask, "random20", 4, "a")))[:120]
    assert 200 < background.mean() < 400


def test_border_agrees_with_all_distances_between_pixels(mask, samples):
    corrupted = corrupt(samples, mask, "border30")
    changed, places = wrong(samples, corrupted), np.stack([samples.rows, samples.cols], 1)
    to = {label: cdist(places, np.argwhere(mask == label)).min(1) for label in (0, 3, 7)}
    for label in to:
        own = samples.labels == label
        nearest = np.min([to[other] for other in to if other != label], 0)
        assert nearest[own & changed].max() <= nearest[own & ~changed].min()
        for other in set(to) - {label}:
            given = own & (corrupted.labels == other)
            assert np.array_equal(to[other][given], nearest[given])


@pytest.mark.parametrize("percent", [2.5, 20, 100])
def test_companions_change_background_into_their_object(mask, samples, companions, percent):
    corrupted = corrupt(samples, mask, f"companion{percent}", companions=companions)
    objects = companions[samples.rows, samples.cols]
    there = (samples.labels == 0) & (objects > 0)
    changed = wrong(samples, corrupted)
    assert changed.sum() == round(there.sum() * percent / 100) > 0
    assert not (changed & ~there).any()
    assert set(objects[there]) == {3, 7}
    assert np.array_equal(corrupted.labels[changed], objects[changed])


@pytest.mark.parametrize("noise", ["random50", "border50"])
def test_a_single_class_stays_as_it_is(noise):
    mask = np.zeros((9, 9), np.uint8)
    mask[4] = 255
    samples = sample_mask(mask, 20)
    assert not wrong(samples, corrupt(samples, mask, noise)).any()


@pytest.mark.parametrize("kind", KINDS)
def test_seed_and_image_choose_the_wrong_labels_except_along_borders(
    mask, samples, companions, kind
):
    def labels(*stream: object) -> list[int]:
        return corrupt(samples, mask, f"{kind}40", *stream, companions).labels.tolist()

    assert labels(1, "a") == labels(1, "a")
    assert (labels(1, "a") == labels(2, "a")) == (kind == "border")
    assert (labels(1, "a") == labels(1, "b")) == (kind == "border")


def test_missing_companions_and_those_of_another_image_are_refused(mask, samples, companions):
    with pytest.raises(ParameterError, match=r"has none; use the toy set .* or another kind"):
        corrupt(samples, mask, "companion50")
    with pytest.raises(MaskError, match=r"shape \(90, 60\); that of its image, \(60, 90\)"):
        corrupt(samples, mask, "companion50", companions=companions.T)
