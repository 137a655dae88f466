"""From rows to scores: one row per setting and region, with intervals, and differences.

Scores are pooled over the images. All intervals and differences come from the same draws of images,
so that two settings are compared draw by draw.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, fields, replace

import numpy as np
import pandas as pd

from wsss_lib.engine import SweepResult
from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.regions import region_of
from wsss_lib.evaluate.settings import Setting
from wsss_lib.features import KNOWN_LAYERS
from wsss_lib.metrics import drawn_scores, pooled_line, pooled_score, spread

#: What a setting consists of.
FIELDS = tuple(field.name for field in fields(Setting))


def score_table(
    result: SweepResult,
    regions: Sequence[str] = ("confusion", "held_out"),
    over: Sequence[str] | None = None,
) -> pd.DataFrame:
    """IoU of every setting and region, pooled over the images.

    Parameters
    ----------
    result : SweepResult
    regions : sequence of str
        See `wsss_lib.evaluate.regions.region_of`.
    over : sequence of str, optional
        Short names of the classes to show and average; all that have a score when left out.

    Returns
    -------
    DataFrame
        The fields of the setting, ``region``, ``images``, IoU in % of each class (NaN where none of
        its pixels counts), ``mean`` with its 95 % interval over images ``mean_low`` to
        ``mean_high``, the ``seconds`` of fit and prediction per image, the samples that its
        classifier was fitted to and the share of them with a wrong label in %, and the columns of
        `compared`.

    Raises
    ------
    ParameterError
        If a class or a region is unknown.
    """
    classes = result.dataset.classes
    chosen, lines, draws = classes.places(over), [], []
    for setting, rows in result.rows.items():
        drawn = [sum(row["samples"].values()) for row in rows]
        wrong = [row["wrong_samples"] for row in rows]
        cost = {
            "seconds": np.mean([row["fit_seconds"] + row["predict_seconds"] for row in rows]),
            "samples_drawn": np.mean(drawn),
            "wrong_samples": np.mean([100 * w / n for w, n in zip(wrong, drawn, strict=True)]),
        }
        for region in regions:
            confusions = [region_of(row, region) for row in rows]
            draws.append(drawn_scores(confusions, len(classes), chosen))
            line = asdict(setting) | {"region": region, "images": len(rows)}
            lines.append(line | pooled_line(confusions, draws[-1], classes, chosen) | cost)
    return compared(pd.DataFrame(lines), np.array(draws))


def compared(scores: pd.DataFrame, draws: np.ndarray) -> pd.DataFrame:
    """Compare the rows of a table of scores with each other, draw by draw.

    Parameters
    ----------
    scores : DataFrame
        The fields of the setting, and ``region``.
    draws : ndarray, shape (rows, DRAWS)
        As `wsss_lib.metrics.drawn_scores` gives them, all of the same draws.

    Returns
    -------
    DataFrame
        With ``best``: the percentage of the draws in which a feature is the best of those that
        differ in nothing else (``xy`` does not compete); and ``ahead``, ``ahead_low``,
        ``ahead_high``: the median and the 95 % interval of how far a row is ahead of the label of
        the nearest sample, if the table has that control for its sampling, resolution and region.
    """
    scores = scores.assign(best=np.nan, ahead=np.nan, ahead_low=np.nan, ahead_high=np.nan)
    rivals = scores[scores["feature"] != "xy"]
    for _, group in rivals.groupby([*(set(FIELDS) - {"feature"}), "region"]):
        leader = np.where(np.isnan(draws[group.index]), -np.inf, draws[group.index]).argmax(0)
        wins = np.bincount(leader, minlength=len(group))
        scores.loc[group.index, "best"] = 100 * wins / draws.shape[1]
    same = ["samples", "seed", "sampling", "resolution", "noise", "pool", "region"]
    for _, group in scores.groupby(same):
        control = group.index[group["kernel"] == "nearest"]
        if len(control):
            ahead = draws[group.index] - draws[control[0]]
            columns = ["ahead_low", "ahead", "ahead_high"]
            scores.loc[group.index, columns] = [spread(line) for line in ahead]
    return scores


def difference_table(
    result: SweepResult,
    regions: Sequence[str],
    over: Sequence[str] | None = None,
    *,
    reference: Callable[[Setting], list[Setting]],
    others: SweepResult | None = None,
) -> pd.DataFrame:
    """The mean IoU of settings less that of their references.

    Parameters
    ----------
    result : SweepResult
    regions : sequence of str
        See `wsss_lib.evaluate.regions.region_of`.
    over : sequence of str, optional
        Short names of the classes to average; all when left out.
    reference : callable
        Gives the settings that one is compared with, such as `own_classifier` or `best_layer`; of
        several in the sweep the best.
    others : SweepResult, optional
        Where the references are looked for: another sweep of the same images, such as one with
        another network (`same_setting`); `result` itself when left out.

    Returns
    -------
    DataFrame
        The fields of the setting, ``region``, the feature of the reference as ``against``, and the
        ``difference`` in points over all images with its 95 % interval over draws of images
        ``difference_low`` to ``difference_high``. Settings without a reference have no row.

    Raises
    ------
    ParameterError
        If a class or a region is unknown, or the images of `others` are not those of `result`.
    """
    others = result if others is None else others
    if set(result.failures) != set(others.failures):
        raise ParameterError(
            f"One sweep failed for {sorted(result.failures)}, the other for "
            f"{sorted(others.failures)}; the same images were expected in both."
        )
    n, chosen, lines = len(result.dataset.classes), result.dataset.classes.places(over), []
    for region in regions:
        scores, draws = _scored(result, region, n, chosen)
        theirs = (scores, draws) if others is result else _scored(others, region, n, chosen)
        for setting in result.rows:
            possible = [each for each in reference(setting) if each in theirs[0]]
            if others is result:
                possible = [each for each in possible if each != setting]
            if not possible:
                continue
            other = max(possible, key=theirs[0].__getitem__)
            low, _, high = spread(draws[setting] - theirs[1][other])
            line = {"region": region, "against": other.feature}
            line |= {"difference": scores[setting] - theirs[0][other]}
            line |= {"difference_low": low, "difference_high": high}
            lines.append(asdict(setting) | line)
    columns = ["region", "against", "difference", "difference_low", "difference_high"]
    return pd.DataFrame(lines, columns=[*FIELDS, *columns])


def _scored(
    result: SweepResult, region: str, n_classes: int, chosen: Sequence[int]
) -> tuple[dict[Setting, float], dict[Setting, np.ndarray]]:
    """The mean IoU of each setting, of all images and of draws of them."""
    scores, draws = {}, {}
    for setting, rows in result.rows.items():
        confusions = [region_of(row, region) for row in rows]
        scores[setting] = pooled_score(confusions, n_classes, chosen)
        draws[setting] = drawn_scores(confusions, n_classes, chosen)
    return scores, draws


def same_setting(setting: Setting) -> list[Setting]:
    """The setting itself, in a sweep with another network."""
    return [setting]


def own_classifier(setting: Setting) -> list[Setting]:
    """For a pooled classifier, the image-specific one of the same feature."""
    return [replace(setting, pool="own")]


def best_layer(setting: Setting) -> list[Setting]:
    """For several layers, each single one; the best is chosen.

    It is chosen on the images on which it is then scored, which slightly favours it.
    """
    if len(setting.layers) == 1:
        return []
    return [replace(setting, feature=layer, weights="equal") for layer in KNOWN_LAYERS]


#: What is averaged over the seeds.
AVERAGED = ("mean", "mean_low", "mean_high", "samples_drawn")


def over_seeds(scores: pd.DataFrame) -> pd.DataFrame:
    """Average the rows that differ only in the seed.

    Parameters
    ----------
    scores : DataFrame
        As `wsss_lib.evaluate.scores.score_table` gives it, with or without further columns,
        which are dropped. ``samples`` may hold numbers and shares such as ``0.1xcells``.

    Returns
    -------
    DataFrame
        In the order of the table: the fields of the setting without the seed, ``region``, the means
        of `AVERAGED` over the seeds, the median of their ``seconds`` (one seed has the first call
        of a process, which compiles), the lowest and the highest ``mean`` as ``seed_low`` and
        ``seed_high``, and how many ``seeds`` have one. So ``mean_low`` to ``mean_high`` is the
        interval over images that a seed has on average, ``seed_low`` to ``seed_high`` the range
        over seeds, all with the same images. If no pixel is left to score, scores are NaN.

    Raises
    ------
    ParameterError
        If a seed has several rows of one setting and region, such as those of two networks.
    """
    alike = [*(field for field in FIELDS if field != "seed"), "region"]
    twice = scores[scores.duplicated([*alike, "seed"])]
    if len(twice):
        line = twice.iloc[0][["feature", "samples", "seed", "region"]].to_dict()
        raise ParameterError(
            f"The table has several rows of {line}; one was expected. Average the rows of one "
            "network at a time."
        )
    groups = scores.groupby(alike, sort=False)  # numbers and shares cannot be sorted
    table = groups[list(AVERAGED)].mean().assign(seconds=groups["seconds"].median())
    table["seed_low"], table["seed_high"] = groups["mean"].min(), groups["mean"].max()
    return table.assign(seeds=groups["mean"].count()).reset_index()
