"""The networks of a pipeline, in words that fit on a command line."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from wsss_lib.classify.spec import choose_classifier
from wsss_lib.datasets import DevkitDataset
from wsss_lib.engine import compute
from wsss_lib.errors import DataError, WeightsError
from wsss_lib.evaluate.image import one_thread
from wsss_lib.evaluate.jobs import Job, Task, locate, reason
from wsss_lib.evaluate.rows.estimate import warm_up
from wsss_lib.evaluate.scores import pooled_table, write_table
from wsss_lib.evaluate.settings import FORMAT, Setting
from wsss_lib.evaluate.sweeps import SweepResult, collect
from wsss_lib.files import sha256, write_text
from wsss_lib.metrics import confusion_matrix, sparse
from wsss_lib.paths import cache_dir
from wsss_lib.report import versions
from wsss_lib.store import ResultStore
from wsss_lib.weak.irn.train import trained_edges
from wsss_lib.weak.seeds import BACKGROUND_WEIGHT, THRESHOLD, Localiser
from wsss_lib.weak.selection import count_right, precision_table
from wsss_lib.weak.steps import Networks, Step, StepResult, View, check_order, run_steps


def choose_networks(
    dataset: str,
    weights: str = "sipe",
    backbone: str | None = None,
    *,
    edges: bool = True,
    irn_weights: Path | None = None,
    threshold: float | None = None,
    background_weight: float | None = None,
    root: str | Path | None = None,
    device: str = "cpu",
    workers: int = 1,
) -> Networks:
    """The classification network and IRN's edge network; what is not there is trained now.

    Parameters
    ----------
    dataset : {"toy", "voc"}
    weights, backbone, root, device
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
    weight = BACKGROUND_WEIGHT[dataset] if background_weight is None else background_weight
    localiser = Localiser(
        choose_classifier(dataset, weights, backbone, root=root, device=device),
        threshold=THRESHOLD if threshold is None else threshold,
        background_weight=weight,
        device=device,
    )
    if edges and irn_weights is None:
        irn_weights = trained_edges(dataset, localiser, root=root, device=device, workers=workers)
    return Networks(localiser, irn_weights)


@dataclass(frozen=True)
class PseudoJob(Job):
    """The steps from image-level labels to masks.

    Attributes
    ----------
    dataset, masks_out
        See `Job`.
    steps : tuple of Step
    networks : Networks
    weights : tuple of str
        `weights_of` the networks in the process that began.
    """

    dataset: DevkitDataset
    masks_out: Path | None
    steps: tuple[Step, ...]
    networks: Networks
    weights: tuple[str, ...]
    description: str = "pseudo masks"

    def needed(self) -> list[Path]:
        """The files and folders that every worker must find."""
        files = [self.networks.localiser.path, self.networks.edges, self.masks_out, cache_dir()]
        return [self.dataset.devkit, *filter(None, files)]

    def check(self) -> None:
        """Raise `WeightsError` where this process has other weights than the one that began."""
        if weights_of(self.networks) != self.weights:
            raise WeightsError(
                "A worker has other weights than this process. Give all machines the same files."
            )

    def warm_up(self, settings: set[Step]) -> None:
        """Have compiled code loaded before a clock starts."""
        warm_up([Setting("xy", 1)])

    def evaluate(self, id_: str, settings: list[Step]) -> list[tuple[dict, np.ndarray]]:
        """For each step its row and its mask."""
        with one_thread():
            last = max(self.steps.index(step) for step in settings)
            view = View(self.dataset, id_, self.networks)
            done = run_steps(view, self.steps[: last + 1])
            truth = self.dataset.sample(id_).mask if has_truth(self.dataset, id_) else None
            results = []
            for step in settings:
                result, seconds = done[step]
                mask = result.scores.mask()
                row = {"id": id_, "step": step.name, "seconds": round(seconds, 4)}
                results.append((row | self._counts(result, mask, truth), mask))
            return results

    def _counts(self, result: StepResult, mask: np.ndarray, truth: np.ndarray | None) -> dict:
        """Pixels by true and predicted class, and right samples; nothing without ground truth."""
        if truth is None:
            return {}
        counts = {"confusion": sparse(confusion_matrix(truth, mask, len(self.dataset.classes)))}
        if result.samples is not None:
            right = count_right(result.samples, truth)
            counts["samples"] = {str(label): pair for label, pair in right.items()}
        return counts


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
    job = _job(dataset, steps, networks, masks_out)
    failures, tasks = {}, []
    for id_ in dataset.ids:
        try:
            tasks.append(Task(id_, _keys(dataset, id_, job)))
        except (OSError, DataError) as error:
            failures[id_] = reason(error)
            tqdm.write(f"{id_}: {failures[id_]}")
    with ResultStore(store or cache_dir() / "rows.sqlite") as rows:
        found = rows.get(key for task in tasks for key in task.keys.values())
        failures |= compute(job, tasks, rows, found, steps[-1], workers, scheduler)
    return collect(dataset, steps, tasks, found, failures)


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


def _job(
    dataset: DevkitDataset, steps: tuple[Step, ...], networks: Networks, masks_out: Path | None
) -> PseudoJob:
    """What all images have in common, as it is true in any working folder."""
    located, masks_out = locate(dataset, masks_out)
    localiser = replace(networks.localiser, path=networks.localiser.path.absolute())
    edges = networks.edges and networks.edges.absolute()
    networks = Networks(localiser, edges)
    return PseudoJob(located, masks_out, steps, networks, weights_of(networks))


def _keys(dataset: DevkitDataset, id_: str, job: PseudoJob) -> dict[Step, str]:
    """The key of each step's row: it hangs on this step and those before it."""
    truth = sha256(dataset.mask_path(id_)) if has_truth(dataset, id_) else None
    localiser = job.networks.localiser
    image = [id_, len(dataset.classes), localiser.key(dataset, id_), truth]
    seeds = [localiser.name, None if localiser.has_background else localiser.threshold]
    keys, chain = {}, [FORMAT, image, job.weights[0], seeds]
    for step in job.steps:
        chain = [*chain, step.name, asdict(step), *(job.weights[1:] if step.name == "irn" else ())]
        keys[step] = hashlib.sha256(json.dumps(chain).encode()).hexdigest()
    return keys


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
        `wsss_lib.weak.selection.precision_table`; empty where there is no SVM.
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
