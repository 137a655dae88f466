import numpy as np
import pandas as pd
import pytest

from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.rows.settings import Setting
from wsss_lib.evaluate.rows.sweep import sweep
from wsss_lib.evaluate.tables.scores import score_table
from wsss_lib.evaluate.tables.seeds import AVERAGED, over_seeds


@pytest.fixture
def scores(tiny, tmp_path):
    """Two draws of a number of samples, of a share of the cells, and of all pixels."""
    settings = [
        Setting("img", samples, seed=seed)
        for seed in (5, 6)
        for samples in (4, "0.05xcells", 24 * 32)
    ]
    return score_table(sweep(tiny, settings, store=tmp_path / "s"), tiny.classes)


def test_lines_that_differ_in_the_seed_become_one(scores):
    table = over_seeds(scores)
    assert list(zip(table["samples"], table["region"], strict=True)) == [
        (samples, region)
        for samples in (4, "0.05xcells", 768)
        for region in ("confusion", "held_out")
    ]
    assert "seed" not in table
    line, single = (
        table.iloc[0],
        scores[(scores["samples"] == 4) & (scores["region"] == "confusion")],
    )
    np.testing.assert_allclose(line[list(AVERAGED)].astype(float), single[list(AVERAGED)].mean())
    assert line["seed_low"] == single["mean"].min() < line["mean"]
    assert line["seed_high"] == single["mean"].max() > line["mean"]
    assert line["seeds"] == 2


def test_one_seed_has_the_seconds_of_a_first_call(scores):
    lines = scores[(scores["samples"] == 4) & (scores["seed"] == 5)]
    lines = [lines.assign(seed=seed, seconds=s) for seed, s in enumerate((9.0, 0.3, 0.2))]
    assert over_seeds(pd.concat(lines))["seconds"].tolist() == [0.3, 0.3]


def test_where_all_pixels_are_samples_nothing_is_held_out(scores):
    every, held_out = over_seeds(scores)[-2:].to_dict("records")
    assert every["samples_drawn"] == held_out["samples_drawn"] == 23 * 32  # a row is void
    assert every["seed_low"] == pytest.approx(every["seed_high"], abs=1)
    assert every["seeds"] == 2
    assert held_out["seeds"] == 0
    assert np.isnan([held_out[name] for name in ("mean", "seed_low", "seed_high")]).all()


def test_the_lines_of_two_networks_are_not_averaged(scores):
    with pytest.raises(ParameterError, match=r"several lines of .*'seed': 5"):
        over_seeds(pd.concat([scores, scores]))
