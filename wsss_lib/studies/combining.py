"""Whether several layers beat the best one.

The paper concatenates layers, finds the result "close to the results from the classifier trained by
the feature which has the most number of channels", and asks for a better way (section 4.2); it has
no numbers. The study sets concatenations and products of kernels against the single layers.
Notebook 11 shows it.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from wsss_lib.evaluate.scores import FIELDS, best_layer
from wsss_lib.evaluate.settings import Setting, svm_preset
from wsss_lib.expand.engine.samples import VectorSamples, scale_gamma
from wsss_lib.expand.sampling import PixelSamples
from wsss_lib.features import STAGES, FeatureMap
from wsss_lib.studies.bound import FAIR
from wsss_lib.studies.study import Study

#: Layers that are combined.
COMBINED = ("F1+F3", "F1+F5", "F2+F4", "F3+F5", "F1+F2+F3+F4+F5")


def settings(
    samples: int,
    seed: int,
    *,
    layers: Sequence[str] = STAGES,
    combined: Sequence[str] = COMBINED,
    samplings: Sequence[str] = ("uniform", FAIR),
    svm: str = "sklearn",
) -> list[Setting]:
    """Layers alone, concatenated as in the paper, and as products with equal and tuned weights.

    Parameters
    ----------
    samples : int
        Pixels per class.
    seed : int
    layers : sequence of str
        Those alone; none of them if it is empty.
    combined : sequence of str
        Sets of layers, joined by ``+``.
    samplings : sequence of str
        See `wsss_lib.expand.sampling.draw_samples`.
    svm : str
        One of `wsss_lib.evaluate.settings.SVM_PRESETS` with an RBF kernel.
    """
    products = [name.replace("+", "*") for name in combined]
    ways = [([*layers, *combined, *products], "equal"), (products, "tuned")]
    return [
        Setting(name, samples, seed=seed, sampling=sampling, weights=weights, **svm_preset(svm))
        for sampling in samplings
        for names, weights in ways
        for name in names
    ]


CONCATENATED = "concatenated"
#: In what a combination and its members agree: all but the layers and how these are combined.
_ALIKE = [name for name in (*FIELDS, "region") if name not in ("feature", "weights")]


def name_combinations(lines: pd.DataFrame) -> pd.DataFrame:
    """Which layers a line stands for, and how they are combined.

    Parameters
    ----------
    lines : DataFrame
        With the columns ``feature`` and ``weights``, such as of
        `wsss_lib.evaluate.scores.score_table`.

    Returns
    -------
    DataFrame
        Only the combinations, with ``set`` (the layers, such as ``F1, F3``) and ``how``
        (``concatenated``, ``product, equal`` or ``product, tuned``).
    """
    lines = lines[lines["feature"].str.contains(r"[+*]")]
    products = "product, " + lines["weights"]
    return lines.assign(
        set=lines["feature"].str.replace(r"[+*]", ", ", regex=True),
        how=products.where(lines["feature"].str.contains("*", regex=False), CONCATENATED),
    )


def claim_table(scores: pd.DataFrame, channels: Mapping[str, int]) -> pd.DataFrame:
    """Whether a concatenation scores as its member with the most channels does (section 4.2).

    Parameters
    ----------
    scores : DataFrame
        As `wsss_lib.evaluate.scores.score_table` gives it, with the members of all concatenations.
    channels : mapping of str to int
        Of each layer. Of members with as many the first counts as the one with the most.

    Returns
    -------
    DataFrame
        One line per concatenation: its fields, ``region``, ``set``, its IoU ``concatenated`` in %;
        ``most channels``, the name of that member, its ``IoU`` and how far this is from the
        concatenation, ``distance``; ``nearest other``, the other member that is nearest, with
        ``other IoU`` and ``other distance``; whether the claim ``holds``: the member with the most
        channels is nearer than all others; the ``best member``; and whether the concatenation is
        ``above all`` members, so that the best is nearest, whatever its channels.
    """
    named = name_combinations(scores)
    table = []
    for _, line in named[named["how"] == CONCATENATED].iterrows():
        alone = _members(scores, line).set_index("feature")["mean"]
        distance = (alone - line["mean"]).abs()
        most = max(alone.index, key=lambda name: channels[name])
        other = distance.drop(most).idxmin()
        table.append(
            {name: line[name] for name in (*FIELDS, "region", "set")}
            | {"concatenated": line["mean"]}
            | {"most channels": most, "IoU": alone[most], "distance": distance[most]}
            | {"nearest other": other, "other IoU": alone[other], "other distance": distance[other]}
            | {"holds": bool(distance[most] < distance[other]), "best member": alone.idxmax()}
            | {"above all": bool(line["mean"] > alone.max())}
        )
    return pd.DataFrame(table)


def _members(scores: pd.DataFrame, line: pd.Series) -> pd.DataFrame:
    """The lines of the layers of a combination alone, in the order of its set; else alike."""
    layers = line["set"].split(", ")
    alike = (scores[_ALIKE] == line[_ALIKE]).all(axis=1) & scores["feature"].isin(layers)
    return scores[alike].sort_values("feature", key=lambda names: names.map(layers.index))


def verdict_table(differences: pd.DataFrame) -> pd.DataFrame:
    """Whether any combination beats the best single layer.

    Parameters
    ----------
    differences : DataFrame
        As `wsss_lib.evaluate.scores.difference_table` gives it with the reference
        `best_layer`.

    Returns
    -------
    DataFrame
        Indexed by ``region`` and ``sampling``: the ``best layer``, the number of ``combinations``,
        how many have an interval wholly ``above 0`` and ``below 0``, and the ``best combination``
        with its ``difference`` in points and the interval ``low`` to ``high``, which does not
        contain that it was chosen as the best of several.
    """
    named = name_combinations(differences)
    table = {}
    for place, lines in named.groupby(["region", "sampling"], sort=False):
        best = lines.loc[lines["difference"].idxmax()]
        table[place] = {
            "best layer": best["against"],
            "combinations": len(lines),
            "above 0": int((lines["difference_low"] > 0).sum()),
            "below 0": int((lines["difference_high"] < 0).sum()),
            "best combination": f"{best['set']}: {best['how']}",
            "difference": best["difference"],
            "low": best["difference_low"],
            "high": best["difference_high"],
        }
    return pd.DataFrame.from_dict(table, orient="index").rename_axis(["region", "sampling"])


def distance_shares(maps: Sequence[FeatureMap], pixels: PixelSamples) -> pd.DataFrame:
    """How much each layer contributes to the distance between sampled pixels.

    Parameters
    ----------
    maps : sequence of FeatureMap
        One per layer, z-scored.
    pixels : PixelSamples
        At least two.

    Returns
    -------
    DataFrame
        Indexed by ``layer``: its ``channels``; the mean ``squared distance`` of two samples;
        ``channels (%)`` and ``concatenated (%)``, its shares of all channels and of the squared
        distance of the concatenation; and ``product (%)``, its share of the exponent of a product
        of kernels with equal weights, each with its own ``gamma="scale"``.
    """
    lines = []
    for map_ in maps:
        values = map_.at(pixels.rows, pixels.cols)
        # the mean over all pairs, without making them
        distance = 2 * values.var(axis=0, ddof=1, dtype=np.float64).sum()
        exponent = scale_gamma(VectorSamples(values)) * distance
        lines.append((map_.name, map_.channels, distance, exponent))
    columns = ["channels", "squared distance", "exponent"]
    table = pd.DataFrame(lines, columns=["layer", *columns]).set_index("layer")
    shares = 100 * table[columns] / table[columns].sum()
    shares.columns = ["channels (%)", "concatenated (%)", "product (%)"]
    return table.drop(columns="exponent").join(shares)


STUDY = Study("combining", "Do several layers beat the best one?", settings, reference=best_layer)
