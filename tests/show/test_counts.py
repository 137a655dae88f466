import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import same_color

from wsss_lib.show.counts import budget_curves, seed_bars
from wsss_lib.show.scores import score_curves


@pytest.fixture
def ax():
    yield plt.figure(layout="constrained").subplots()
    plt.close("all")


def test_plots_of_counts_do_not_import_torch():
    code = "import sys, wsss_lib.show.counts; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_bars_run_over_the_seeds_in_the_colours_of_the_curves(ax):
    table = pd.DataFrame({"feature": ["F1", "F1", "F5"], "kernel": "rbf", "samples": [10, 30, 10]})
    table = table.assign(mean=[50.0, 60, 40], mean_low=30.0, mean_high=70.0)
    table = table.assign(seed_low=[48.0, 60 + 1e-13, 39], seed_high=[51.0, 60, 41])
    score_curves(table.astype({"samples": object}), "samples", ax)
    curves, before = list(ax.lines), len(ax.collections)
    assert seed_bars(table, "samples", ax) is ax
    shallow, deep = ax.collections[before:]
    ends = [[point.tolist() for point in bar] for bar in shallow.get_segments()]
    assert ends[0] == [[10, 48], [10, 51]]
    np.testing.assert_allclose(ends[1], [[30, 60], [30, 60]])
    for bars, curve in zip((shallow, deep), curves, strict=True):
        assert same_color(bars.get_color()[0], curve.get_color())


@pytest.mark.parametrize("x", ["total", "seconds"])
def test_the_two_ways_are_two_curves_with_named_points(ax, x):
    table = pd.DataFrame(
        [
            ("equal n", 300, 1500.0, 3.0, 80.0),
            ("equal n", 10, 50.0, 2.0, 60.0),
            ("n by cells", "0.01xcells", 55.0, 1.0, 50.0),
        ],
        columns=["split", "samples", "total", "seconds", "mean"],
    )
    table = table.assign(mean_low=table["mean"] - 2, mean_high=table["mean"] + 2)
    assert budget_curves(table, x, ax) is ax
    equal, shared = ax.lines
    assert equal.get_ydata().tolist() == [60, 80]
    assert shared.get_xydata().tolist() == [[table[x][2], 50]]
    assert [text.get_text() for text in ax.texts] == ["10", "300", "0.01"]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["equal n", "n by cells"]
    assert not same_color(equal.get_color(), shared.get_color())
    assert (ax.get_xscale(), ax.get_xlabel()) == ("log", x)
