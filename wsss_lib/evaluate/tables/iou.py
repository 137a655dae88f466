"""From rows to tables: Table 1 on all pixels and on the held-out ones."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from wsss_lib.datasets.classes import ClassSet
from wsss_lib.evaluate.rows.sweep import SweepResult
from wsss_lib.files import write_text
from wsss_lib.metrics import iou_of_counted, mean, pooled


def iou_table(result: SweepResult, classes: ClassSet, pixels: str = "confusion") -> pd.DataFrame:
    """IoU in % per class and feature, pooled over the images, in the form of the paper's Table 1.

    Parameters
    ----------
    result : SweepResult
    classes : ClassSet
    pixels : {"confusion", "held_out"}
        All pixels, as in the paper, or only those that were not sampled. The second is biased
        too: sampling the same number from every class takes most of a small object away.

    Returns
    -------
    DataFrame
        One row a setting, indexed by ``feature``; one column a class (NaN where none of its pixels
        counts) and ``mean`` over the others.
    """
    rows = {setting.feature: done for setting, done in result.rows.items()}
    return pooled_table(rows, classes, pixels).rename_axis("feature")


def pooled_table(
    rows: Mapping[str, Sequence[dict]], classes: ClassSet, pixels: str = "confusion"
) -> pd.DataFrame:
    """IoU in % per class and name, pooled over the rows of each name; see `iou_table`."""
    lines = {}
    for name, done in rows.items():
        scores = iou_of_counted(pooled((row[pixels] for row in done), len(classes)))
        lines[name] = [*scores, mean(scores)]
    return 100 * pd.DataFrame.from_dict(lines, orient="index", columns=[*classes.short, "mean"])


def write_table(table: pd.DataFrame, path: Path) -> Path:
    """Write a table as CSV: two decimals, empty where a class is absent."""
    return write_text(path, table.to_csv(float_format="%.2f"))
