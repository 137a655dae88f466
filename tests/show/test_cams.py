"""Class activation maps over photographs."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from wsss_lib.show.cams import cam_overlay, share_bars


def test_activation_is_bright_and_the_rest_keeps_its_grey():
    image = np.full((1, 3, 3), 100, np.uint8)
    picture = cam_overlay(image, np.array([[0.0, 1.0, 5.0]]))
    assert picture.dtype == np.uint8
    assert picture[0, 1].min() > picture[0, 0].max()
    np.testing.assert_array_equal(picture[0, 1], picture[0, 2])  # clipped at 1


def test_share_zero_is_the_grey_photograph():
    image = np.array([[[0, 60, 30]]], np.uint8)
    np.testing.assert_array_equal(cam_overlay(image, np.ones((1, 1)), share=0), [[[30, 30, 30]]])


def test_bars_stack_the_shares():
    _, ax = plt.subplots()
    share_bars(pd.DataFrame({"own": [60.0, 20.0], "rest": [40.0, 80.0]}, ["leaf", "fish"]), ax)
    assert [bar.get_width() for bar in ax.patches] == [60, 20, 40, 80]
    assert [bar.get_x() for bar in ax.patches] == [0, 0, 60, 20]
    plt.close("all")
