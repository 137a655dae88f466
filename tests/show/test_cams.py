"""Class activation maps over photographs."""

import numpy as np

from wsss_lib.show.cams import cam_overlay


def test_activation_is_bright_and_the_rest_keeps_its_grey():
    image = np.full((1, 3, 3), 100, np.uint8)
    picture = cam_overlay(image, np.array([[0.0, 1.0, 5.0]]))
    assert picture.dtype == np.uint8
    assert picture[0, 1].min() > picture[0, 0].max()
    np.testing.assert_array_equal(picture[0, 1], picture[0, 2])  # clipped at 1


def test_share_zero_is_the_grey_photograph():
    image = np.array([[[0, 60, 30]]], np.uint8)
    np.testing.assert_array_equal(cam_overlay(image, np.ones((1, 1)), share=0), [[[30, 30, 30]]])
