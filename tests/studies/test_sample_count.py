import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from wsss_lib.engine import SweepResult
from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.settings import Setting
from wsss_lib.studies.sample_count import budget_curves, budget_table

from .made import IMAGES, iou, rows


def test_layers_are_averaged_and_their_samples_summed():
    result = SweepResult(
        IMAGES,
        {
            Setting("F1", 10): rows(10, 50, 50),
            Setting("F1", 10, seed=1): rows(10, 60, 60),
            Setting("F5", 10): rows(10, 70, 70),
            Setting("F5", 10, seed=1): rows(10, 80, 80),
            Setting("img", 10): rows(99, 10, 10),  # has no share: left out
            Setting("F1", 10, sampling="blocks64"): rows(99, 10, 10),  # another sampling, too
            Setting("F1", "0.1xcells"): rows(16, 65, 65),
            Setting("F1", "0.1xcells", seed=1): rows(16, 65, 65),
            Setting("F5", "0.1xcells"): rows(2, 65, 65),
            Setting("F5", "0.1xcells", seed=1): rows(4, 65, 65),
        },
    )
    equal, shared = budget_table(result).to_dict("records")
    assert (equal["split"], equal["samples"]) == ("equal n", 10)
    assert (shared["split"], shared["samples"]) == ("n by cells", "0.1xcells")
    assert equal["total"] == 40  # of both classes and both layers
    assert shared["total"] == 32 + 6
    assert equal["seconds"] == 3
    assert equal["mean"] == pytest.approx(np.mean([iou(share) for share in (50, 60, 70, 80)]))
    assert equal["mean_low"] == pytest.approx(equal["mean"])  # images are alike
    assert np.isnan(shared["difference"])  # equal n has a single total


def test_a_share_is_set_against_equal_n_of_the_same_total():
    shares = np.arange(20, 80, 3)
    result = SweepResult(
        IMAGES,
        {
            Setting("F1", 1000): rows(1000, *(shares + 20)),
            Setting("F1", 10): rows(10, *shares),
            Setting("F1", "0.3xcells"): rows(100, *(shares + 15)),  # half-way in the logarithm
            Setting("F1", "0.9xcells"): rows(1000, *(shares + 20)),
            Setting("F1", "0.99xcells"): rows(1001, *(shares + 20)),
        },
    )
    table = budget_table(result)
    assert table["total"].tolist() == [20, 2000, 200, 2000, 2002]
    low, high, half, same, beyond = table.to_dict("records")
    middle = (low["mean"] + high["mean"]) / 2
    assert half["difference"] == pytest.approx(half["mean"] - middle)
    assert 0 < half["difference_low"] < half["difference"] < half["difference_high"]
    # images differ much, the two ways hardly: drawn together, that is seen
    spread = half["difference_high"] - half["difference_low"]
    assert spread < (half["mean_high"] - half["mean_low"]) / 5
    assert same["difference"] == pytest.approx(0)
    assert np.isnan([low["difference"], beyond["difference"]]).all()


def test_a_sweep_without_shares_is_refused():
    with pytest.raises(ParameterError, match="share of the cells"):
        budget_table(SweepResult(IMAGES, {Setting("F1", 10): rows(10, 50)}))


def test_the_two_ways_are_two_curves_with_named_points():
    table = pd.DataFrame(
        [
            ("equal n", 300, 3.0, 80.0),
            ("equal n", 10, 2.0, 60.0),
            ("n by cells", "0.01xcells", 1.0, 50.0),
        ],
        columns=["split", "samples", "seconds", "mean"],
    )
    ax = budget_curves(table, "seconds", plt.figure().subplots())
    plt.close("all")
    equal, shared = ax.lines
    assert equal.get_xydata().tolist() == [[2, 60], [3, 80]]
    assert shared.get_xydata().tolist() == [[1, 50]]
    assert {text.get_text() for text in ax.texts} == {"10", "300", "0.01"}
