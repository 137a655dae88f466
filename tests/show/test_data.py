"""Pictures of a data set."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from wsss_lib.datasets.classes import VOC, ClassSet
from wsss_lib.show.data import area_boxes, class_colours, palette_chart

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


def test_boxes_leave_out_images_without_the_class(ax):
    counts = np.array([[10, 4, 0, 1], [10, 0, 0, 1], [10, 8, 6, 1]])
    area_boxes(counts, CLASSES, ax)
    medians = [line.get_xdata()[0] for line in ax.lines if line.get_color() == "white"]
    assert medians == [10, 6, 6]
