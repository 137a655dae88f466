import re

import numpy as np
import pandas as pd
import pytest

from wsss_lib import paper
from wsss_lib.show.tables import (
    beside_paper,
    covered,
    differences,
    order_table,
    styled_table,
    write_styled,
)

TABLE = pd.DataFrame(
    {"bkg": [80.0, 90.126], "cat": [70.0, 60.0], "cow": [np.nan, np.nan], "mean": [75.0, 75.063]},
    pd.Index(["img", "F1"], name="feature"),
)


def bold_values(styled):
    """The numbers in bold, read from the LaTeX, row by row."""
    return re.findall(r"\\bfseries ([\d.]+)", styled.to_latex(convert_css=True))


def test_the_best_of_each_class_is_bold_and_absent_classes_are_empty():
    styled = styled_table(TABLE, "")
    assert bold_values(styled) == ["70.00", "90.13", "75.06"]
    assert "nan" not in styled.to_html()


def test_equals_are_all_bold():
    assert bold_values(styled_table(TABLE[["mean"]].round(0), "")) == ["75.00", "75.00"]


def test_a_mean_says_of_how_many_classes_it_is():
    table = covered(TABLE)
    assert list(table.columns) == ["bkg", "cat", "mean of 2"]
    assert table["mean of 2"].tolist() == pytest.approx([75.0, 75.063])
    assert list(covered(TABLE, ["cow", "cat"]).columns) == ["cat", "mean of 1"]
    assert list(covered(TABLE.drop(columns="cow")).columns) == ["bkg", "cat", "mean"]


def test_the_paper_stands_below_our_row_for_the_classes_of_the_run():
    table = beside_paper(covered(TABLE), "voc")
    assert list(table.columns) == ["bkg", "cat", "mean of 2"]
    assert list(table.index) == [(f, s) for f in ("img", "F1") for s in ("this run", "paper")]
    theirs = paper.table1().loc["F1"]
    assert table.loc[("F1", "paper"), "cat"] == theirs["cat"]
    # not the paper's mean of 21 classes
    mean = table.loc[("F1", "paper"), "mean of 2"]
    assert mean == pytest.approx((theirs["bkg"] + theirs["cat"]) / 2)


def test_the_mean_of_all_classes_is_the_one_that_the_paper_prints():
    table = beside_paper(covered(paper.table1() - 1), "voc")
    assert table.loc[("F1", "paper"), "mean"] == paper.table1().loc["F1", "mean"]


def test_the_paper_stands_below_no_row_that_it_lacks_and_below_none_of_another_data_set():
    table = covered(TABLE).rename(index={"img": "xy"})
    assert list(beside_paper(table, "voc").loc["xy"].index) == ["this run"]
    assert set(beside_paper(table, "toy").index.get_level_values("source")) == {"this run"}


def test_beside_the_paper_each_source_has_its_own_best():
    styled = styled_table(beside_paper(covered(TABLE[["bkg", "cow", "mean"]]), "voc"), "")
    theirs = f"{paper.table1().loc['F1', 'bkg']:.2f}"
    assert bold_values(styled) == ["90.13", "90.13", theirs, theirs]


def test_on_toy_held_out_pixels_are_taken_from_all():
    held_out = TABLE.assign(bkg=[79.0, 90.126], cat=np.nan)
    table, label = differences(covered(TABLE), covered(held_out), "toy")
    assert table.columns.tolist() == ["bkg", "mean of 1"]  # no cat was held out
    assert table["bkg"].tolist() == [1.0, 0.0]
    assert "held-out" in label


def test_on_voc_the_paper_is_taken_from_the_run():
    rows = covered(TABLE.rename(index={"img": "xy"}))
    table, label = differences(rows, rows, "voc")
    assert table.index.tolist() == ["F1"]  # the paper has no xy
    theirs = paper.table1().loc["F1"]
    assert table.loc["F1"].tolist() == pytest.approx(
        [
            90.126 - theirs["bkg"],
            60.0 - theirs["cat"],
            (150.126 - theirs["bkg"] - theirs["cat"]) / 2,
        ]
    )
    assert "paper" in label


def test_the_order_is_given_for_each_sampling_with_the_lead_over_controls():
    scores = pd.DataFrame(
        {
            "sampling": ["uniform", "uniform", "blocks8", "blocks8"],
            "feature": ["F1", "F2", "F1", "F2"],
            "mean": [90.0, 95.0, 60.0, 50.0],
        }
    )
    control = pd.DataFrame({"sampling": ["uniform"] * 2, "mean": [97.0, 96.0]})
    table = order_table(scores, "sampling", {"nearest sample": control})
    assert table.index.tolist() == ["uniform", "blocks8"]
    assert table["order"].tolist() == ["F2 > F1", "F1 > F2"]
    assert table["best"].tolist() == [95.0, 60.0]
    assert table["minus worst"].tolist() == [5.0, 10.0]
    assert table.loc["uniform", "minus nearest sample"] == -2.0
    assert np.isnan(table.loc["blocks8", "minus nearest sample"])


def test_a_table_is_written_as_a_page_and_as_latex(tmp_path):
    styled = styled_table(TABLE, "IoU (%) of voc_animals")
    page, latex = write_styled(styled, tmp_path, "table1")
    again = write_styled(styled_table(TABLE, styled.caption), tmp_path / "again", "table1")
    assert [path.read_bytes() for path in again] == [page.read_bytes(), latex.read_bytes()]
    assert (page.name, latex.name) == ("table1.html", "table1.tex")
    assert page.read_text().startswith("<!DOCTYPE html>")
    assert "IoU (%) of voc_animals" in page.read_text()
    assert r"\caption{IoU (\%) of voc\_animals}" in latex.read_text()
    assert r"\bfseries 90.13" in latex.read_text()
