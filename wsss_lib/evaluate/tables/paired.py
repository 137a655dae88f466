"""One setting against another on the same draws of images: how sure a difference is."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace

import pandas as pd

from wsss_lib.datasets.classes import ClassSet
from wsss_lib.evaluate.rows.settings import Setting
from wsss_lib.evaluate.rows.sweep import SweepResult
from wsss_lib.evaluate.tables.bootstrap import drawn_scores, pooled_score, spread
from wsss_lib.evaluate.tables.scores import FIELDS, region_of

#: Of a difference over all images and its interval.
ENDS = ("", "_low", "_high")
#: Gives the setting that another one is set against, if there is one, in a region.
Reference = Callable[[SweepResult, Setting, Callable[[Setting], float]], Setting | None]


def difference_table(
    result: SweepResult,
    classes: ClassSet,
    regions: Sequence[str],
    over: Sequence[str] | None = None,
    *,
    reference: Reference,
) -> pd.DataFrame:
    """The mean IoU of settings less that of their references.

    Parameters
    ----------
    result : SweepResult
    classes : ClassSet
    regions : sequence of str
        See `wsss_lib.evaluate.tables.scores.region_of`.
    over : sequence of str, optional
        Short names of the classes that are averaged; all when left out.
    reference : callable
        `own_classifier`, or `best_layer`.

    Returns
    -------
    DataFrame
        The fields of the setting, ``region``, the feature of the reference as ``against``, and the
        ``difference`` in points over all images with its 95 % interval over draws of images
        ``difference_low`` to ``difference_high``. Settings without a reference have no line.

    Raises
    ------
    ParameterError
        If a class or a region is unknown.
    """
    chosen, lines = classes.places(over), []
    for region in regions:
        confusions = {
            setting: [region_of(row, region) for row in rows]
            for setting, rows in result.rows.items()
        }
        scores = {
            setting: pooled_score(found, len(classes), chosen)
            for setting, found in confusions.items()
        }
        draws = {
            setting: drawn_scores(found, len(classes), chosen)
            for setting, found in confusions.items()
        }
        for setting in result.rows:
            other = reference(result, setting, scores.__getitem__)
            if other is None:
                continue
            low, _, high = spread(draws[setting] - draws[other])
            line = {"region": region, "against": other.feature}
            line |= {"difference": scores[setting] - scores[other]}
            line |= {"difference_low": low, "difference_high": high}
            lines.append(asdict(setting) | line)
    columns = [*FIELDS, "region", "against"]
    return pd.DataFrame(lines, columns=[*columns, *(f"difference{end}" for end in ENDS)])


def own_classifier(
    result: SweepResult, setting: Setting, score: Callable[[Setting], float]
) -> Setting | None:
    """For a pooled classifier, the image-specific one of the same feature."""
    return else_alike(result, setting, pool="own")


def else_alike(result: SweepResult, setting: Setting, **changed: object) -> Setting | None:
    """The setting with other values of some fields, if it is another one and was swept."""
    other = replace(setting, **changed)
    return other if other != setting and other in result.rows else None


def best_layer(
    result: SweepResult, setting: Setting, score: Callable[[Setting], float]
) -> Setting | None:
    """For several layers, the single one with the best score among those in the same sweep.

    It is chosen on all images, on which it is then scored: a little in its favour.
    """
    if len(setting.layers) == 1:
        return None
    wanted = asdict(setting) | {"feature": "", "weights": "equal"}
    singles = [
        each
        for each in result.rows
        if len(each.layers) == 1 and asdict(each) | {"feature": ""} == wanted
    ]
    return max(singles, key=score, default=None)
