"""Table 1: IoU per class and feature, in the paper's form, and how far it is from the paper."""

import numpy as np
import pandas as pd

from wsss_lib import paper
from wsss_lib.engine import SweepResult
from wsss_lib.features import STAGES
from wsss_lib.metrics import mean, pooled_table
from wsss_lib.report import Report


def table1(result: SweepResult) -> Report:
    """Table 1 of a sweep: IoU per class of the image-specific classifier, one row per feature.

    Parameters
    ----------
    result : SweepResult
        With one setting per feature.

    Returns
    -------
    Report
        ``table1`` (all pixels) and ``table1_heldout``, as `iou_table` gives them.
    """
    tables = {"table1": iou_table(result), "table1_heldout": iou_table(result, "held_out")}
    return Report(tables, result.provenance, result.failures)


def iou_table(result: SweepResult, region: str = "confusion") -> pd.DataFrame:
    """IoU in % per class and feature, pooled over the images, in the form of the paper's Table 1.

    Parameters
    ----------
    result : SweepResult
        With one setting per feature.
    region : {"confusion", "held_out"}
        All pixels, as in the paper, or only those that were not sampled, see
        `wsss_lib.metrics.pooled_table`.

    Returns
    -------
    DataFrame
        One row per setting, indexed by ``feature``; one column per class (NaN where none of its
        pixels counts) and ``mean`` over the others.
    """
    rows = {setting.feature: images for setting, images in result.rows.items()}
    return pooled_table(rows, result.dataset.classes, region).rename_axis("feature")


#: The row of the paper with which each of our features is compared: as we number the stages (from
#: the stem on), or as if the paper had numbered them from the deep end.
NUMBERINGS = {
    "from the stem": {stage: stage for stage in STAGES} | {"img": "img"},
    "from the deep end": dict(zip(STAGES, reversed(STAGES), strict=True)) | {"img": "img"},
}

#: Columns of a table of scores that do not apply to a difference from the paper.
OF_DRAWS = ["mean_low", "mean_high", "best", "ahead", "ahead_low", "ahead_high"]


def residuals(scores: pd.DataFrame, numbering: str = "from the stem") -> pd.DataFrame:
    """Ours minus the paper's, class by class.

    Parameters
    ----------
    scores : DataFrame
        As `wsss_lib.evaluate.scores.score_table` gives it, with classes of VOC.
    numbering : str
        One of `NUMBERINGS`.

    Returns
    -------
    DataFrame
        The rows whose feature the paper has, with differences of IoU in points in the columns of
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
        mean=mean(difference),
        rms=np.sqrt(mean(difference**2)),
    )


def all_residuals(scores: pd.DataFrame) -> pd.DataFrame:
    """`residuals` of the rows with the paper's sampling, on all and on held-out pixels.

    With each of `NUMBERINGS`, which the first column ``numbering`` names.
    """
    kept = scores[(scores["sampling"] == "uniform") & ~scores["region"].str.contains(r"\d")]
    tables = {name: residuals(kept, name) for name in NUMBERINGS}
    return pd.concat(tables, names=["numbering"]).reset_index("numbering")
