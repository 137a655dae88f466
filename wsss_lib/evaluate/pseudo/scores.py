"""What pseudo masks are worth, step by step, and what the numbers were computed from."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from wsss_lib.datasets import DevkitDataset
from wsss_lib.evaluate.provenance import versions
from wsss_lib.evaluate.pseudo.masks import pseudo_masks
from wsss_lib.evaluate.pseudo.steps import Step
from wsss_lib.evaluate.pseudo.view import Networks
from wsss_lib.evaluate.rows.sweep import SweepResult
from wsss_lib.evaluate.tables.iou import pooled_table, write_table
from wsss_lib.evaluate.tables.precision import precision_table
from wsss_lib.files import write_text


@dataclass(frozen=True)
class PseudoScores:
    """The scores of every step.

    Attributes
    ----------
    table : DataFrame
        Indexed by ``step``: IoU in % of each class and their ``mean``, in the form of the paper's
        Table 1. Empty where no image has ground truth.
    precision : DataFrame
        Of the samples that the SVM learned from, see
        `wsss_lib.evaluate.tables.precision.precision_table`; empty where there is no SVM.
    provenance : dict
        Data set, list, masks, threshold, networks and their SHA-256, steps, versions.
    failures : dict of str to str
        The images that could not be done.
    """

    table: pd.DataFrame
    precision: pd.DataFrame
    provenance: dict
    failures: dict[str, str]

    def caption(self) -> str:
        """What the scores are of: list, masks, threshold, CRF."""
        of, names = self.provenance, [step["name"] for step in self.provenance["steps"]]
        threshold = "a background channel" if of["threshold"] is None else f"{of['threshold']:g}"
        return (
            f"mIoU on {of['scored']} images of {of['list']} ({of['dataset']}) against {of['masks']}"
            f"; threshold: {threshold}; CRF: {'yes' if 'crf' in names else 'no'}"
        )

    def write(self, folder: Path) -> None:
        """Write ``scores.json`` and, where there is ground truth, the tables as CSV."""
        write_text(folder / "scores.json", json.dumps(self.provenance, indent=2) + "\n")
        if len(self.table):
            write_table(self.table, folder / "scores.csv")
        if len(self.precision):
            write_table(self.precision, folder / "precision.csv")


def score_steps(
    dataset: DevkitDataset, steps: Sequence[Step], networks: Networks, **how: object
) -> PseudoScores:
    """Make pseudo masks of a list and score every step.

    Parameters
    ----------
    dataset, steps, networks
        As in `pseudo_masks`.
    **how
        Workers, masks and the like, as there.

    Returns
    -------
    PseudoScores
    """
    result = pseudo_masks(dataset, steps, networks, **how)
    scored = {
        step.name: [row for row in rows if "confusion" in row] for step, rows in result.rows.items()
    }
    known = {name: rows for name, rows in scored.items() if rows}
    samples = [row["samples"] for rows in known.values() for row in rows if "samples" in row]
    return PseudoScores(
        pooled_table(known, dataset.classes).rename_axis("step"),
        precision_table(samples, dataset.classes) if samples else pd.DataFrame(),
        _provenance(dataset, steps, networks, result),
        result.failures,
    )


def _provenance(
    dataset: DevkitDataset, steps: Sequence[Step], networks: Networks, result: SweepResult
) -> dict:
    localiser = networks.localiser
    trained = localiser.load()
    rows = result.rows[steps[0]]
    return {
        "dataset": dataset.name,
        "list": Path(dataset.list_name).name,
        "images": len(rows),
        "scored": sum("confusion" in row for row in rows),
        "masks": Path(dataset.masks).name,
        "method": "SIPE" if localiser.has_background else "CAM",
        "threshold": None if localiser.has_background else localiser.threshold,
        "background_weight": localiser.background_weight,
        "scales": localiser.scales,
        "network": {"backbone": trained.network.backbone.name, **asdict(trained.weights)},
        "edges": networks.edges and networks.edges.name,
        "steps": [{"name": step.name, **asdict(step)} for step in steps],
        "seconds_per_image": {
            step.name: round(sum(row["seconds"] for row in done) / len(done), 3)
            for step, done in result.rows.items()
        },
        "failures": result.failures,
        "versions": versions(),
    }
