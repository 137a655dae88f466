import json

import pandas as pd
import pytest

from wsss_lib.report import Report


def test_each_table_is_a_file_beside_what_it_was_computed_from(tmp_path):
    scores = pd.DataFrame({"mean": [50.0, None]}, pd.Index(["F1", "img"], name="feature"))
    lines = pd.DataFrame({"feature": ["F1"], "mean": [1 / 3], "seconds": [2.0]})
    report = Report({"bound": scores, "bound_costs": lines, "none": lines[:0]}, {"images": 4})
    assert report.main is scores
    assert report.write(tmp_path / "new", "forty") == tmp_path / "new" / "forty.csv"
    written = {path.name: path.read_text() for path in (tmp_path / "new").iterdir()}
    assert json.loads(written.pop("forty.json")) == {
        "images": 4,
        "files": ["forty.csv", "forty_costs.csv"],
    }
    assert written == {
        "forty.csv": "feature,mean\nF1,50.00\nimg,\n",
        "forty_costs.csv": "feature,mean\nF1,0.333\n",
    }


LINES = pd.DataFrame({"feature": ["F1"], "mean": [1.0]})


@pytest.mark.parametrize(
    "tables",
    [
        {"own": LINES},
        {"own": LINES, "own_costs": LINES[:0]},
        {"other": LINES, "other_more": LINES},
        {"own": LINES[:0]},
    ],
)
def test_tables_of_the_run_before_do_not_stay_beside_new_ones(tmp_path, tables):
    (tmp_path / "a_mine.csv").write_text("not written by a run")
    Report({"own": LINES, "own_costs": LINES}, {"images": 4}).write(tmp_path, "a")
    assert (tmp_path / "a_costs.csv").is_file()
    Report(tables, {"images": 5}).write(tmp_path, "a")
    left = {path.name for path in tmp_path.glob("*.csv")} - {"a_mine.csv"}
    assert left == {
        f"a{name.removeprefix('own').removeprefix('other')}.csv"
        for name, table in tables.items()
        if len(table)
    }
    assert (tmp_path / "a_mine.csv").is_file()
    note = json.loads((tmp_path / "a.json").read_text())
    assert (note["images"], set(note["files"])) == (5, left)


@pytest.mark.parametrize(
    "note",
    [
        "",
        "[1]",
        "{}",
        '{"files": ["../kept.csv"]}',
        '{"files": ["deep"], "name": "of a package"}',
        '{"files": [1, ["a_costs.csv"], "."]}',
        '{"files": null}',
    ],
)
def test_a_note_that_is_not_of_a_run_removes_nothing(tmp_path, note):
    for name in ("kept.csv", "new/a_costs.csv", "new/deep/a.csv"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("kept")
    (tmp_path / "new" / "a.json").write_text(note)
    Report({"own": LINES}, {}).write(tmp_path / "new", "a")
    assert (tmp_path / "kept.csv").is_file()
    assert (tmp_path / "new/a_costs.csv").is_file()
    assert (tmp_path / "new/deep/a.csv").is_file()
