"""Pseudo masks of a whole list, durable and resumable like every sweep."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from wsss_lib.datasets import DevkitDataset
from wsss_lib.errors import DataError, WeightsError
from wsss_lib.evaluate.pseudo.chain import check_order, run_steps
from wsss_lib.evaluate.pseudo.steps import Step, StepResult
from wsss_lib.evaluate.pseudo.view import Networks, View
from wsss_lib.evaluate.rows.compute import compute
from wsss_lib.evaluate.rows.estimate import warm_up
from wsss_lib.evaluate.rows.image import one_thread
from wsss_lib.evaluate.rows.jobs import Job, Task, locate, reason
from wsss_lib.evaluate.rows.settings import FORMAT, Setting
from wsss_lib.evaluate.rows.store import ResultStore
from wsss_lib.evaluate.rows.sweep import SweepResult, collect
from wsss_lib.evaluate.tables.precision import count_right
from wsss_lib.files import sha256
from wsss_lib.metrics import confusion_matrix, sparse
from wsss_lib.paths import cache_dir


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
        As in `wsss_lib.evaluate.rows.sweep.sweep`.

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
