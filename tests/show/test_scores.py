import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import same_color
from matplotlib.patches import Rectangle

from wsss_lib.errors import ParameterError
from wsss_lib.show.scores import by_distance, line_names, score_curves, score_dots, svm_surface

KINDS = {"F1": ("F1", "rbf"), "img": ("img", "rbf")}
KINDS |= {"xy, RBF": ("xy", "rbf"), "nearest sample": ("xy", "nearest")}


def lines(names, **columns):
    """A table of scores: mean 50, 51, ... with an interval of 2 below and 1 above."""
    table = pd.DataFrame([KINDS[name] for name in names], columns=["feature", "kernel"])
    means = 50.0 + np.arange(len(table))
    table = table.assign(region="held_out", mean=means, mean_low=means - 2, mean_high=means + 1)
    return table.assign(**columns)


@pytest.fixture
def ax():
    yield plt.figure(layout="constrained").subplots()
    plt.close("all")


def legend_texts(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_plots_of_scores_do_not_import_torch():
    code = "import sys, wsss_lib.show.scores; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_controls_go_by_what_they_are():
    assert line_names(lines(KINDS)).tolist() == list(KINDS)


def test_regions_become_distances():
    table = lines(["F1"] * 5, region=["confusion", "held_out", "far8", "near8", "near_held_out8"])
    assert by_distance(table)[["region", "distance"]].to_numpy().tolist() == [
        ["held_out", 0],
        ["far8", 8],
    ]
    assert by_distance(table, "near")["region"].tolist() == ["near8"]


@pytest.mark.parametrize(("lower", "place"), [(False, (1, 1)), (True, (0, 0))])
def test_the_surface_has_a_number_in_each_cell_and_frames_the_best(ax, lower, place):
    table = lines(["img"] * 4, C=[10.0, 0.1, 10.0, 0.1], gamma=["scale"] * 2 + ["9xscale"] * 2)
    table["rms"] = [3.0, 1.0, 4.0, 2.0]  # C rises downwards: 1 2 above 3 4
    assert svm_surface(table, "rms", ax, lower_is_better=lower, label="points") is ax
    assert [text.get_text() for text in ax.texts] == ["1.0", "2.0", "3.0", "4.0"]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["0.1", "10"]
    assert [text.get_text() for text in ax.get_xticklabels()] == ["scale", "9xscale"]
    (frame,) = (patch for patch in ax.patches if isinstance(patch, Rectangle))
    assert frame.get_xy() == place
    assert ax.figure.axes[1].get_ylabel() == "points"


def test_the_surface_leaves_what_was_not_run_blank(ax):
    table = lines(["img"] * 3, C=[1.0, 1.0, 10.0], gamma=["scale", 5.0, 5.0])
    svm_surface(table, ax=ax)
    assert [text.get_text() for text in ax.texts] == ["50.0", "51.0", "52.0"]


def test_a_surface_of_one_line(ax):
    svm_surface(lines(["img"], C=1.0, gamma="scale"), ax=ax)
    assert [text.get_text() for text in ax.texts] == ["50.0"]


def test_dots_stand_at_the_means_with_their_intervals(ax):
    assert score_dots(lines(["img", "F1", "nearest sample"]), ax=ax) is ax
    (dots,), (intervals,) = ax.lines, ax.collections
    assert dots.get_xydata().tolist() == [[50, 0], [51, 1], [52, 2]]
    assert intervals.get_segments()[0][:, 0].tolist() == [48, 51]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["img", "F1", "nearest sample"]
    assert ax.get_ylim() == (2.5, -0.5)  # the first on top
    assert ax.get_legend() is None


def test_dots_of_a_feature_stand_apart_by_group(ax):
    table = lines(["F1", "F1", "img", "img"], sampling=["uniform", "blocks8"] * 2)
    score_dots(table, "sampling", ax)
    uniform, blocks = ax.lines
    np.testing.assert_allclose(uniform.get_ydata(), [-0.175, 0.825])
    np.testing.assert_allclose(blocks.get_ydata(), [0.175, 1.175])
    assert uniform.get_marker() != blocks.get_marker()
    assert legend_texts(ax) == ["uniform", "blocks8"]
    ax.figure.canvas.draw()
    assert not ax.bbox.overlaps(ax.get_legend().get_window_extent())


def test_a_dot_that_is_alone_in_its_row_stands_in_the_middle(ax):
    table = lines(["img", "F1", "F1"], network=["none", "trained", "random"])
    score_dots(table, "network", ax)
    ys = [line.get_ydata().tolist() for line in ax.lines]
    np.testing.assert_allclose(ys, [[0], [1 - 0.35 / 3], [1 + 0.35 / 3]])


def test_a_legend_can_be_left_to_another_panel(ax):
    score_dots(lines(["F1"], sampling="uniform"), "sampling", ax, legend=False)
    assert ax.get_legend() is None


def test_an_interval_that_leaves_its_mean_out_is_drawn(ax):
    # draws that lack a hard class score higher than all images together
    score_dots(lines(["F1"], mean_low=60.0, mean_high=70.0), ax=ax)
    assert ax.collections[0].get_segments()[0][:, 0].tolist() == [60, 70]


def test_curves_run_over_the_number_in_order(ax):
    table = lines(["xy, RBF", "F1", "F1", "xy, RBF"], samples=[100, 100, 10, 10])
    assert score_curves(table, "samples", ax) is ax
    layer, control = ax.lines
    assert layer.get_xydata().tolist() == [[10, 52], [100, 51]]
    assert control.get_xydata().tolist() == [[10, 53], [100, 50]]
    assert (layer.get_linestyle(), control.get_linestyle()) == ("-", "--")
    assert same_color(control.get_color(), "0.5")
    assert len(ax.collections) == 2  # a band each
    low, high = ax.collections[0].get_paths()[0].get_extents().intervaly
    assert (low, high) == (49, 53)
    assert legend_texts(ax) == ["F1", "xy, RBF"]


def test_what_has_no_number_is_a_level(ax):
    table = lines(["xy, RBF", "xy, RBF", "F1"], gamma=[1.0, 10.0, "scale"])
    score_curves(table, "gamma", ax)
    level, curve = ax.lines  # controls come last
    assert curve.get_xdata().tolist() == [1, 10]
    assert set(level.get_ydata()) == {52}


def test_a_feature_that_is_not_the_papers_has_a_colour_too(ax):
    table = lines(["F1"], samples=10).assign(feature="F1+F2")
    score_curves(table, "samples", ax)
    assert ax.lines[0].get_xydata().tolist() == [[10, 50]]


@pytest.mark.parametrize(
    "draw",
    [svm_surface, score_dots, lambda table, ax: score_curves(table, "samples", ax)],
)
def test_two_lines_for_one_place_are_refused(ax, draw):
    table = lines(["F1", "F1"], C=1.0, gamma="scale", samples=10)
    with pytest.raises(ParameterError, match="several lines"):
        draw(table, ax=ax)
