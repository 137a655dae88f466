import numpy as np
import pandas as pd
import pytest

from wsss_lib import paper
from wsss_lib.evaluate.tables.residuals import OF_DRAWS, residuals


def scores(**rows):
    table = pd.DataFrame.from_dict(
        {k: list(v) for k, v in rows.items()}, orient="index", columns=["cat", "dog"]
    )
    return (
        table.rename_axis("feature").reset_index().assign(mean=0.0, **dict.fromkeys(OF_DRAWS, 0.0))
    )


def test_the_papers_own_rows_leave_nothing():
    table = paper.table1()[["cat", "dog"]]
    found = residuals(scores(F1=table.loc["F1"], img=table.loc["img"]))
    assert found["rms"].tolist() == [0, 0]


def test_numbered_from_the_deep_end_our_last_layer_meets_the_papers_first():
    table = paper.table1()[["cat", "dog"]]
    ours = scores(F5=table.loc["F1"] + [3.0, -4.0], xy=[1.0, 1.0])
    found = residuals(ours, "from the deep end")
    assert found["feature"].tolist() == ["F5"]
    np.testing.assert_allclose(found[["cat", "dog"]], [[3, -4]])
    assert found["mean"].item() == pytest.approx(-0.5)
    assert found["rms"].item() == pytest.approx(np.sqrt(12.5))


def test_a_class_without_a_score_does_not_count():
    found = residuals(scores(F1=[np.nan, paper.table1().loc["F1", "dog"] + 2]))
    assert found["rms"].item() == pytest.approx(2)
