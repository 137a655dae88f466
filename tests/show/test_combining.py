import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import same_color

from wsss_lib.show.combining import share_bars

SHARES = pd.DataFrame({"F1": [4.0, 50.0], "F5": [96.0, np.nan], "F2": [0, 50]}, ["one", "two"])


@pytest.fixture
def ax():
    yield plt.figure(layout="constrained").subplots()
    plt.close("all")


def test_parts_of_a_bar_stand_one_after_the_other(ax):
    assert share_bars(SHARES, ax) is ax
    first, last, middle = ax.containers
    assert [(bar.get_x(), bar.get_width()) for bar in first] == [(0, 4), (0, 50)]
    assert [(bar.get_x(), bar.get_width()) for bar in last] == [(4, 96), (50, 0)]
    assert [bar.get_x() for bar in middle] == [100, 50]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["one", "two"]
    assert ax.get_ylim() == (1.5, -0.5)  # the first on top


def test_parts_have_their_number_where_it_fits(ax):
    share_bars(SHARES, ax)
    assert [text.get_text() for text in ax.texts] == ["", "50", "96", "", "", "50"]


def test_a_layer_has_the_colour_that_it_has_in_curves(ax):
    share_bars(SHARES, ax)
    assert same_color(ax.containers[0][0].get_facecolor(), "#440154")
    assert same_color(ax.texts[0].get_color(), "white")  # on dark
    assert same_color(ax.texts[2].get_color(), "black")  # on light


def test_the_legend_stands_beside_the_axes_or_is_left_out(ax):
    share_bars(SHARES, ax, legend=False)
    assert ax.get_legend() is None
    share_bars(SHARES, ax)
    ax.figure.canvas.draw()
    assert not ax.bbox.overlaps(ax.get_legend().get_window_extent())
