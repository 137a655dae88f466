import matplotlib.pyplot as plt
import pandas as pd
import pytest

from wsss_lib.show.verdicts import apart, verdict_plot, verdict_table

CLAIMS = {
    "above": {"a": (2.0, 1.0, 3.0), "b": (-2.0, -3.0, -1.0)},
    "between": {"a": (1.0, -1.0, 3.0)},
}


def test_the_interval_decides():
    table = verdict_table(CLAIMS)
    assert table[["claim", "data", "verdict"]].values.tolist() == [
        ["above", "a", "holds"],
        ["above", "b", "does not hold"],
        ["between", "a", "open"],
    ]


def test_two_intervals_give_the_widest_bounds_of_a_difference():
    one = pd.Series({"error": 5.0, "error_low": 4.0, "error_high": 6.5})
    other = pd.Series({"error": 3.0, "error_low": 1.0, "error_high": 3.5})
    assert apart(one, other, "error") == (2.0, 0.5, 5.5)


def test_the_plot_has_a_dot_and_an_interval_for_each_line_in_the_claims_order():
    ax = verdict_plot(verdict_table(CLAIMS), {"a": "k", "b": "r"})
    assert [label.get_text() for label in ax.get_yticklabels()] == ["above", "between"]
    a, b = ax.containers
    assert a.lines[0].get_xdata().tolist() == [2.0, 1.0]
    (bar,) = b.lines[2][0].get_segments()
    assert bar[:, 0] == pytest.approx([-3.0, -1.0])
    plt.close("all")
