import json

import pandas as pd

from wsss_lib.report import Report


def test_each_table_is_a_file_beside_what_it_was_computed_from(tmp_path):
    scores = pd.DataFrame({"mean": [50.0, None]}, pd.Index(["F1", "img"], name="feature"))
    lines = pd.DataFrame({"feature": ["F1"], "mean": [1 / 3], "seconds": [2.0]})
    report = Report({"bound": scores, "bound_costs": lines, "none": lines[:0]}, {"images": 4})
    assert report.main is scores
    assert report.write(tmp_path / "new", "forty") == tmp_path / "new" / "forty.csv"
    written = {path.name: path.read_text() for path in (tmp_path / "new").iterdir()}
    assert json.loads(written.pop("forty.json")) == {"images": 4}
    assert written == {
        "forty.csv": "feature,mean\nF1,50.00\nimg,\n",
        "forty_costs.csv": "feature,mean\nF1,0.333\n",
    }
