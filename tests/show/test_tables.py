import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from wsss_lib import paper
from wsss_lib.show.tables import beside_paper, iou_heatmap, styled_table, write_styled

TABLE = pd.DataFrame(
    {"bkg": [80.0, 90.126], "cat": [70.0, 60.0], "cow": [np.nan, np.nan], "mean": [75.0, 75.063]},
    pd.Index(["img", "F1"], name="feature"),
)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def bold_values(styled):
    """The numbers in bold, read from the LaTeX, row by row."""
    return re.findall(r"\\bfseries ([\d.]+)", styled.to_latex(convert_css=True))


def test_the_best_of_each_class_is_bold_with_two_decimals():
    assert bold_values(styled_table(TABLE, "")) == ["70.00", "90.13", "75.06"]


def test_absent_classes_are_empty_cells():
    assert "nan" not in styled_table(TABLE, "").to_html()


def test_equals_are_all_bold():
    assert bold_values(styled_table(TABLE[["mean"]].round(0), "")) == ["75.00", "75.00"]


def test_the_paper_stands_below_our_row_for_the_classes_of_the_run():
    table = beside_paper(TABLE, "voc")
    assert list(table.columns) == ["bkg", "cat", "mean"]
    assert list(table.index) == [(f, s) for f in ("img", "F1") for s in ("this run", "paper")]
    theirs = paper.table1().loc["F1"]
    assert table.loc[("F1", "paper"), "cat"] == theirs["cat"]
    # not the paper's mean of 21 classes
    assert table.loc[("F1", "paper"), "mean"] == pytest.approx((theirs["bkg"] + theirs["cat"]) / 2)


def test_a_feature_that_the_paper_lacks_has_no_row_of_the_paper():
    table = beside_paper(TABLE.rename(index={"img": "xy"}), "voc")
    assert list(table.loc["xy"].index) == ["this run"]


def test_toy_is_never_put_beside_the_paper():
    assert set(beside_paper(TABLE, "toy").index.get_level_values("source")) == {"this run"}


def test_beside_the_paper_each_source_has_its_own_best():
    styled = styled_table(beside_paper(TABLE[["bkg", "mean"]], "voc"), "")
    theirs = f"{paper.table1().loc['F1', 'bkg']:.2f}"
    assert bold_values(styled) == ["90.13", "90.13", theirs, theirs]


def test_a_table_is_written_as_a_page_and_as_latex(tmp_path):
    styled = styled_table(TABLE, "IoU (%) of voc_animals")
    page, latex = write_styled(styled, tmp_path, "table1")
    assert (page.name, latex.name) == ("table1.html", "table1.tex")
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert "IoU (%) of voc_animals" in page.read_text()
    assert r"\caption{IoU (\%) of voc\_animals}" in latex.read_text()
    assert r"\bfseries 90.13" in latex.read_text()


def test_the_heat_map_shows_each_number():
    ax = iou_heatmap(TABLE.drop(columns="cow"), plt.figure().subplots())
    assert [text.get_text() for text in ax.texts] == [
        "80.0",
        "70.0",
        "75.0",
        "90.1",
        "60.0",
        "75.1",
    ]
    assert ax.collections[0].get_clim() == (0, 100)


def test_differences_diverge_from_zero_and_show_no_negative_zero():
    differences = pd.DataFrame({"bkg": [-0.01, 2.0]}, ["img", "F1"])
    ax = iou_heatmap(differences, difference=True)
    assert [text.get_text() for text in ax.texts] == ["0.0", "2.0"]
    assert ax.collections[0].get_clim() == (-2, 2)
