"""What wrong labels cost: a feature against itself with clean ones, on the same draws of images."""

from collections.abc import Sequence

import pandas as pd

from wsss_lib.datasets.classes import ClassSet
from wsss_lib.evaluate.scores import difference_table, else_alike
from wsss_lib.evaluate.settings import Setting
from wsss_lib.evaluate.sweeps import SweepResult
from wsss_lib.expand.noise import parse_noise


def clean_labels(result: SweepResult, setting: Setting, score: object) -> Setting | None:
    """For wrong labels, the same setting with clean ones, see `wsss_lib.evaluate.scores`."""
    return else_alike(result, setting, noise="none")


def loss_table(
    result: SweepResult,
    classes: ClassSet,
    regions: Sequence[str] = ("held_out",),
    over: Sequence[str] | None = None,
) -> pd.DataFrame:
    """How many points of mean IoU wrong labels cost each setting.

    Parameters
    ----------
    result : SweepResult
        With clean labels among the settings.
    classes, regions, over
        As in `wsss_lib.evaluate.scores.difference_table`.

    Returns
    -------
    DataFrame
        The fields of the setting, ``region``, the ``kind`` of the noise and its ``percent``, and
        the ``loss`` in points with its 95 % interval over draws of images ``loss_low`` to
        ``loss_high``; below 0 where the wrong labels helped. Settings with clean labels have no
        line.
    """
    table = difference_table(result, classes, regions, over, reference=clean_labels)
    read = pd.DataFrame(map(parse_noise, table["noise"]), table.index, ["kind", "percent"])
    ends = ["difference", "difference_high", "difference_low"]  # a loss turns the interval round
    losses = (0.0 - table[ends]).set_axis(["loss", "loss_low", "loss_high"], axis=1)
    return table.drop(columns=["against", *ends]).join(read).join(losses)
