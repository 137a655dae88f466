"""A training as pictures."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from wsss_lib.show.training import learning_curves, precision_bars


@pytest.fixture
def ax():
    _, ax = plt.subplots()
    yield ax
    plt.close("all")


def test_curves_run_over_the_epochs(ax):
    history = pd.DataFrame({"epoch": [1, 2, 3], "loss": [0.7, 0.5, 0.4]})
    learning_curves(history, {"loss": "train"}, ax, "loss")
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[1, 0.7], [2, 0.5], [3, 0.4]])
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["train"]


def test_precision_bars_name_the_mean_over_the_classes_present(ax):
    precision_bars(pd.Series([50.0, np.nan, 100.0], ["leaf", "shell", "fish"]), ax)
    assert ax.get_title() == "mean 75.0 %"
    np.testing.assert_allclose(ax.patches[2].get_facecolor()[:3], (128 / 255, 128 / 255, 0))
