import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist

from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.rows.settings import Setting
from wsss_lib.evaluate.rows.sweep import SweepResult
from wsss_lib.evaluate.tables.layer_shares import distance_shares, mean_weights
from wsss_lib.expand.product import ProductSVM
from wsss_lib.expand.sampling import PixelSamples
from wsss_lib.features import FeatureMap

SIZE = (24, 32)


def noise(name, channels, cells=SIZE, seed=0):
    values = np.random.default_rng(seed).normal(size=(channels, *cells))
    return FeatureMap(torch.from_numpy(values).float(), SIZE, name).zscore()


@pytest.fixture
def pixels():
    rows, cols = np.unravel_index(np.random.default_rng(1).permutation(24 * 32)[:40], SIZE)
    return PixelSamples(rows, cols, np.arange(40, dtype=np.uint8) % 2, SIZE, 20)


def test_a_layers_distance_is_the_mean_over_all_pairs_of_samples(pixels):
    maps = [noise("F1", 2), noise("F3", 6, (6, 8))]
    table = distance_shares(maps, pixels)
    distances = [pdist(m.at(pixels.rows, pixels.cols), "sqeuclidean").mean() for m in maps]
    assert table.index.tolist() == ["F1", "F3"]
    assert table["squared distance"].tolist() == pytest.approx(distances)
    assert table["concatenated (%)"]["F1"] == pytest.approx(100 * distances[0] / sum(distances))
    assert table["channels"].tolist() == [2, 6]
    assert table["channels (%)"].tolist() == [25, 75]


def test_in_a_product_it_is_the_share_of_the_exponent_that_the_classifier_has(pixels):
    maps = [noise("F1", 2), noise("F3", 6, (6, 8))]
    table = distance_shares(maps, pixels)
    fitted = ProductSVM().fit(maps, pixels.label_image())
    exponents = fitted.weights_ * fitted.gammas_ * table["squared distance"]
    np.testing.assert_allclose(table["product (%)"], 100 * exponents / exponents.sum(), rtol=1e-4)


def test_channels_that_are_alike_count_by_their_number_only_without_a_product(pixels):
    few, many = noise("F1", 3), noise("F5", 3)
    many = FeatureMap(many.values.repeat(4, 1, 1), SIZE, "F5")
    table = distance_shares([few, many], pixels)
    np.testing.assert_allclose(table["concatenated (%)"], [20, 80])
    np.testing.assert_allclose(table["product (%)"], [50, 50], rtol=1e-5)


def test_a_single_sample_has_no_distance():
    alone = PixelSamples(*np.zeros((2, 1), int), np.zeros(1, np.uint8), SIZE, 1)
    with pytest.raises(ParameterError, match="at least 2"):
        distance_shares([noise("F1", 2)], alone)


def test_weights_are_averaged_over_images_for_each_product():
    result = SweepResult(
        {
            Setting("F1", 10): [{}, {}],
            Setting("F3*F1", 10, weights="tuned"): [
                {"layer_weights": [1.0, 0.0]},
                {"layer_weights": [0.5, 0.5]},
            ],
            Setting("F1*F2", 10, sampling="blocks32"): [{"layer_weights": [0.5, 0.5]}] * 2,
        }
    )
    table = mean_weights(result)
    assert table.columns.tolist() == ["F1", "F2", "F3"]
    assert table.loc["uniform", "tuned", "F3, F1"].dropna().to_dict() == {"F1": 0.25, "F3": 0.75}
    assert table.loc["blocks32", "equal", "F1, F2"].dropna().to_dict() == {"F1": 0.5, "F2": 0.5}
