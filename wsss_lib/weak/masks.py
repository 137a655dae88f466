"""Pseudo masks of all images of a list, step by step, and the scores of every step.

`pseudo_masks` is the sweep of weak supervision: its settings are steps. The row of a step is stored
under a key of that step and all before it, so another SVM leaves the seeds' rows as they are.
`score_steps` makes tables of the rows where there is ground truth.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.engine import Job, SweepResult, Task, located, readable, run_job
from wsss_lib.errors import WeightsError
from wsss_lib.expand.image import warm_up
from wsss_lib.files import sha256
from wsss_lib.metrics import confusion_matrix, pooled_table, sparse
from wsss_lib.paths import cache_dir
from wsss_lib.report import Report, versions
from wsss_lib.store import FORMAT
from wsss_lib.weak.chain import check_order, run_steps
from wsss_lib.weak.rounds import Round
from wsss_lib.weak.seed_files import SeedFiles
from wsss_lib.weak.selection import count_right, precision_table
from wsss_lib.weak.steps import Step


def pseudo_masks(
    dataset: DevkitDataset,
    steps: Sequence[Step],
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    store: str | Path | None = None,
    masks_out: Path | None = None,
) -> SweepResult:
    """Make pseudo masks of every image, and count their pixels where there is ground truth.

    Every image's rows and masks are kept as soon as they are made; run again after a stop, only
    what is missing is made.

    Parameters
    ----------
    dataset : DevkitDataset
    steps : sequence of Step
        Different ones, a `Seed` first; each from the scores of the one before.
    workers, scheduler, store
        As in `wsss_lib.engine.run_job`.
    masks_out : Path, optional
        A folder for the masks, ``<step>/<id>.png``.

    Returns
    -------
    SweepResult
        The rows of each step: ``id``, ``step``, ``seconds``; where there is ground truth
        ``confusion``, and of an SVM ``samples``: right and drawn ones of each class.

    Raises
    ------
    DataError
        If not a single image could be done.
    ParameterError
        If the steps do not begin with a seed, or one comes twice.
    WeightsError
        If a network is not there.
    """
    steps = tuple(steps)
    check_order(steps)
    weights = checkpoints(steps)
    files = filter(Path.is_absolute, weights)  # and not such as "imagenet"
    keys, failures = readable(dataset, lambda id_: row_keys(dataset, id_, steps))
    images = located(dataset)

    def make_job(_: list[Step]) -> Job:
        warm_up()
        return partial(step_rows, images, steps, weights)

    result = run_job(
        dataset,
        [Task(id_, own) for id_, own in keys.items()],
        make_job,
        watched=steps[-1],
        failures=failures,
        description="pseudo masks",
        needed=[images.devkit, *files, *seed_folder(steps), cache_dir()],
        masks_out=masks_out,
        workers=workers,
        scheduler=scheduler,
        store=store,
    )
    return replace(result, provenance=_provenance(result, steps))


def checkpoints(steps: Sequence[Step]) -> dict[Path, str]:
    """The files of the networks of all steps, and their SHA-256, as this process finds them."""
    networks = filter(None, (step.load() for step in steps))
    return {network.path: network.weights.sha256 for network in networks}


def seed_folder(steps: Sequence[Step]) -> list[Path]:
    """The folder of the seeds' files, if they are files."""
    source = steps[0].localiser
    return [source.folder] if isinstance(source, SeedFiles) else []


def row_keys(dataset: DevkitDataset, id_: str, steps: Sequence[Step]) -> dict[Step, str]:
    """The key of each step's row of an image: it depends on this step and those before it."""
    localiser, mask = steps[0].localiser, dataset.mask_path(id_)
    truth = sha256(mask) if mask.is_file() else None
    image = [id_, len(dataset.classes), localiser.key(dataset, id_), truth]
    seeds = [localiser.name, None if localiser.has_background else localiser.threshold]
    network = localiser.load()
    keys, chain = {}, [FORMAT, image, network and network.weights.sha256, seeds]
    for step in steps:
        chain += [step.name, step.parameters()]
        network = step.load()
        if network and network.weights.sha256 not in chain:
            chain.append(network.weights.sha256)
        keys[step] = hashlib.sha256(json.dumps(chain).encode()).hexdigest()
    return keys


def step_rows(
    dataset: DevkitDataset,
    steps: tuple[Step, ...],
    weights: Mapping[Path, str],
    id_: str,
    wanted: Sequence[Step],
) -> list[tuple[dict, np.ndarray]]:
    """Take one image through the steps: the row and the mask of each that is wanted.

    Parameters
    ----------
    dataset : DevkitDataset
    steps : tuple of Step
    weights : mapping of Path to str
        `checkpoints` in the process that began.
    id_ : str
    wanted : sequence of Step
        Some of the steps; those after the last of them are not taken.

    Raises
    ------
    WeightsError
        If this process has other weights than the one that began.
    """
    if checkpoints(steps) != weights:
        raise WeightsError(
            "A worker has other weights than this process. Give all machines the same files."
        )
    last = max(steps.index(step) for step in wanted)
    done = run_steps(dataset, id_, steps[: last + 1])
    truth = dataset.sample(id_).mask if dataset.mask_path(id_).is_file() else None
    n_classes, results = len(dataset.classes), []
    for step in wanted:
        scores, seconds = done[step]
        mask = scores.mask()
        row = {"id": id_, "step": step.name, "seconds": round(seconds, 4)}
        if step.name == "seed" and seed_folder(steps):
            row["seeds"] = step.localiser.describe(dataset, id_)
        if truth is not None:
            row["confusion"] = sparse(confusion_matrix(truth, mask, n_classes))
            if scores.samples is not None:
                row["samples"] = count_right(scores.samples, truth)
        if scores.rounds:
            row["rounds"] = [_round_row(each, truth, n_classes) for each in scores.rounds]
        results.append((row, mask))
    return results


def _round_row(round_: Round, truth: np.ndarray | None, n_classes: int) -> dict:
    row = {"seconds": round(round_.seconds, 4), **round_.signs}
    if truth is not None:
        row["confusion"] = sparse(confusion_matrix(truth, round_.mask, n_classes))
    return row


def _provenance(result: SweepResult, steps: Sequence[Step]) -> dict:
    dataset, rows, localiser = result.dataset, result.rows[steps[0]], steps[0].localiser
    trained = next(filter(None, (step.load() for step in steps if step.name != "irn")), None)
    files = [row["seeds"] for row in rows if "seeds" in row]
    return {
        "dataset": dataset.name,
        "list": Path(dataset.list_name).name,
        "images": len(rows),
        "scored": sum("confusion" in row for row in rows),
        "masks": Path(dataset.masks).name,
        "method": "files" if files else "SIPE" if localiser.has_background else "CAM",
        "threshold": None if localiser.has_background else localiser.threshold,
        "background_weight": None if files else localiser.usual.background_weight,
        "scales": None if files else localiser.usual.scales,
        "seeds": kinds_of_seeds(files),
        "network": trained
        and {"backbone": trained.network.backbone.name, **asdict(trained.weights)},
        "edges": next((step.edges.name for step in steps if step.name == "irn"), None),
        "steps": [{"name": step.name, **step.parameters()} for step in steps],
        "seconds_per_image": {
            step.name: round(sum(row["seconds"] for row in done) / len(done), 3)
            for step, done in result.rows.items()
        },
        "failures": result.failures,
        "versions": versions(),
    }


def kinds_of_seeds(files: Sequence[dict]) -> str | None:
    """What files of seeds were, given what `SeedFiles.describe` says of each; None if none were."""
    if not files:
        return None
    kinds = Counter(each["kind"] for each in files)
    found = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    scaled = sum(each["scaled"] for each in files)
    return found + (f", {scaled} of them scaled to the image's size" if scaled else "")


def score_steps(result: SweepResult) -> Report:
    """Score every step of a sweep of pseudo masks.

    Parameters
    ----------
    result : SweepResult
        As `pseudo_masks` gives it.

    Returns
    -------
    Report
        ``scores``, indexed by ``step``: IoU in % of each class and their ``mean``, in the form of
        the paper's Table 1, empty where no image has ground truth. ``precision``: of the samples
        that the last SVM learned from, see `wsss_lib.weak.selection.precision_table`, empty where
        there is no SVM.
    """
    scored = {
        step.name: [row for row in rows if "confusion" in row] for step, rows in result.rows.items()
    }
    known = {name: rows for name, rows in scored.items() if rows}
    drawn = [[row["samples"] for row in rows if "samples" in row] for rows in known.values()]
    samples = next(filter(None, reversed(drawn)), [])
    classes = result.dataset.classes
    tables = {
        "scores": pooled_table(known, classes).rename_axis("step"),
        "precision": precision_table(samples, classes) if samples else pd.DataFrame(),
    }
    return Report(tables, result.provenance, result.failures)


def caption(report: Report) -> str:
    """What the scores of steps are of: list, masks, threshold, CRF."""
    of = report.provenance
    crf = any(step.get("preset") for step in of["steps"])  # between rounds, too
    threshold = "a background channel" if of["threshold"] is None else f"{of['threshold']:g}"
    return (
        f"mIoU on {of['scored']} images of {of['list']} ({of['dataset']}) against {of['masks']}"
        f"; threshold: {threshold}; CRF: {'yes' if crf else 'no'}"
        + (f"; seeds from files: {of['seeds']}" if of.get("seeds") else "")
    )
