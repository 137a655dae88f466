"""Table 1 as one operation: the sweep over features, its tables and where they came from."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.datasets import DevkitDataset
from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.provenance import provenance
from wsss_lib.evaluate.rows.settings import SVM_PRESETS, Setting
from wsss_lib.evaluate.rows.sweep import sweep
from wsss_lib.evaluate.tables.iou import iou_table, write_table
from wsss_lib.expand.sampling import SAMPLES_PER_CLASS
from wsss_lib.files import write_text


@dataclass(frozen=True)
class Table1:
    """The tables of a run, and what they were computed from.

    Attributes
    ----------
    all_pixels, held_out : DataFrame
        IoU in %, as `wsss_lib.evaluate.tables.iou.iou_table` gives it.
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
        One of `SVM_PRESETS`.
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
    if svm not in SVM_PRESETS:
        raise ParameterError(f"No SVM preset {svm!r}; expected one of {', '.join(SVM_PRESETS)}.")
    return [Setting(layer, count, **{**SVM_PRESETS[svm], **given}) for layer in layers]


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
        Workers, scheduler, store and the like, as in `wsss_lib.evaluate.rows.sweep.sweep`.

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
