import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from wsss_lib.errors import ParameterError
from wsss_lib.show.plots import (
    bars,
    by_distance,
    curves,
    dots,
    iou_heatmap,
    line_looks,
    line_names,
)

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


def texts(labels):
    return [label.get_text() for label in labels]


def legend_texts(ax):
    return texts(ax.get_legend().get_texts())


def test_plots_do_not_import_torch():
    modules = ", ".join(f"wsss_lib.show.{n}" for n in ("plots", "masks", "diagrams", "paper"))
    code = f"import sys, {modules}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_controls_go_by_what_they_are():
    assert line_names(lines(KINDS)).tolist() == list(KINDS)


def test_regions_become_distances():
    table = lines(["F1"] * 5, region=["confusion", "held_out", "far8", "near8", "near_held_out8"])
    far = by_distance(table)[["region", "distance"]]
    assert far.to_numpy().tolist() == [["held_out", 0], ["far8", 8]]
    assert by_distance(table, "near")["region"].tolist() == ["near8"]


def test_names_without_a_look_of_their_own_are_told_apart_in_colour_and_marker():
    looks = line_looks(["xy, RBF", "F1", "b", "a", "b"], {"a": {"color": "k"}})
    assert list(looks) == ["F1", "b", "a", "xy, RBF"]  # controls come last
    assert (looks["a"]["color"], looks["xy, RBF"]["linestyle"]) == ("k", "--")
    others = line_looks("abcdefg").values()
    assert len({look["color"] for look in others}) == len({look["marker"] for look in others}) == 7


def test_curves_run_over_the_number_in_order(ax):
    table = lines(["xy, RBF", "F1", "F1", "xy, RBF"], samples=[100, 100, 10, 10])
    assert curves(table, "samples", ax=ax) is ax
    layer, control = ax.lines
    assert layer.get_xydata().tolist() == [[10, 52], [100, 51]]
    assert control.get_xydata().tolist() == [[10, 53], [100, 50]]
    assert len(ax.collections) == 2  # a band each
    assert ax.collections[0].get_paths()[0].get_extents().intervaly.tolist() == [49, 53]
    assert legend_texts(ax) == ["F1", "xy, RBF"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("samples", "mean IoU (%)")


def test_any_column_is_drawn_and_any_column_tells_curves_apart(ax):
    table = pd.DataFrame(
        {"masks": ["truth", "svm"] * 2, "epoch": [1, 1, 2, 2], "loss": [4, 3, 2, 1]}
    )
    curves(table, "epoch", "loss", "masks", ax, looks={"svm": {"color": "r", "linestyle": ":"}})
    truth, svm = ax.lines
    assert truth.get_xydata().tolist() == [[1, 4], [2, 2]]
    assert (svm.get_color(), svm.get_linestyle()) == ("r", ":")
    assert legend_texts(ax) == ["truth", "svm"]
    assert (ax.get_ylabel(), len(ax.collections)) == ("loss", 0)  # no interval, no band


def test_a_single_curve_needs_no_names(ax):
    curves(pd.DataFrame({"epoch": [2, 1], "loss": [0.5, 0.7]}), "epoch", "loss", hue=None, ax=ax)
    assert ax.lines[0].get_xydata().tolist() == [[1, 0.7], [2, 0.5]]
    assert ax.get_legend() is None


def test_what_has_no_number_is_a_level(ax):
    curves(lines(["xy, RBF", "xy, RBF", "F1"], gamma=[1.0, 10.0, "scale"]), "gamma", ax=ax)
    level, curve = ax.lines
    assert curve.get_xdata().tolist() == [1, 10]
    assert set(level.get_ydata()) == {52}


def test_a_second_interval_stands_as_bars_round_the_points(ax):
    table = lines(["F1", "F1"], samples=[10, 30], seed_low=[48.0, 51 + 1e-13], seed_high=[51.0, 51])
    curves(table.astype({"samples": object}), "samples", ax=ax, error_bars="seed")
    first, second = ax.containers[0].lines[2][0].get_segments()
    assert first.tolist() == [[10, 48], [10, 51]]
    np.testing.assert_allclose(second, [[30, 51], [30, 51]])


def test_dots_stand_at_the_means_with_their_intervals(ax):
    assert dots(lines(["img", "F1", "nearest sample"]), ax=ax) is ax
    (drawn,), (intervals,) = ax.lines, ax.collections
    assert drawn.get_xydata().tolist() == [[50, 0], [51, 1], [52, 2]]
    assert intervals.get_segments()[0][:, 0].tolist() == [48, 51]
    assert texts(ax.get_yticklabels()) == ["img", "F1", "nearest sample"]
    assert ax.get_ylim() == (2.5, -0.5)  # the first on top
    assert ax.get_legend() is None


def test_dots_of_a_row_stand_apart_by_group_and_a_single_one_in_the_middle(ax):
    dots(lines(["img", "F1", "F1"], network=["none", "trained", "random"]), hue="network", ax=ax)
    (alone,), (above,), (below,) = (line.get_ydata() for line in ax.lines)
    assert alone == 0
    assert above < 1 < below == pytest.approx(2 - above)
    assert legend_texts(ax) == ["none", "trained", "random"]


def test_rows_and_numbers_of_dots_can_be_other_columns(ax):
    table = pd.DataFrame({"class": ["bkg", "cat"], "right (%)": [80, np.nan]})
    dots(table, "right (%)", "class", ax=ax)
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [[80, 0], [np.nan, 1]])
    assert (texts(ax.get_yticklabels()), ax.get_xlabel()) == (["bkg", "cat"], "right (%)")


def test_an_interval_that_leaves_its_mean_out_is_drawn(ax):
    # draws that lack a hard class score higher than all images together
    table = lines(["F1"], mean_low=60.0, mean_high=70.0, precision=50)
    dots(table, ax=ax)
    assert ax.collections[0].get_segments()[0][:, 0].tolist() == [60, 70]
    curves(table, "precision", error_bars="mean", ax=ax)
    assert ax.containers[0].lines[2][0].get_segments()[0].tolist() == [[50, 50], [50, 70]]


def test_a_legend_can_be_left_to_another_panel(ax):
    table = lines(["F1"], sampling="uniform", samples=10)
    dots(table, hue="sampling", ax=ax, legend=False)
    curves(table, "samples", ax=ax, legend=False)
    bars(pd.DataFrame({"F1": [1.0]}), ["k"], ax, legend=False)
    assert ax.get_legend() is None


@pytest.mark.parametrize(("draw", "hue"), [(dots, None), (curves, "feature"), (curves, None)])
def test_two_lines_for_one_place_are_refused(ax, draw, hue):
    table = lines(["F1", "F1"], samples=10)
    with pytest.raises(ParameterError, match="several lines"):
        draw(table, "samples", hue=hue, ax=ax)


def test_bars_of_a_series_have_a_length_and_a_colour_each(ax):
    assert bars(pd.Series([4.0, np.nan, 7.0], ["leaf", "shell", "fish"]), ["r", "g", "b"], ax) is ax
    assert [bar.get_width() for bar in ax.patches] == [4, 0, 7]
    assert texts(ax.get_yticklabels()) == ["leaf", "shell", "fish"]
    assert ax.get_ylim() == (2.5, -0.5)


def test_bars_of_a_table_are_divided_and_numbered_where_there_is_room(ax):
    shares = pd.DataFrame({"own": [60.0, np.nan], "rest": [40.0, 100], "no": [0.0, 0]}, ["a", "b"])
    bars(shares, ["k", "w", "k"], ax, numbers=True)
    assert [bar.get_width() for bar in ax.patches] == [60, 0, 40, 100, 0, 0]
    assert [bar.get_x() for bar in ax.patches] == [0, 0, 60, 0, 100, 100]
    assert texts(ax.texts) == ["60", "", "40", "100", "", ""]
    assert legend_texts(ax) == ["own", "rest", "no"]


TABLE = pd.DataFrame({"bkg": [80.0, 90.126], "mean": [75.0, 75.06]}, ["img", "F1"])


def test_the_heat_map_shows_each_number(ax):
    assert iou_heatmap(TABLE, ax) is ax
    assert texts(ax.texts) == ["80.0", "75.0", "90.1", "75.1"]
    assert ax.collections[0].get_clim() == (0, 100)


def test_differences_diverge_from_zero_and_show_no_negative_zero():
    ax = iou_heatmap(pd.DataFrame({"bkg": [-0.01, 2.0]}, ["img", "F1"]), difference=True)
    assert texts(ax.texts) == ["0.0", "2.0"]
    assert ax.collections[0].get_clim() == (-2, 2)
    plt.close("all")
