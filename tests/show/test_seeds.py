import subprocess
import sys
from dataclasses import replace

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from matplotlib.colors import same_color

from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.thresholds import ThresholdCurve
from wsss_lib.show.seeds import threshold_plot

TABLE = pd.DataFrame({"threshold": [0.0, 0.1, 0.2], "mean": [20.0, 48.26, 40.0]})
CURVE = ThresholdCurve(TABLE, "train", "SegmentationClass", 296)
OTHER = replace(CURVE, table=TABLE.assign(mean=[10.0, 20, 51]))


@pytest.fixture
def ax():
    yield plt.figure(layout="constrained").subplots()
    plt.close("all")


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_plots_of_seeds_do_not_import_torch():
    code = "import sys, wsss_lib.show.seeds; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_curve_has_its_best_marked_and_says_what_it_was_scored_on(ax):
    assert threshold_plot(CURVE, ax) is ax
    curve, best = ax.lines
    assert curve.get_xydata().tolist() == [[0, 20], [0.1, 48.26], [0.2, 40]]
    assert best.get_xydata().tolist() == [[0.1, 48.26]]
    assert best.get_marker() == "o"
    assert legend(ax) == ["best 48.3 % at 0.1"]
    assert ax.get_ylabel() == "mean IoU (%)"
    told = "background threshold\n296 images of train, masks of SegmentationClass, without CRF"
    assert ax.get_xlabel() == told


def test_several_curves_differ_in_more_than_colour(ax):
    threshold_plot({"CAM": CURVE, "IS-CAM": OTHER}, ax)
    assert legend(ax) == ["CAM: best 48.3 % at 0.1", "IS-CAM: best 51.0 % at 0.2"]
    first, first_best, second, second_best = ax.lines
    assert first.get_linestyle() != second.get_linestyle()
    assert first_best.get_marker() != second_best.get_marker()
    assert not same_color(first.get_color(), second.get_color())
    assert same_color(second.get_color(), second_best.get_color())


@pytest.mark.parametrize("other", [{"list_name": "val"}, {"masks": "SegmentationClassAug"}])
def test_curves_on_different_things_are_not_drawn_together(ax, other):
    with pytest.raises(ParameterError, match=f"train.* and on .*{next(iter(other.values()))}"):
        threshold_plot({"a": CURVE, "b": replace(CURVE, **other)}, ax)


def test_no_curves_and_too_many_are_refused(ax):
    for count in (0, 5):
        with pytest.raises(ParameterError, match=f"{count} curves; 1 to 4"):
            threshold_plot({str(number): CURVE for number in range(count)}, ax)
