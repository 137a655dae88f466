import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.patches import Rectangle

from wsss_lib.studies.which_svm import svm_surface


@pytest.fixture
def ax():
    yield plt.figure().subplots()
    plt.close("all")


def texts(labels):
    return [label.get_text() for label in labels]


@pytest.mark.parametrize(("value", "place"), [("mean", (1, 1)), ("rms", (0, 0))])
def test_the_surface_has_a_number_in_each_cell_and_frames_the_best(ax, value, place):
    table = pd.DataFrame({"C": [10.0, 0.1, 10.0, 0.1], "gamma": ["scale"] * 2 + ["9xscale"] * 2})
    table[value] = [3.0, 1.0, 4.0, 2.0]  # C rises downwards: 1 2 above 3 4
    assert svm_surface(table, value, ax) is ax
    assert texts(ax.texts) == ["1.0", "2.0", "3.0", "4.0"]
    assert texts(ax.get_yticklabels()) == ["0.1", "10"]
    assert texts(ax.get_xticklabels()) == ["scale", "9xscale"]
    (frame,) = (patch for patch in ax.patches if isinstance(patch, Rectangle))
    assert frame.get_xy() == place
    assert value in ax.figure.axes[1].get_ylabel()
