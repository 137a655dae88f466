import math

import psutil
import pytest

from wsss_lib.evaluate.rows.estimate import Measured, estimate, image_cost, peak_memory, warm_up
from wsss_lib.evaluate.settings import Setting

FIRST = Measured(cost=100.0, seconds=3.0, rows=6, disk_bytes=600, memory_bytes=2**30)


def test_images_are_weighted_by_their_cost_and_shared_by_the_workers():
    rest = estimate(FIRST, [50.0, 150.0, 400.0], images=300, rows=1800, workers=2)
    assert rest.seconds == pytest.approx(3.0 * 2 * 300 / 2)  # twice the cost of the first
    assert (rest.memory_bytes, rest.disk_bytes) == (2 * 2**30, 180_000)


def test_no_more_workers_are_busy_than_there_are_images():
    rest = estimate(FIRST, [100.0], images=1, rows=3, workers=8)
    assert (rest.seconds, rest.memory_bytes, rest.disk_bytes) == (3.0, 2**30, 300)


@pytest.mark.parametrize("costs", [[], [math.nan, math.nan]])
def test_images_of_unknown_cost_are_taken_for_alike(costs):
    assert estimate(FIRST, costs, images=10, rows=60, workers=1).seconds == 30.0
    assert estimate(FIRST, [math.nan, 200.0], 10, 60, 1).seconds == 60.0


@pytest.mark.parametrize(
    ("images", "workers", "said"),
    [
        (20, 1, "20 images x 6 settings, about 60 seconds on 1 worker, 1.0 GB of memory"),
        (400, 2, "400 images x 6 settings, about 10 minutes on 2 workers, 2.0 GB of memory"),
        (14400, 3, "14400 images x 6 settings, about 4.0 hours on 3 workers, 3.0 GB of memory"),
    ],
)
def test_it_is_said_in_a_sentence(images, workers, said):
    assert said in str(estimate(FIRST, [100.0], images, 6 * images, workers))


def test_settings_are_a_mean_where_some_are_there_already():
    assert "10 images x 5.5 settings" in str(estimate(FIRST, [], 10, 55, 1))


def test_the_cost_of_an_image_hangs_on_its_classes_and_pixels(tiny):
    two, three = tiny.ids[:2]
    assert image_cost(tiny, two, settings=5) == 5 * 2**2 * 24 * 32
    assert image_cost(tiny, three, settings=1) == 3**2 * 24 * 32
    tiny.mask_path(two).write_bytes(b"no mask")
    tiny.image_path(three).unlink()
    assert math.isnan(image_cost(tiny, two, 1))
    assert math.isnan(image_cost(tiny, three, 1))


def test_the_peak_of_memory_is_in_bytes():
    now = psutil.Process().memory_info().rss
    assert now * 0.9 < peak_memory() < psutil.virtual_memory().total


def test_every_kind_of_classifier_can_be_warmed_up():
    warm_up([Setting("img", 9), Setting("xy", 9, "nearest"), Setting("F1", 9, "linear")])
