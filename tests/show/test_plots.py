import subprocess
import sys
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import same_color
from matplotlib.patches import Rectangle

from wsss_lib.errors import ParameterError
from wsss_lib.show.plots import (
    band_curves,
    by_distance,
    learning_curves,
    line_names,
    precision_bars,
    score_curves,
    score_dots,
    svm_surface,
    threshold_plot,
    training_curves,
)
from wsss_lib.weak.seeds import ThresholdCurve

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
    code = "import sys, wsss_lib.show.plots; sys.exit('torch' in sys.modules)"
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


@pytest.fixture
def ax_training():
    _, ax_training = plt.subplots()
    yield ax_training
    plt.close("all")


def test_curves_run_over_the_epochs(ax_training):
    history = pd.DataFrame({"epoch": [1, 2, 3], "loss": [0.7, 0.5, 0.4]})
    learning_curves(history, {"loss": "train"}, ax_training, "loss")
    np.testing.assert_array_equal(ax_training.lines[0].get_xydata(), [[1, 0.7], [2, 0.5], [3, 0.4]])
    assert [text.get_text() for text in ax_training.get_legend().get_texts()] == ["train"]


def test_precision_bars_name_the_mean_over_the_classes_present(ax_training):
    precision_bars(pd.Series([50.0, np.nan, 100.0], ["leaf", "shell", "fish"]), ax_training)
    assert ax_training.get_title() == "mean 75.0 %"
    np.testing.assert_allclose(
        ax_training.patches[2].get_facecolor()[:3], (128 / 255, 128 / 255, 0)
    )


TABLE = pd.DataFrame({"threshold": [0.0, 0.1, 0.2], "mean": [20.0, 48.26, 40.0]})
CURVE = ThresholdCurve(TABLE, "train", "SegmentationClass", 296)
OTHER = replace(CURVE, table=TABLE.assign(mean=[10.0, 20, 51]))


@pytest.fixture
def ax_seeds():
    yield plt.figure(layout="constrained").subplots()
    plt.close("all")


def legend(ax_seeds):
    return [text.get_text() for text in ax_seeds.get_legend().get_texts()]


def test_plots_of_seeds_do_not_import_torch():
    code = "import sys, wsss_lib.show.plots; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_curve_has_its_best_marked_and_says_what_it_was_scored_on(ax_seeds):
    assert threshold_plot(CURVE, ax_seeds) is ax_seeds
    curve, best = ax_seeds.lines
    assert curve.get_xydata().tolist() == [[0, 20], [0.1, 48.26], [0.2, 40]]
    assert best.get_xydata().tolist() == [[0.1, 48.26]]
    assert best.get_marker() == "o"
    assert legend(ax_seeds) == ["best 48.3 % at 0.1"]
    assert ax_seeds.get_ylabel() == "mean IoU (%)"
    told = "background threshold\n296 images of train, masks of SegmentationClass, without CRF"
    assert ax_seeds.get_xlabel() == told


def test_several_curves_differ_in_more_than_colour(ax_seeds):
    threshold_plot({"CAM": CURVE, "IS-CAM": OTHER}, ax_seeds)
    assert legend(ax_seeds) == ["CAM: best 48.3 % at 0.1", "IS-CAM: best 51.0 % at 0.2"]
    first, first_best, second, second_best = ax_seeds.lines
    assert first.get_linestyle() != second.get_linestyle()
    assert first_best.get_marker() != second_best.get_marker()
    assert not same_color(first.get_color(), second.get_color())
    assert same_color(second.get_color(), second_best.get_color())


@pytest.mark.parametrize("other", [{"list_name": "val"}, {"masks": "SegmentationClassAug"}])
def test_curves_on_different_things_are_not_drawn_together(ax_seeds, other):
    with pytest.raises(ParameterError, match=f"train.* and on .*{next(iter(other.values()))}"):
        threshold_plot({"a": CURVE, "b": replace(CURVE, **other)}, ax_seeds)


def test_no_curves_and_too_many_are_refused(ax_seeds):
    for count in (0, 5):
        with pytest.raises(ParameterError, match=f"{count} curves; 1 to 4"):
            threshold_plot({str(number): CURVE for number in range(count)}, ax_seeds)


MEANS = {"near2": 30.0, "near4": 40.0, "away2": 80.0, "away4": 85.0}
LINES = pd.DataFrame({"region": MEANS.keys(), "mean": MEANS.values()})
LINES = LINES.assign(mean_low=LINES["mean"] - 3, mean_high=LINES["mean"] + 2)


@pytest.fixture
def ax_second_stage():
    yield plt.figure(layout="constrained").subplots()
    plt.close("all")


def table(*of):
    return pd.concat([LINES.assign(of=what, name=name) for what, name in of])


def test_plots_of_the_second_stage_do_not_import_torch():
    code = "import sys, wsss_lib.show.plots; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_trainings_stand_side_by_side_over_the_epochs(ax_second_stage):
    epochs = pd.Index([1, 2, 3], name="epoch")
    curves = {"truth": pd.Series([3.0, 2, 1], epochs), "svm": pd.Series([4.0, 3, 2], epochs)}
    training_curves(curves, ax_second_stage, "loss")
    truth, svm = ax_second_stage.lines
    np.testing.assert_array_equal(svm.get_xydata(), [[1, 4], [2, 3], [3, 2]])
    assert [text.get_text() for text in ax_second_stage.get_legend().get_texts()] == [
        "truth",
        "svm",
    ]
    assert truth.get_marker() != svm.get_marker()
    assert (ax_second_stage.get_xlabel(), ax_second_stage.get_ylabel()) == ("epoch", "loss")


def test_more_trainings_than_looks_are_refused(ax_second_stage):
    curves = {str(number): pd.Series([1.0], [1]) for number in range(7)}
    with pytest.raises(ParameterError, match=r"7 of .*; at most 6"):
        training_curves(curves, ax_second_stage)


def test_bands_are_drawn_over_their_widths_and_masks_look_like_their_network(ax_second_stage):
    band_curves(
        table(("network", "truth"), ("network", "svm"), ("masks", "svm")), "near", ax_second_stage
    )
    truth, network, masks = ax_second_stage.lines
    np.testing.assert_array_equal(network.get_xydata(), [[2, 30], [4, 40]])
    labels = ["network, truth", "network, svm", "masks, svm"]
    assert [line.get_label() for line in ax_second_stage.lines] == labels
    assert same_color(network.get_color(), masks.get_color())
    assert not same_color(truth.get_color(), network.get_color())
    assert (network.get_linestyle(), masks.get_linestyle()) == ("-", "--")
    assert masks.get_markerfacecolor() == "white"
    assert [text.get_text() for text in ax_second_stage.get_xticklabels()] == ["2", "4"]


def test_what_lies_beyond_the_bands_is_drawn_by_itself(ax_second_stage):
    band_curves(table(("network", "truth")), "away", ax_second_stage)
    np.testing.assert_array_equal(ax_second_stage.lines[0].get_ydata(), [80, 85])
