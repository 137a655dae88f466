"""The networks of a pipeline, in words that fit on a command line."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from wsss_lib.classify.spec import choose_classifier
from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.engine import Job, SweepResult, Task, located, reason, run_job
from wsss_lib.errors import DataError, WeightsError
from wsss_lib.expand.image import warm_up
from wsss_lib.expand.svm import ImageSVM
from wsss_lib.files import sha256
from wsss_lib.metrics import confusion_matrix, pooled_table, sparse
from wsss_lib.paths import cache_dir
from wsss_lib.report import Report, versions
from wsss_lib.store import FORMAT
from wsss_lib.weak.irn.train import trained_edges
from wsss_lib.weak.seeds import BACKGROUND_WEIGHT, THRESHOLD, Localiser
from wsss_lib.weak.selection import count_right, precision_table
from wsss_lib.weak.steps import Networks, Step, StepResult, View, check_order, run_steps


def choose_networks(
    dataset: DevkitDataset,
    weights: str = "sipe",
    backbone: str | None = None,
    *,
    edges: bool = True,
    irn_weights: Path | None = None,
    threshold: float | None = None,
    background_weight: float | None = None,
    device: str = "cpu",
    workers: int = 1,
) -> Networks:
    """The classification network and IRN's edge network; what is not there is trained now.

    Parameters
    ----------
    dataset : DevkitDataset
        Any list of it.
    weights, backbone, device
        See `wsss_lib.classify.spec.choose_classifier`.
    edges : bool
        Whether an edge network is needed.
    irn_weights : Path, optional
        The checkpoint of one; trained when left out.
    threshold : float, optional
        The constant background of plain CAMs.
    background_weight : float, optional
        Of SIPE's background; by default the data set's in `BACKGROUND_WEIGHT`.
    workers : int
        Processes that make the labels of the edge network.

    Raises
    ------
    DataError
        If a network is to be trained and the data set is not there.
    WeightsError
        If a checkpoint or the first weights are not there.
    """
    weight = BACKGROUND_WEIGHT[dataset.name] if background_weight is None else background_weight
    localiser = Localiser(
        choose_classifier(dataset, weights, backbone, device=device),
        threshold=THRESHOLD if threshold is None else threshold,
        background_weight=weight,
        device=device,
    )
    if edges and irn_weights is None:
        irn_weights = trained_edges(dataset, localiser, device=device, workers=workers)
    return Networks(localiser, irn_weights)


def pseudo_masks(
    dataset: DevkitDataset,
    steps: Sequence[Step],
    networks: Networks,
    *,
    masks_out: Path | None = None,
    workers: int = 1,
    scheduler: str | None = None,
    store: str | Path | None = None,
) -> SweepResult:
    """Make pseudo masks of every image, and count their pixels where there is ground truth.

    Every image's rows and masks are kept as soon as they are made; run again after a stop, only
    what is missing is made.

    Parameters
    ----------
    dataset : DevkitDataset
    steps : sequence of Step
        Different ones, a `Seed` first; each from the scores of the one before.
    networks : Networks
    masks_out : Path, optional
        A folder for the masks, ``<step>/<id>.png``.
    workers, scheduler, store
        As in `wsss_lib.evaluate.sweeps.sweep`.

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
    """
    steps = tuple(steps)
    _check(steps, networks)
    images, networks = located(dataset), _located(networks)
    weights = weights_of(networks)
    failures, tasks = {}, []
    for id_ in dataset.ids:
        try:
            tasks.append(Task(id_, _keys(dataset, id_, steps, networks, weights)))
        except (OSError, DataError) as error:
            failures[id_] = reason(error)
            tqdm.write(f"{id_}: {failures[id_]}")
    files = [networks.localiser.path, networks.edges, cache_dir()]
    result = run_job(
        dataset,
        tasks,
        partial(_make_job, images, steps, networks, weights),
        watched=steps[-1],
        failures=failures,
        description="pseudo masks",
        needed=[images.devkit, *filter(None, files)],
        masks_out=masks_out,
        workers=workers,
        scheduler=scheduler,
        store=store,
    )
    return replace(result, provenance=_provenance(result, steps, networks))


def _make_job(
    dataset: DevkitDataset,
    steps: tuple[Step, ...],
    networks: Networks,
    weights: tuple[str, ...],
    left: Sequence[Step],
) -> Job:
    warm_up([ImageSVM(threads=1)])
    return partial(_evaluate, dataset, steps, networks, weights)


def _evaluate(
    dataset: DevkitDataset,
    steps: tuple[Step, ...],
    networks: Networks,
    weights: tuple[str, ...],
    id_: str,
    wanted: Sequence[Step],
) -> list[tuple[dict, np.ndarray]]:
    """For each step that is wanted its row and its mask."""
    if weights_of(networks) != weights:
        raise WeightsError(
            "A worker has other weights than this process. Give all machines the same files."
        )
    last = max(steps.index(step) for step in wanted)
    done = run_steps(View(dataset, id_, networks), steps[: last + 1])
    truth = dataset.sample(id_).mask if has_truth(dataset, id_) else None
    results = []
    for step in wanted:
        result, seconds = done[step]
        mask = result.scores.mask()
        row = {"id": id_, "step": step.name, "seconds": round(seconds, 4)}
        results.append((row | _counts(result, mask, truth, len(dataset.classes)), mask))
    return results


def _counts(result: StepResult, mask: np.ndarray, truth: np.ndarray | None, n_classes: int) -> dict:
    """Pixels by true and predicted class, and right samples; nothing without ground truth."""
    if truth is None:
        return {}
    counts = {"confusion": sparse(confusion_matrix(truth, mask, n_classes))}
    if result.samples is not None:
        right = count_right(result.samples, truth)
        counts["samples"] = {str(label): pair for label, pair in right.items()}
    return counts


def has_truth(dataset: DevkitDataset, id_: str) -> bool:
    """Whether there is a mask to score an image with."""
    return dataset.mask_path(id_).is_file()


def weights_of(networks: Networks) -> tuple[str, ...]:
    """The SHA-256 of the networks' files, as this process finds them."""
    edges = [] if networks.edges is None else [_checksum(networks.edges)]
    return (networks.localiser.load().weights.sha256, *edges)


@cache  # asked for before every image
def _checksum(path: Path) -> str:
    return sha256(path)


def _check(steps: tuple[Step, ...], networks: Networks) -> None:
    """Refuse steps that do not go together, and networks that are not there, before long work."""
    check_order(steps)
    networks.localiser.load()
    if "irn" in [step.name for step in steps]:
        networks.load_edges()


def _located(networks: Networks) -> Networks:
    """The networks as they are true in any working folder."""
    localiser = replace(networks.localiser, path=networks.localiser.path.absolute())
    return Networks(localiser, networks.edges and networks.edges.absolute())


def _keys(
    dataset: DevkitDataset,
    id_: str,
    steps: Sequence[Step],
    networks: Networks,
    weights: tuple[str, ...],
) -> dict[Step, str]:
    """The key of each step's row: it depends on this step and those before it."""
    truth = sha256(dataset.mask_path(id_)) if has_truth(dataset, id_) else None
    localiser = networks.localiser
    image = [id_, len(dataset.classes), localiser.key(dataset, id_), truth]
    seeds = [localiser.name, None if localiser.has_background else localiser.threshold]
    keys, chain = {}, [FORMAT, image, weights[0], seeds]
    for step in steps:
        chain = [*chain, step.name, asdict(step), *(weights[1:] if step.name == "irn" else ())]
        keys[step] = hashlib.sha256(json.dumps(chain).encode()).hexdigest()
    return keys


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
        that the SVM learned from, see `wsss_lib.weak.selection.precision_table`, empty where there
        is no SVM.
    """
    scored = {
        step.name: [row for row in rows if "confusion" in row] for step, rows in result.rows.items()
    }
    known = {name: rows for name, rows in scored.items() if rows}
    samples = [row["samples"] for rows in known.values() for row in rows if "samples" in row]
    classes = result.dataset.classes
    tables = {
        "scores": pooled_table(known, classes).rename_axis("step"),
        "precision": precision_table(samples, classes) if samples else pd.DataFrame(),
    }
    return Report(tables, result.provenance, result.failures)


def caption(report: Report) -> str:
    """What the scores of steps are of: list, masks, threshold, CRF."""
    of, names = report.provenance, [step["name"] for step in report.provenance["steps"]]
    threshold = "a background channel" if of["threshold"] is None else f"{of['threshold']:g}"
    return (
        f"mIoU on {of['scored']} images of {of['list']} ({of['dataset']}) against {of['masks']}"
        f"; threshold: {threshold}; CRF: {'yes' if 'crf' in names else 'no'}"
    )


def _provenance(result: SweepResult, steps: Sequence[Step], networks: Networks) -> dict:
    dataset = result.dataset
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
