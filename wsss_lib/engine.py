"""Where the images of a sweep are done: in this process, in several, or on a Dask cluster."""

import json
import math
import os
import threading
import time
import warnings
from collections.abc import Callable, Hashable, Iterable, Iterator
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from joblib import Parallel, delayed, parallel_config
from tqdm.auto import tqdm

from wsss_lib.datasets.images import write_mask
from wsss_lib.errors import StoreError, WorkerError, WsssError
from wsss_lib.evaluate.jobs import Job, Task
from wsss_lib.evaluate.rows.estimate import Estimate, Measured, estimate, image_cost, peak_memory
from wsss_lib.evaluate.settings import FORMAT
from wsss_lib.metrics import mean_iou, pooled
from wsss_lib.paths import shown
from wsss_lib.store import ResultStore

if TYPE_CHECKING:
    from dask.distributed import Client


#: How long to wait for a scheduler, and for its first worker.
PATIENCE_SECONDS = 10

_RESUME = "What was done is stored: run the same command again"


#: Does calls made by ``joblib.delayed`` and gives their results as they come.
Run = Callable[[Iterable], Iterator]


@contextmanager
def processes(workers: int, scheduler: str | None, needed: Iterable[Path]) -> Iterator[tuple]:
    """Give what does the calls, for as long as the block lasts.

    Parameters
    ----------
    workers : int
        Processes on this machine; 1 is this process itself.
    scheduler : str or None
        Address of a Dask scheduler, e.g. ``tcp://10.0.0.1:8786``; its workers do the calls then.
    needed : iterable of Path
        What the workers of a cluster must find at the same place.

    Yields
    ------
    count : int
        How many processes there are.
    run : callable
        Takes calls made by ``joblib.delayed``, gives their results in the order of their end.

    Raises
    ------
    WorkerError
        If there is no such scheduler or a worker lacks what it needs, or (from the block) if
        workers died.
    """
    if scheduler:
        with _connected(scheduler) as client:
            _check_workers(client, scheduler, needed)
            yield len(client.nthreads()), partial(_there, client)
    elif workers == 1:
        yield 1, _here
    else:
        try:
            with parallel_config("loky", inner_max_num_threads=1), warnings.catch_warnings():
                # a worker that has grown is replaced; nothing of its work is lost
                warnings.filterwarnings("ignore", "A worker stopped while some jobs")
                yield workers, Parallel(n_jobs=workers, return_as="generator_unordered")
        except BrokenProcessPool:
            raise WorkerError(
                f"A worker process was killed, most often for want of memory. {_RESUME}, with "
                "fewer --workers."
            ) from None


def _here(calls: Iterable) -> Iterator:
    return (function(*args, **kwargs) for function, args, kwargs in calls)


def _there(client: "Client", calls: Iterable) -> Iterator:
    """Keep every worker of a cluster busy, those too that come later.

    Not by joblib's backend for Dask (1.6): it waits for ever where Dask gives up a call.
    """
    from dask.distributed import as_completed

    calls = iter(calls)
    running = as_completed(loop=client.loop)

    def submit() -> None:
        wanted = max(1, 2 * sum(client.nthreads().values()))
        for function, args, kwargs in islice(calls, max(0, wanted - running.count())):
            running.add(client.submit(function, *args, **kwargs, pure=False))

    submit()
    for done in running:
        yield done.result()
        submit()


@contextmanager
def _connected(scheduler: str) -> Iterator["Client"]:
    try:
        from dask.distributed import Client, KilledWorker
        from distributed.comm import CommClosedError
    except ImportError:
        raise WorkerError(
            "A Dask scheduler was given, and Dask is not installed. Install the extra: "
            "pip install -e '.[cluster]'."
        ) from None
    try:
        client = Client(scheduler, timeout=PATIENCE_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise WorkerError(
            f"No Dask scheduler answers at {scheduler} ({error}). Start it with 'dask scheduler' "
            "and give the address that it prints, or leave --scheduler out."
        ) from None
    with client:
        try:
            yield client
        except KilledWorker as error:
            raise WorkerError(
                f"Several workers died one after the other over one image ({error}), most often "
                f"for want of memory. {_RESUME}, with fewer workers on a machine."
            ) from None
        except (CancelledError, CommClosedError):
            raise WorkerError(
                f"The Dask scheduler {scheduler} was lost. {_RESUME}, when it is back."
            ) from None


def _check_workers(client: "Client", scheduler: str, needed: Iterable[Path]) -> None:
    start = f"dask worker {scheduler} --nworkers 4 --nthreads 1"
    try:
        client.wait_for_workers(1, timeout=PATIENCE_SECONDS)
    except TimeoutError:
        raise WorkerError(
            f"The scheduler {scheduler} has no workers. Start some: {start}"
        ) from None
    lacking = {f"scheduler {scheduler}": client.run_on_scheduler(_look([]))}
    for worker, problem in client.run(_look([str(path) for path in needed])).items():
        lacking[f"worker {worker}"] = problem
    for name, problem in lacking.items():
        if problem:
            raise WorkerError(
                f"The {name} {problem}. Scheduler and workers need this kit; workers need the "
                "data, the weights, the folder of the masks and, for pools, WSSS_CACHE at the same "
                "paths as here."
            )
    if max(client.nthreads().values()) > 1:
        tqdm.write(f"Workers with several threads use one of them. Better: {start}")


def _look(needed: list[str]) -> Callable[[], str]:
    """What a worker lacks, as a function that travels whole: it runs where the kit is missing."""

    def look(expected: int = FORMAT) -> str:
        try:
            from wsss_lib.evaluate.settings import FORMAT as found
        except ImportError as error:
            return f"cannot import the kit ({error})"
        if found != expected:
            return f"has another version of the kit (format {found} of results, not {expected})"
        missing = [path for path in needed if not os.path.exists(path)]
        return f"does not find {missing[0]}" if missing else ""

    return look


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
        See `wsss_lib.evaluate.sweeps.sweep`.

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
