from dataclasses import asdict

import pandas as pd
import pytest

from wsss_lib.evaluate.rows.settings import Setting
from wsss_lib.evaluate.tables.combining import (
    BEST_MEMBER,
    beside_best_member,
    claim_table,
    name_combinations,
    verdict_table,
)

CHANNELS = {"F1": 64, "F2": 64, "F3": 128}


def scores(means, region="held_out", **chosen):
    """A line a feature; ``tuned`` behind a product gives it these weights."""
    lines = []
    for name, mean in means.items():
        feature, *weights = name.split()
        setting = Setting(feature, 10, weights=weights[0] if weights else "equal", **chosen)
        lines.append(asdict(setting) | {"region": region, "mean": mean})
    return pd.DataFrame(lines)


def test_combinations_go_by_their_layers_and_by_how_they_are_combined():
    table = name_combinations(scores(dict.fromkeys(["F1", "F1+F3", "F1*F3", "F1*F3 tuned"], 50)))
    assert table["set"].tolist() == ["F1, F3"] * 3
    assert table["how"].tolist() == ["concatenated", "product, equal", "product, tuned"]


def test_each_set_stands_beside_the_best_of_its_members_in_the_same_place():
    table = pd.concat(
        [
            scores({"F1": 50, "F2": 90, "F3": 60, "F1+F3": 55, "F1*F3 tuned": 65}),
            scores({"F1": 40, "F2": 90, "F3": 30, "F1+F3": 35}, sampling="blocks32"),
            scores({"F1": 99, "F3": 99}, region="confusion"),
        ]
    )
    found = beside_best_member(table)
    best = found[found["how"] == BEST_MEMBER]
    assert best["set"].tolist() == ["F1, F3"] * 2
    assert best[["sampling", "feature", "mean"]].to_numpy().tolist() == [
        ["uniform", "F3", 60],
        ["blocks32", "F1", 40],
    ]
    assert len(found) == 3 + 2


def test_a_set_without_members_in_the_table_has_no_best_one():
    assert BEST_MEMBER not in set(beside_best_member(scores({"F1+F3": 55}))["how"])


@pytest.mark.parametrize(
    ("together", "other", "holds"),
    [(58, "F2", True), (52, "F2", False), (61, "F2", True), (30, "F1", False)],
)
def test_the_claim_holds_if_the_member_with_the_most_channels_is_nearest(together, other, holds):
    (line,) = claim_table(
        scores({"F1": 40, "F2": 50, "F3": 60, "F1+F2+F3": together}), CHANNELS
    ).to_dict("records")
    assert (line["set"], line["concatenated"]) == ("F1, F2, F3", together)
    assert (line["most channels"], line["IoU"], line["distance"]) == ("F3", 60, abs(60 - together))
    alone = {"F1": 40, "F2": 50}[other]
    assert (line["nearest other"], line["other IoU"]) == (other, alone)
    assert line["other distance"] == abs(alone - together)
    assert line["holds"] is holds
    assert (line["best member"], line["above all"]) == ("F3", together > 60)


def test_of_as_many_channels_the_first_of_the_set_counts():
    table = scores({"F2": 40, "F1": 50, "F1+F2": 50, "F1*F2": 50})
    (line,) = claim_table(table, CHANNELS).to_dict("records")
    assert (line["most channels"], line["nearest other"]) == ("F1", "F2")


def test_a_concatenation_without_two_members_cannot_be_judged():
    assert claim_table(scores({"F1": 40, "F1+F3": 50}), CHANNELS).empty


def test_the_verdict_counts_intervals_that_leave_zero_out_and_names_the_best():
    lines = scores({"F1+F3": 0, "F1*F3": 0, "F1*F3 tuned": 0, "F1+F2": 0}).assign(
        difference=[-3.0, 0.5, 1.0, 0.2],
        difference_low=[-5.0, 0.1, -1.0, 0.0],
        difference_high=[-1.0, 0.9, 3.0, 0.4],
        against="F2",
    )
    other = lines.iloc[:1].assign(region="confusion")
    table = verdict_table(pd.concat([other, lines]))
    assert table.index.tolist() == [("confusion", "uniform"), ("held_out", "uniform")]
    assert table.loc["held_out", "uniform"].to_dict() == {
        "best layer": "F2",
        "combinations": 4,
        "above 0": 1,
        "below 0": 1,
        "best combination": "F1, F3: product, tuned",
        "difference": 1.0,
        "low": -1.0,
        "high": 3.0,
    }
