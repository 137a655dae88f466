"""How much each layer counts where several are combined: in a distance, and by its weight."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.rows.sweep import SweepResult
from wsss_lib.expand.engine.samples import VectorSamples, scale_gamma
from wsss_lib.expand.sampling import PixelSamples
from wsss_lib.features import FeatureMap


def distance_shares(maps: Sequence[FeatureMap], pixels: PixelSamples) -> pd.DataFrame:
    """How much each layer contributes to the distance between sampled pixels.

    Parameters
    ----------
    maps : sequence of FeatureMap
        One a layer, z-scored.
    pixels : PixelSamples
        At least two.

    Returns
    -------
    DataFrame
        Indexed by ``layer``: its ``channels``; the mean ``squared distance`` of two samples;
        ``channels (%)`` and ``concatenated (%)``, its shares of all channels and of the squared
        distance of the concatenation; and ``product (%)``, its share of the exponent of a product
        of kernels with equal weights, each with its own ``gamma="scale"``.

    Raises
    ------
    ParameterError
        If there are fewer than two samples.
    """
    if len(pixels) < 2:
        raise ParameterError(f"{len(pixels)} sampled pixel; a distance needs at least 2 of them.")
    lines = []
    for map_ in maps:
        values = map_.at(pixels.rows, pixels.cols)
        # the mean over all pairs, without making them
        distance = 2 * values.var(axis=0, ddof=1, dtype=np.float64).sum()
        exponent = scale_gamma(VectorSamples(values)) * distance
        lines.append((map_.name, map_.channels, distance, exponent))
    table = pd.DataFrame(lines, columns=["layer", "channels", "squared distance", "exponent"])
    table = table.set_index("layer")
    table["channels (%)"] = _percent(table["channels"])
    table["concatenated (%)"] = _percent(table["squared distance"])
    table["product (%)"] = _percent(table.pop("exponent"))
    return table


def _percent(values: pd.Series) -> pd.Series:
    return 100 * values / values.sum()


def mean_weights(result: SweepResult) -> pd.DataFrame:
    """The weights of the layers in products of kernels, in the mean over images.

    Parameters
    ----------
    result : SweepResult

    Returns
    -------
    DataFrame
        Indexed by ``sampling``, ``weights`` (``equal``, ``tuned``) and ``set``, one column a layer;
        NaN where a layer is no member.
    """
    table = {}
    for setting, rows in result.rows.items():
        if "*" not in setting.feature:
            continue
        weights = pd.DataFrame([row["layer_weights"] for row in rows], columns=setting.layers)
        table[setting.sampling, setting.weights, ", ".join(setting.layers)] = weights.mean()
    names = ["sampling", "weights", "set"]
    return pd.DataFrame.from_dict(table, orient="index").sort_index(axis=1).rename_axis(names)
