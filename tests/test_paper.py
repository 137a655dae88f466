import re

import numpy as np
import pytest

from wsss_lib import paper
from wsss_lib.datasets.classes import VOC
from wsss_lib.paper import SOLID, plotted_results, reliability_note, remarks_note, results


def test_table1_has_voc_classes_and_its_means_agree_with_its_columns():
    table = paper.table1()
    assert list(table.columns) == [*VOC.short, "mean"]
    assert list(table.index) == ["img", "F1", "F2", "F3", "F4", "F5"]
    np.testing.assert_allclose(table[list(VOC.short)].mean(axis=1), table["mean"], atol=0.011)


NUMBERS = ("seed", "pseudo", "val", "test")
MIOU = [f"{number}_miou" for number in NUMBERS]


@pytest.fixture
def table():
    return results()


def test_every_number_is_there(table):
    assert table[MIOU].count().tolist() == [10, 9, 17, 20]
    sums = [576.12, 637.8, 1193.7, 1437.7]
    np.testing.assert_allclose(table[MIOU].sum(), sums, atol=1e-9)


@pytest.mark.parametrize(
    ("method", "variant", "numbers"),
    [
        ("CONTA", "main", [48.8, 67.9, 66.1, 66.7]),
        ("CONTA", "SEAM+CONTA", [56.2, 65.4, 66.1, 66.7]),
        ("PPL", "main", [np.nan, np.nan, np.nan, 69.6]),
        ("SIPE", "main", [58.65, np.nan, 68.8, 69.7]),
        ("EPS", "main", [69.22, 71.6, 70.9, 70.8]),
        ("MARS", "main", [np.nan, 81.8, 77.7, 77.2]),
        ("MARS", "AdvCAM+MARS", [np.nan, np.nan, 70.3, 71.2]),
        ("AMN", "main", [62.1, 72.2, 69.5, 69.6]),
        ("SegNeXt", "main", [np.nan, np.nan, np.nan, 90.6]),
    ],
)
def test_numbers_stand_with_their_method(table, method, variant, numbers):
    row = table.set_index(["method", "variant"]).loc[(method, variant), MIOU]
    np.testing.assert_array_equal(row.to_numpy(float), numbers)


def test_words_are_those_that_are_explained(table):
    confirmed = table[[f"{number}_confirmed" for number in NUMBERS]]
    assert set(confirmed.to_numpy().ravel()) == {*SOLID, "partial", "unconfirmed", "missing"}
    assert set(table["supervision"]) == {"I", "I+S", "F", "unknown"}
    assert not table.isna().drop(columns=MIOU).any(axis=None)
    assert not table.duplicated(["method", "variant"]).any()


@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_is_missing_where_it_is_called_so(table, number):
    empty = table[f"{number}_miou"].isna()
    known = table[f"{number}_confirmed"]
    assert (known[~empty] != "missing").all()
    assert set(known[empty]) <= {"missing", "partial"}  # of SIPE's pseudo mask, 68.x is known


@pytest.mark.parametrize("number", NUMBERS)
def test_every_number_that_was_read_has_a_source(table, number):
    read = table[table[f"{number}_confirmed"].isin(["yes", "aggregator", "partial"])]
    for source in read["source"]:
        clauses = [clause.split(": ", 1) for clause in source.split(" | ")]
        assert number in [name for names, _ in clauses for name in re.split(", ", names)]
        assert all(text for _, text in clauses)


def test_one_row_per_method_is_plotted_and_mars_is_the_one_with_deeplabv2(table):
    plotted = plotted_results()
    assert plotted["method"].is_unique
    assert set(plotted["method"]) == set(table["method"])
    assert set(plotted["name"]) - set(plotted["method"]) == {"AdvCAM+MARS"}
    weak = plotted[plotted["supervision"] != "F"]
    assert not weak["setting"].str.contains("DeepLabV3").any()


def test_the_note_names_unverified_and_missing_numbers():
    note = reliability_note(plotted_results())
    unverified, partial, aggregator, missing, mars = note.rstrip(".").split(". ")
    assert unverified.endswith("pseudo masks of CONTA, ESOL and AMR")
    assert partial.endswith("pseudo masks of RIB")
    assert aggregator.endswith("pseudo masks of AdvCAM and EPS")
    assert missing.endswith("pseudo masks of PPL, SIPE and AdvCAM+MARS")
    assert mars.startswith("Of MARS the row AdvCAM+MARS is taken: its row with DeepLabV2")


def test_the_note_tells_numbers_of_both_kinds_apart():
    table = plotted_results()
    table.loc[table["method"] == "AMN", ["test_confirmed", "pseudo_confirmed"]] = "unconfirmed"
    first = reliability_note(table).split(".")[0]
    assert first.endswith("pseudo masks of CONTA, ESOL, AMR and AMN; segmentation of AMN")


def test_nothing_is_noted_of_numbers_that_were_all_read():
    table = plotted_results()
    assert reliability_note(table[table["method"].isin(["AMN", "SegNeXt"])]) == ""


def test_remarks_are_those_of_rows_that_are_drawn():
    note = remarks_note(plotted_results())
    assert "CONTA: a mixed row" in note
    assert "DeepLabV2: the caption of Figure 8 says train" in note
    assert "LargeFOV" not in note  # of another row of EPS
