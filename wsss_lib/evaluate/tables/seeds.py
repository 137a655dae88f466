"""Lines of several seeds of the sampling as one: how much a score leaves to the draw of samples."""

import pandas as pd

from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.tables.scores import FIELDS

#: What is averaged over the seeds.
AVERAGED = ("mean", "mean_low", "mean_high", "samples_drawn")


def over_seeds(scores: pd.DataFrame) -> pd.DataFrame:
    """Average lines that differ in the seed only.

    Parameters
    ----------
    scores : DataFrame
        As `wsss_lib.evaluate.tables.scores.score_table` gives it, with or without further columns,
        which are dropped. ``samples`` may hold numbers and shares such as ``0.1xcells``.

    Returns
    -------
    DataFrame
        In the order of the table: the fields of the setting but the seed, ``region``, the means of
        `AVERAGED` over the seeds, the median of their ``seconds`` (the first call of a process
        compiles, and one seed has it), the lowest and the highest ``mean`` as ``seed_low`` and
        ``seed_high``, and how many ``seeds`` have one. So ``mean_low`` to ``mean_high`` is the
        interval over images that a seed has on average, ``seed_low`` to ``seed_high`` the range
        over seeds, all with the same images. Where no pixel is left to score, scores are NaN.

    Raises
    ------
    ParameterError
        If a seed has several lines of one setting and region, such as those of two networks.
    """
    alike = [*(field for field in FIELDS if field != "seed"), "region"]
    twice = scores[scores.duplicated([*alike, "seed"])]
    if len(twice):
        line = twice.iloc[0][["feature", "samples", "seed", "region"]].to_dict()
        raise ParameterError(
            f"The table has several lines of {line}; one was expected. Average the lines of one "
            "network at a time."
        )
    groups = scores.groupby(alike, sort=False)  # numbers and shares cannot be sorted
    table = groups[list(AVERAGED)].mean().assign(seconds=groups["seconds"].median())
    table["seed_low"], table["seed_high"] = groups["mean"].min(), groups["mean"].max()
    return table.assign(seeds=groups["mean"].count()).reset_index()
