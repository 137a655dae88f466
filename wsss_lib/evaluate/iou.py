"""Table 1 as one operation: the sweep over features, its tables and where they came from."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from wsss_lib import paper
from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.datasets import DevkitDataset
from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.scores import iou_table, write_table
from wsss_lib.evaluate.settings import Setting, svm_preset
from wsss_lib.evaluate.sweeps import sweep
from wsss_lib.expand.sampling import SAMPLES_PER_CLASS
from wsss_lib.features import STAGES
from wsss_lib.files import write_text
from wsss_lib.metrics import mean
from wsss_lib.report import provenance


@dataclass(frozen=True)
class Table1:
    """The tables of a run, and what they were computed from.

    Attributes
    ----------
    all_pixels, held_out : DataFrame
        IoU in %, as `wsss_lib.evaluate.scores.iou_table` gives it.
    provenance : dict
        Data set, list, masks, weights and their SHA-256, settings, versions.
    failures : dict of str to str
        The images that could not be done.
    """

    all_pixels: pd.DataFrame
    held_out: pd.DataFrame
    provenance: dict
    failures: dict[str, str]

    def write(self, folder: Path) -> None:
        """Write ``table1.csv``, ``table1_heldout.csv`` and ``table1.json`` to a folder."""
        write_table(self.all_pixels, folder / "table1.csv")
        write_table(self.held_out, folder / "table1_heldout.csv")
        write_text(folder / "table1.json", json.dumps(self.provenance, indent=2) + "\n")


def settings_for(
    dataset: str,
    layers: Sequence[str],
    samples: int | None = None,
    svm: str = "sklearn",
    **chosen: object,
) -> list[Setting]:
    """A setting a feature, alike in all else.

    Parameters
    ----------
    dataset : str
        Gives the number of samples where it is left out.
    layers : sequence of str
    samples : int, optional
        Pixels a class.
    svm : str
        One of `wsss_lib.evaluate.settings.SVM_PRESETS`.
    **chosen
        Other fields of `Setting`; None leaves what the preset or the default says.

    Raises
    ------
    ParameterError
        If a layer is unknown or named twice, or a value is outside its range.
    """
    twice = [layer for layer in layers if list(layers).count(layer) > 1]
    if twice:
        raise ParameterError(f"The layer {twice[0]} is named twice; once was expected.")
    count = SAMPLES_PER_CLASS[dataset] if samples is None else samples
    given = {name: value for name, value in chosen.items() if value is not None}
    return [Setting(layer, count, **svm_preset(svm) | given) for layer in layers]


def table1(
    dataset: DevkitDataset,
    settings: list[Setting],
    backbone: BackboneSpec | None = None,
    **how: object,
) -> Table1:
    """Compute Table 1: IoU per class of the image-specific classifier, a row a feature.

    Parameters
    ----------
    dataset : DevkitDataset
    settings : list of Setting
        One a feature.
    backbone : BackboneSpec, optional
    **how
        Workers, scheduler, store and the like, as in `wsss_lib.evaluate.sweeps.sweep`.

    Returns
    -------
    Table1
    """
    result = sweep(dataset, settings, backbone, **how)
    return Table1(
        iou_table(result, dataset.classes),
        iou_table(result, dataset.classes, "held_out"),
        provenance(dataset, settings, backbone, result),
        result.failures,
    )


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
        As `wsss_lib.evaluate.scores.score_table` gives it, of classes of VOC.
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
        mean=mean(difference),
        rms=np.sqrt(mean(difference**2)),
    )


def all_residuals(scores: pd.DataFrame) -> pd.DataFrame:
    """`residuals` of the lines that are sampled and scored as in the paper, or held out.

    With each of `NUMBERINGS`, which the first column ``numbering`` names.
    """
    kept = scores[(scores["sampling"] == "uniform") & ~scores["region"].str.contains(r"\d")]
    tables = {name: residuals(kept, name) for name in NUMBERINGS}
    return pd.concat(tables, names=["numbering"]).reset_index("numbering")
