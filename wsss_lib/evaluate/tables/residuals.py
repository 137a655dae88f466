"""How far scores on real images are from the paper's Table 1."""

import numpy as np
import pandas as pd

from wsss_lib import paper
from wsss_lib.features import STAGES
from wsss_lib.metrics import means

#: Which of the paper's rows one of our features is set against: as we number the stages (from the
#: stem on), or as if the paper had numbered them from the deep end.
NUMBERINGS = {
    "from the stem": {stage: stage for stage in STAGES} | {"img": "img"},
    "from the deep end": dict(zip(STAGES, reversed(STAGES), strict=True)) | {"img": "img"},
}

#: Columns of a table of scores that say nothing of a difference from the paper.
OF_DRAWS = ["mean_low", "mean_high", "best", "ahead", "ahead_low", "ahead_high"]


def residuals(scores: pd.DataFrame, numbering: str = "from the stem") -> pd.DataFrame:
    """Ours minus the paper's, class by class.

    Parameters
    ----------
    scores : DataFrame
        As `wsss_lib.evaluate.tables.scores.score_table` gives it, of classes of VOC.
    numbering : str
        One of `NUMBERINGS`.

    Returns
    -------
    DataFrame
        The lines whose feature the paper has, with differences of IoU in points in the columns of
        the classes, their ``mean`` and their root mean square ``rms`` over the classes that have a
        score. Without the columns that come from draws of images.
    """
    table, rows = paper.table1(), NUMBERINGS[numbering]
    found = scores[scores["feature"].isin(rows)].drop(columns=OF_DRAWS)
    classes = [name for name in table.columns.drop("mean") if name in found]
    theirs = table.loc[found["feature"].map(rows), classes].to_numpy()
    difference = found[classes].to_numpy() - theirs
    return found.assign(
        **dict(zip(classes, difference.T, strict=True)),
        mean=means(difference),
        rms=np.sqrt(means(difference**2)),
    )


def all_residuals(scores: pd.DataFrame) -> pd.DataFrame:
    """`residuals` of the lines that are sampled and scored as in the paper, or held out.

    With each of `NUMBERINGS`, which the first column ``numbering`` names.
    """
    kept = scores[(scores["sampling"] == "uniform") & ~scores["region"].str.contains(r"\d")]
    tables = {name: residuals(kept, name) for name in NUMBERINGS}
    return pd.concat(tables, names=["numbering"]).reset_index("numbering")
