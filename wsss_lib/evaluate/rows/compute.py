"""The engine under every sweep: images on several processes, resumable at any moment."""

import json
import math
import threading
import time
from collections.abc import Hashable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from joblib import delayed
from tqdm.auto import tqdm

from wsss_lib.datasets.images import write_mask
from wsss_lib.errors import StoreError, WsssError
from wsss_lib.evaluate.rows.cluster import processes
from wsss_lib.evaluate.rows.estimate import Estimate, Measured, estimate, image_cost, peak_memory
from wsss_lib.evaluate.rows.jobs import Job, Task
from wsss_lib.evaluate.rows.store import ResultStore
from wsss_lib.metrics import mean_iou, pooled
from wsss_lib.paths import shown

#: With more images than these to do, it is told ahead what they will take.
_FEW = 5
#: Images whose classes and sizes are looked at for that.
_LOOKED_AT = 64
#: One image at a time in a process: the number of threads that it limits is the process's.
_ALONE = threading.Lock()
#: A key in the table and in its index, and a digest.
_ROW_EXTRA_BYTES = 250
_BAR = (
    "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} images [{elapsed}<{remaining}{postfix}]"
)

_Todo = list[tuple[Task, list[Hashable]]]


@dataclass(frozen=True)
class _Outcome:
    """The rows of an image by key, or the sentence that says why there are none."""

    id: str
    rows: dict[str, dict]
    error: str = ""


def compute(
    job: Job,
    tasks: list[Task],
    rows: ResultStore,
    found: dict[str, dict],
    watched: Hashable,
    workers: int = 1,
    scheduler: str | None = None,
) -> dict[str, str]:
    """Compute and store what is missing, image by image.

    Parameters
    ----------
    job : Job
    tasks : list of Task
    rows : ResultStore
    found : dict of str to dict
        The rows that were stored before, by key; those that are computed now are added.
    watched : hashable
        The setting whose score so far is shown.
    workers, scheduler
        See `wsss_lib.evaluate.rows.sweep.sweep`.

    Returns
    -------
    dict of str to str
        Why an image could not be done, by id.
    """
    failures = {}
    todo = [(task, missing) for task in tasks if (missing := task.missing(found, job.masks_out))]
    scored = {task.keys[watched] for task in tasks}
    running = _RunningScore(len(job.dataset.classes), watched.name)
    running.add(found[key] for key in scored & found.keys())
    bar = tqdm(
        total=len(tasks),
        initial=len(tasks) - len(todo),
        desc=job.description,
        bar_format=_BAR,
        smoothing=0,  # the mean pace
    )
    with bar, closing(_outcomes(job, todo, workers, scheduler)) as outcomes:
        for outcome in outcomes:
            if outcome.error:
                failures[outcome.id] = outcome.error
                tqdm.write(f"{outcome.id}: {outcome.error}")
            rows.put(outcome.rows)
            found |= outcome.rows
            running.add(outcome.rows[key] for key in scored & outcome.rows.keys())
            bar.update()
            bar.set_postfix_str(", ".join(filter(None, (_pace(bar), running.text()))))
    return failures


def _outcomes(job: Job, todo: _Todo, workers: int, scheduler: str | None) -> Iterator[_Outcome]:
    """Do the images; they come in the order of their end."""
    if not todo:
        return
    with processes(workers, scheduler, job.needed()) as (count, run):
        begun = 0
        if len(todo) > _FEW:
            job.warm_up({setting for _, missing in todo for setting in missing})
            for outcome in _first(job, todo, count):
                begun += 1
                yield outcome
        yield from run(delayed(do_image)(job, task, missing) for task, missing in todo[begun:])


def _first(job: Job, todo: _Todo, workers: int) -> Iterator[_Outcome]:
    """Do images in this process until one has succeeded, and tell what the others will take."""
    for number, (task, missing) in enumerate(todo, 1):
        start = time.perf_counter()
        outcome = do_image(job, task, missing)
        seconds = time.perf_counter() - start
        yield outcome  # stored when it goes on here
        if outcome.rows:
            cost = image_cost(job.dataset, task.id, len(missing))
            disk = _disk_bytes(job, task, outcome)
            measured = Measured(cost, seconds, len(missing), disk, peak_memory())
            if left := todo[number:]:
                tqdm.write(str(_estimate(job, measured, left, workers)))
            return


def _estimate(job: Job, measured: Measured, left: _Todo, workers: int) -> Estimate:
    spread = left[:: math.ceil(len(left) / _LOOKED_AT)]
    costs = [image_cost(job.dataset, task.id, len(missing)) for task, missing in spread]
    rows = sum(len(missing) for _, missing in left)
    return estimate(measured, costs, len(left), rows, workers)


def _disk_bytes(job: Job, task: Task, outcome: _Outcome) -> int:
    rows = sum(_ROW_EXTRA_BYTES + len(json.dumps(row)) for row in outcome.rows.values())
    if not job.masks_out:
        return rows
    done = [setting for setting, key in task.keys.items() if key in outcome.rows]
    return rows + sum(task.mask_path(job.masks_out, each).stat().st_size for each in done)


def do_image(job: Job, task: Task, settings: list[Hashable]) -> _Outcome:
    """A worker's share."""
    with _ALONE:
        job.check()
        try:
            results = job.evaluate(task.id, settings)
        except WsssError as error:
            return _Outcome(task.id, {}, str(error))
        rows = {}
        for setting, (row, mask) in zip(settings, results, strict=True):
            if job.masks_out:
                _save(task.mask_path(job.masks_out, setting), mask, task.keys[setting])
            rows[task.keys[setting]] = row
        return _Outcome(task.id, rows)


def _save(path: Path, mask: np.ndarray, note: str) -> None:
    try:
        write_mask(path, mask, note)
    except OSError as error:
        raise StoreError(
            f"Cannot write the mask {shown(path)} ({error.strerror}). The rows before are kept: "
            "free some space and run the same command again."
        ) from None


class _RunningScore:
    """The pooled mean IoU so far of one setting, for the progress bar."""

    def __init__(self, n_classes: int, name: str) -> None:
        self.pooled = np.zeros((n_classes, n_classes), np.int64)
        self.name = name

    def add(self, rows: Iterable[dict]) -> None:
        known = (row["confusion"] for row in rows if "confusion" in row)
        self.pooled += pooled(known, len(self.pooled))

    def text(self) -> str:
        return f"{self.name} mIoU {100 * mean_iou(self.pooled):.1f}" if self.pooled.any() else ""


def _pace(bar: tqdm) -> str:
    """Images a minute, of this run."""
    state = bar.format_dict
    return f"{60 * (state['n'] - state['initial']) / max(state['elapsed'], 1e-3):.1f} images/min"
