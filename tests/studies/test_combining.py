from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
import torch
from scipy.spatial.distance import pdist

from wsss_lib.evaluate.settings import Setting
from wsss_lib.expand.product import ProductSVM
from wsss_lib.expand.sampling import PixelSamples
from wsss_lib.features import FeatureMap
from wsss_lib.studies.combining import (
    claim_table,
    distance_shares,
    name_combinations,
    verdict_table,
)

CHANNELS = {"F1": 64, "F2": 64, "F3": 128}


def scores(means, region="held_out", **chosen):
    """One line per feature; ``tuned`` behind a product gives it these weights."""
    lines = []
    for name, mean in means.items():
        feature, *weights = name.split()
        setting = Setting(feature, 10, weights=weights[0] if weights else "equal", **chosen)
        lines.append(asdict(setting) | {"region": region, "mean": mean})
    return pd.DataFrame(lines)


def test_each_combination_has_the_name_of_its_set_and_how_it_is_made():
    table = pd.concat(
        [
            scores({"F1": 50, "F2": 90, "F3": 60, "F1+F3": 55, "F1*F3": 54, "F1*F3 tuned": 65}),
            scores({"F1": 40, "F2": 90, "F3": 30, "F1+F3": 35}, sampling="blocks32"),
            scores({"F1": 99, "F3": 99, "F4+F5": 99}, region="confusion"),  # neither alone
        ]
    )
    named = name_combinations(table)
    ways = ["concatenated", "product, equal", "product, tuned"]
    assert named["set"].tolist() == ["F1, F3"] * 4 + ["F4, F5"]
    assert named["how"].tolist() == [*ways, "concatenated", "concatenated"]


@pytest.mark.parametrize(
    ("together", "other", "holds"),
    [(58, "F2", True), (52, "F2", False), (61, "F2", True), (30, "F1", False)],
)
def test_the_claim_holds_if_the_member_with_the_most_channels_is_nearest(together, other, holds):
    means = {"F1": 40, "F2": 50, "F3": 60, "F1+F2+F3": together}
    (line,) = claim_table(scores(means), CHANNELS).to_dict("records")
    assert (line["set"], line["concatenated"]) == ("F1, F2, F3", together)
    assert (line["most channels"], line["IoU"], line["distance"]) == ("F3", 60, abs(60 - together))
    assert (line["nearest other"], line["other IoU"]) == (other, means[other])
    assert line["other distance"] == abs(means[other] - together)
    assert line["holds"] is holds
    assert (line["best member"], line["above all"]) == ("F3", together > 60)


def test_of_as_many_channels_the_first_of_the_set_counts():
    table = scores({"F2": 40, "F1": 50, "F1+F2": 50, "F1*F2": 50})
    (line,) = claim_table(table, CHANNELS).to_dict("records")
    assert (line["most channels"], line["nearest other"]) == ("F1", "F2")


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


SIZE = (24, 32)


def noise(name, channels, cells=SIZE, seed=0):
    values = np.random.default_rng(seed).normal(size=(channels, *cells))
    return FeatureMap(torch.from_numpy(values).float(), SIZE, name).zscore()


@pytest.fixture
def pixels():
    rows, cols = np.unravel_index(np.random.default_rng(1).permutation(24 * 32)[:40], SIZE)
    return PixelSamples(rows, cols, np.arange(40, dtype=np.uint8) % 2, SIZE, 20)


def test_shares_are_those_of_the_squared_distance_and_of_the_exponent_that_a_product_has(pixels):
    maps = [noise("F1", 2), noise("F3", 6, (6, 8))]
    table = distance_shares(maps, pixels)
    distances = [pdist(m.at(pixels.rows, pixels.cols), "sqeuclidean").mean() for m in maps]
    assert table["squared distance"].tolist() == pytest.approx(distances)
    assert table["concatenated (%)"]["F1"] == pytest.approx(100 * distances[0] / sum(distances))
    assert table["channels (%)"].to_dict() == {"F1": 25, "F3": 75}
    fitted = ProductSVM().fit(maps, pixels.label_image())
    exponents = fitted.weights_ * fitted.gammas_ * table["squared distance"]
    np.testing.assert_allclose(table["product (%)"], 100 * exponents / exponents.sum(), rtol=1e-4)


def test_channels_that_are_alike_count_by_their_number_only_without_a_product(pixels):
    few, many = noise("F1", 3), noise("F5", 3)
    many = FeatureMap(many.values.repeat(4, 1, 1), SIZE, "F5")
    table = distance_shares([few, many], pixels)
    np.testing.assert_allclose(table["concatenated (%)"], [20, 80])
    np.testing.assert_allclose(table["product (%)"], [50, 50], rtol=1e-5)
