import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import same_color

from wsss_lib.paper import plotted_results
from wsss_lib.show.paper import methods_plot, pseudo_against_segmentation


@pytest.fixture
def table():
    return plotted_results()


@pytest.fixture
def ax():
    yield plt.figure(figsize=(7, 4.5), layout="constrained").subplots()
    plt.close("all")


def markers(ax, *, hollow, colour=None):
    """Where the markers are: (N, 2)."""
    lines = [line for line in ax.lines if line.get_marker() != "None"]
    lines = [line for line in lines if colour is None or same_color(line.get_color(), colour)]
    chosen = [line for line in lines if same_color(line.get_markerfacecolor(), "w") == hollow]
    return np.concatenate([line.get_xydata() for line in chosen] or [np.empty((0, 2))])


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


@pytest.mark.parametrize(("number", "colour"), [("pseudo", "#0072b2"), ("test", "#d55e00")])
def test_figure_2_draws_each_number_solid_or_hollow_as_it_is_known(table, ax, number, colour):
    assert methods_plot(table, ax) is ax
    rows = table.query("supervision != 'F'").dropna(subset=f"{number}_miou")
    solid = rows[f"{number}_confirmed"].isin(["yes", "aggregator"])
    for hollow, expected in ((False, rows[solid]), (True, rows[~solid])):
        drawn = markers(ax, hollow=hollow, colour=colour)[:, 1]
        assert sorted(drawn) == sorted(expected[f"{number}_miou"])


def test_figure_2_goes_through_the_years_and_names_the_row_of_mars(table, ax):
    methods_plot(table, ax)
    ticks = [text.get_text() for text in ax.get_xticklabels()]
    years = [int(tick.split("\n")[-1]) for tick in ticks]
    assert years == sorted(years)
    assert ticks[0] == "CONTA\nNeurIPS\n2020"
    assert ticks[-1] == "AdvCAM\n+MARS\nICCV\n2023"
    place = markers(ax, hollow=False, colour="#d55e00")
    assert place[place[:, 0] == 9].tolist() == [[9, 71.2]]  # not 77.2, which is of DeepLabV3+
    texts = {text.get_text() for text in ax.texts}
    assert texts >= {"72.2", "66.7"}
    assert "nan" not in texts


def test_the_legend_names_the_supervision_that_is_drawn(table, ax):
    methods_plot(table, ax)
    assert legend(ax)[2:4] == ["solid: confirmed", "hollow: unverified"]
    assert [text.split(":")[0] for text in legend(ax)[4:]] == ["I", "I+S"]
    squares = [line for line in ax.lines if line.get_marker() == "s"]
    assert sorted(value for line in squares for value in line.get_ydata()) == [70.8, 71.6]  # EPS


def test_figure_8_draws_methods_that_have_both_numbers(table, ax):
    assert pseudo_against_segmentation(table, ax) is ax
    hollow = {tuple(place) for place in markers(ax, hollow=True)}
    assert hollow == {(67.9, 66.7), (68.7, 69.3), (69.7, 69.1), (70.6, 68.6)}
    solid = {tuple(place) for place in markers(ax, hollow=False)}
    assert solid == {(69.9, 68.0), (71.6, 70.8), (72.2, 69.6), (100, 78.6), (100, 90.6)}
    places = {text.get_text(): tuple(text.xy) for text in ax.texts}
    assert places["CONTA"] == (67.9, 66.7)
    assert places["SegNeXt, 90.6"] == (100, 90.6)
    assert not {"PPL", "SIPE", "MARS", "AdvCAM+MARS"} & set(places)
    assert "F: full supervision (test, not train)" in legend(ax)


def test_drawing_leaves_the_table_as_it_is(table, ax):
    pseudo_against_segmentation(table, ax)
    methods_plot(table, plt.figure().subplots())
    assert table.equals(plotted_results())
