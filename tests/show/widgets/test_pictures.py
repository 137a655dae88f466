import base64
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from wsss_lib.datasets.classes import palette
from wsss_lib.expand.sampling import PixelSamples
from wsss_lib.show.widgets.pictures import WIDTH, enlarge, png_uri, sample_picture


@pytest.mark.parametrize(("width", "times"), [(1, 480), (100, 4), (240, 2), (241, 1), (500, 1)])
def test_small_pictures_grow_by_a_whole_number(width, times):
    picture = np.arange(2 * width * 3, dtype=np.uint8).reshape(2, width, 3)
    grown = enlarge(picture)
    assert grown.shape == (2 * times, width * times, 3)
    assert np.array_equal(grown[::times, ::times], picture)


@pytest.mark.parametrize(("n", "side"), [(1, 9), (100, 9), (101, 5), (1000, 5), (1001, 3)])
def test_a_sample_is_a_dot_round_its_pixel_and_larger_where_there_are_few(n, side):
    image = np.zeros((40, WIDTH, 3), np.uint8)
    samples = PixelSamples(np.array([20]), np.array([50]), np.array([3], np.uint8), (40, WIDTH), n)
    coloured = (sample_picture(image, samples) == palette()[3]).all(-1)
    rows, cols = np.nonzero(coloured)
    assert (len(rows), rows.mean(), cols.mean()) == (side**2, 20, 50)


def test_a_dot_at_the_corner_stays_inside():
    image = np.zeros((2, WIDTH, 3), np.uint8)
    corner = PixelSamples(
        np.array([0]), np.array([WIDTH - 1]), np.array([3], np.uint8), (2, WIDTH), 1
    )
    rows, cols = np.nonzero((sample_picture(image, corner) == palette()[3]).all(-1))
    assert (set(rows), set(cols)) == ({0, 1}, set(range(WIDTH - 5, WIDTH)))


def test_the_address_holds_the_very_pixels():
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    head, content = png_uri(picture).split(",")
    assert head == "data:image/png;base64"
    assert np.array_equal(np.asarray(Image.open(BytesIO(base64.b64decode(content)))), picture)
