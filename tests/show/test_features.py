"""Feature maps as pictures."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from wsss_lib.show.features import channel_mosaic, pca_rgb


@pytest.fixture
def ax():
    _, ax = plt.subplots()
    yield ax
    plt.close("all")


def test_pca_puts_the_strongest_direction_into_red():
    values = np.zeros((2, 2, 50))
    values[0] = np.linspace(0, 10, 100).reshape(2, 50)
    values[1, 0, ::2] = 0.1
    picture = pca_rgb(values)
    red = picture[..., 0].ravel().astype(int)
    assert abs(np.corrcoef(red, values[0].ravel())[0, 1]) > 0.99
    assert (picture[..., 2] == 0).all()


def test_pca_of_one_image_is_always_the_same():
    values = np.random.default_rng(0).normal(size=(16, 6, 5))
    np.testing.assert_array_equal(pca_rgb(values), pca_rgb(values.copy()))


def test_mosaic_shows_the_channels_that_vary_most_first(ax):
    values = np.zeros((3, 2, 2))
    values[0, 0, 0], values[1, 0, 1], values[2, 1, 0] = 1, 5, 3
    channel_mosaic(values, columns=2, rows=1, ax=ax)
    mosaic = ax.images[0].get_array().filled(np.nan)
    assert mosaic.shape == (2, 5)
    np.testing.assert_array_equal(mosaic[:, :2], [[0, 1], [0, 0]])
    np.testing.assert_array_equal(mosaic[:, 3:], [[0, 0], [1, 0]])
