"""Pictures of a data set."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from wsss_lib.datasets.classes import VOC, ClassSet
from wsss_lib.show.data import (
    area_boxes,
    class_bars,
    class_colours,
    cooccurrence_map,
    palette_chart,
)

CLASSES = ClassSet(("background", "leaf", "shell"), ("bkg", "leaf", "shell"))


@pytest.fixture
def ax():
    _, ax = plt.subplots()
    yield ax
    plt.close("all")


def test_colours_are_the_palette_s():
    expected = np.array([[0, 0, 0], [128, 0, 0], [0, 128, 0]]) / 255
    np.testing.assert_allclose(class_colours(range(3)), expected)


def test_palette_chart_has_a_swatch_for_every_label_and_void(ax):
    palette_chart(VOC, ax)
    assert len(ax.patches) == 22
    assert [text.get_text() for text in ax.texts][-1] == "255  void"


def test_bars_have_the_length_of_their_number(ax):
    class_bars(pd.Series([4.0, 7.0], ["leaf", "shell"]), range(1, 3), ax)
    assert [bar.get_width() for bar in ax.patches] == [4, 7]
    np.testing.assert_allclose(ax.patches[0].get_facecolor()[:3], (128 / 255, 0, 0))


def test_boxes_leave_out_images_without_the_class(ax):
    counts = np.array([[10, 4, 0, 1], [10, 0, 0, 1], [10, 8, 6, 1]])
    area_boxes(counts, CLASSES, ax)
    medians = [line.get_xdata()[0] for line in ax.lines if line.get_color() == "white"]
    assert medians == [10, 6, 6]


def test_cooccurrence_map_shows_its_numbers_but_no_zeros(ax):
    names = ["leaf", "shell"]
    cooccurrence_map(pd.DataFrame([[3, 0], [0, 2]], names, names), ax)
    assert [text.get_text() for text in ax.texts] == ["3", "", "", "2"]
