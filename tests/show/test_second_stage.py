import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import same_color

from wsss_lib.errors import ParameterError
from wsss_lib.show.second_stage import band_curves, training_curves

MEANS = {"near2": 30.0, "near4": 40.0, "away2": 80.0, "away4": 85.0}
LINES = pd.DataFrame({"region": MEANS.keys(), "mean": MEANS.values()})
LINES = LINES.assign(mean_low=LINES["mean"] - 3, mean_high=LINES["mean"] + 2)


@pytest.fixture
def ax():
    yield plt.figure(layout="constrained").subplots()
    plt.close("all")


def table(*of):
    return pd.concat([LINES.assign(of=what, name=name) for what, name in of])


def test_plots_of_the_second_stage_do_not_import_torch():
    code = "import sys, wsss_lib.show.second_stage; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_trainings_stand_side_by_side_over_the_epochs(ax):
    epochs = pd.Index([1, 2, 3], name="epoch")
    curves = {"truth": pd.Series([3.0, 2, 1], epochs), "svm": pd.Series([4.0, 3, 2], epochs)}
    training_curves(curves, ax, "loss")
    truth, svm = ax.lines
    np.testing.assert_array_equal(svm.get_xydata(), [[1, 4], [2, 3], [3, 2]])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["truth", "svm"]
    assert truth.get_marker() != svm.get_marker()
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "loss")


def test_more_trainings_than_looks_are_refused(ax):
    curves = {str(number): pd.Series([1.0], [1]) for number in range(7)}
    with pytest.raises(ParameterError, match=r"7 of .*; at most 6"):
        training_curves(curves, ax)


def test_bands_are_drawn_over_their_widths_and_masks_look_like_their_network(ax):
    band_curves(table(("network", "truth"), ("network", "svm"), ("masks", "svm")), "near", ax)
    truth, network, masks = ax.lines
    np.testing.assert_array_equal(network.get_xydata(), [[2, 30], [4, 40]])
    labels = ["network, truth", "network, svm", "masks, svm"]
    assert [line.get_label() for line in ax.lines] == labels
    assert same_color(network.get_color(), masks.get_color())
    assert not same_color(truth.get_color(), network.get_color())
    assert (network.get_linestyle(), masks.get_linestyle()) == ("-", "--")
    assert masks.get_markerfacecolor() == "white"
    assert [text.get_text() for text in ax.get_xticklabels()] == ["2", "4"]


def test_what_lies_beyond_the_bands_is_drawn_by_itself(ax):
    band_curves(table(("network", "truth")), "away", ax)
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [80, 85])
