"""Where the errors are: the share of wrong pixels among objects and among the background."""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd

from wsss_lib.datasets.classes import ClassSet
from wsss_lib.evaluate.rows.sweep import SweepResult
from wsss_lib.evaluate.tables.bootstrap import drawn_confusions, interval
from wsss_lib.evaluate.tables.scores import region_of
from wsss_lib.metrics import pooled


def error_table(
    result: SweepResult, classes: ClassSet, regions: Sequence[str], over: object = None
) -> pd.DataFrame:
    """The share of wrong pixels in some regions, of background and of objects.

    IoU mixes what an object loses with what it takes from others; these shares do not.

    Parameters
    ----------
    result : SweepResult
    classes : ClassSet
    regions : sequence of str
        See `wsss_lib.evaluate.tables.scores.region_of`; ``away8`` leaves the boundaries out.
    over
        Unused: all objects count together.

    Returns
    -------
    DataFrame
        The fields of the setting, ``region``, ``truth`` (``background`` or ``objects``), ``pixels``
        of it, and the ``error`` in % with its 95 % interval over images ``error_low`` to
        ``error_high``; NaN where no pixel counts.
    """
    lines = []
    for setting, rows in result.rows.items():
        for region in regions:
            confusions = [region_of(row, region) for row in rows]
            draws = drawn_confusions(confusions, len(classes))
            whole = pooled(confusions, len(classes))
            for truth, part in (("background", slice(0, 1)), ("objects", slice(1, None))):
                low, high = interval(_error(draws, part))
                line = {"region": region, "truth": truth, "pixels": whole[part].sum()}
                line |= {"error": float(_error(whole, part)), "error_low": low, "error_high": high}
                lines.append(asdict(setting) | line)
    return pd.DataFrame(lines)


def _error(confusions: np.ndarray, part: slice) -> np.ndarray:
    """The share of wrong pixels in % among some true classes of matrices (..., K, K)."""
    hits = np.diagonal(confusions, axis1=-2, axis2=-1)[..., part].sum(-1)
    total = confusions[..., part, :].sum((-2, -1))
    shares = np.divide(hits, total, out=np.full(total.shape, np.nan), where=total > 0)
    return 100 * (1 - shares)
