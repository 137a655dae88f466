"""The engine under every sweep: it runs a job for many images and can be resumed at any moment.

A job is a function of an image's id and of settings, whatever these are. It runs in this process,
in several processes, or on a Dask cluster. Each image's rows go to the store, and its masks to
their folder, as soon as they are computed: run again after a stop, only what is missing is done.
"""

import os
import threading
import warnings
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from joblib import Parallel, cpu_count, delayed, parallel_config
from threadpoolctl import threadpool_limits
from tqdm.auto import tqdm

from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.datasets.images import convert_mask, read_note, write_mask
from wsss_lib.errors import (
    DataError,
    ParameterError,
    StoreError,
    WeightsError,
    WorkerError,
    WsssError,
)
from wsss_lib.files import writable_folder
from wsss_lib.metrics import mean_iou, pooled
from wsss_lib.paths import cache_dir, shown
from wsss_lib.store import FORMAT, ResultStore

if TYPE_CHECKING:
    from dask.distributed import Client

#: How long to wait for a scheduler, and for its first worker.
PATIENCE_SECONDS = 10

#: Gives, for each setting, a row of JSON values and the mask, (H, W) uint8. It is pickled for
#: workers: a function of a module, or a `functools.partial` of one with small arguments.
Job = Callable[[str, Sequence[Hashable]], list[tuple[dict, np.ndarray]]]

#: Makes calls given by ``joblib.delayed`` and yields their results in the order they finish.
Run = Callable[[Iterable], Iterator]

#: An image's id and its rows by key; or no rows, and the sentence that says why.
Outcome = tuple[str, dict[str, dict], str]

Content = TypeVar("Content")

_RESUME = "What was done is stored: run the same command again"
_BAR = (
    "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} images [{elapsed}<{remaining}{postfix}]"
)
#: One image at a time in a process: the limit on threads holds for the whole process.
_ALONE = threading.Lock()


@dataclass(frozen=True)
class Task:
    """One image: its id, and the key of the row for each setting.

    A setting is anything that is hashable and has a ``name``, which its folder of masks gets.
    """

    id: str
    keys: dict[Hashable, str]

    def missing(self, found: Mapping[str, dict], masks_out: Path | None) -> list[Hashable]:
        """The settings whose row, or whose mask if masks are wanted, does not exist yet."""
        return [
            setting
            for setting, key in self.keys.items()
            if key not in found
            or (masks_out and read_note(self.mask_path(masks_out, setting)) != key)
        ]

    def mask_path(self, folder: Path, setting: Hashable) -> Path:
        """Where a mask is written."""
        return folder / setting.name / f"{self.id}.png"


@dataclass
class SweepResult:
    """The result of a sweep.

    Attributes
    ----------
    dataset : DevkitDataset
        The images, with their classes.
    rows : dict of setting to list of dict
        The rows of each setting, in the order of the data set's ids.
    failures : dict of str to str
        Why an image could not be done, by id, in the order of the data set.
    provenance : dict
        What the rows were computed from: JSON values.
    """

    dataset: DevkitDataset
    rows: dict[Hashable, list[dict]]
    failures: dict[str, str] = field(default_factory=dict)
    provenance: dict = field(default_factory=dict)


def run_job(
    dataset: DevkitDataset,
    tasks: Sequence[Task],
    make_job: Callable[[list[Hashable]], Job],
    *,
    watched: Hashable,
    failures: Mapping[str, str],
    description: str,
    needed: Sequence[Path] = (),
    masks_out: Path | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    store: str | Path | None = None,
) -> SweepResult:
    """Compute and store what is missing, image by image, and give the rows of all.

    A bad image is reported and left out; all others are done.

    Parameters
    ----------
    dataset : DevkitDataset
    tasks : sequence of Task
        One per image that can be started.
    make_job : callable
        Gives the job for the settings of which something is missing. Called only if there are
        any: slow preparation, such as fitting pools, belongs there.
    watched : hashable
        The setting whose score so far is shown.
    failures : mapping of str to str
        Why the other images cannot be started, by id.
    description : str
        For the progress bar.
    needed : sequence of Path
        Further files and folders that every worker of a cluster must find.
    masks_out : Path, optional
        A folder for the masks, ``<setting's name>/<id>.png``. Each notes its row's key, so that a
        mask of another setting is made again.
    workers : int, optional
        Processes; each uses one thread. With 1 everything happens in this process. By default
        `default_workers`.
    scheduler : str, optional
        Address of a Dask scheduler, e.g. ``tcp://10.0.0.1:8786``. Its workers take the place of the
        processes here; only this process writes the store.
    store : path, optional
        The SQLite file of the rows; by default ``rows.sqlite`` in the cache.

    Returns
    -------
    SweepResult
        Its provenance is empty.

    Raises
    ------
    DataError
        If not a single image could be done.
    ParameterError
        If masks would be written over those of the data set.
    StoreError
        If rows or masks cannot be written.
    WeightsError
        If a worker has other weights than this process.
    WorkerError
        If the scheduler or its workers cannot be used, or worker processes died.
    """
    failures = dict(failures)
    if masks_out:
        masks_out = writable_folder(masks_out.absolute())
        _keep_inputs(dataset, tasks, masks_out)
    with ResultStore(store or cache_dir() / "rows.sqlite") as stored:
        found = stored.get(key for task in tasks for key in task.keys.values())
        todo = [(task, left) for task in tasks if (left := task.missing(found, masks_out))]
        if todo:
            writable_folder(stored.path.parent)

        def outcomes() -> Iterator[Outcome]:
            """Do the images, and yield their outcomes in the order they finish."""
            if not todo:
                return
            job = make_job(list(dict.fromkeys(each for _, left in todo for each in left)))
            places = [*needed, *([masks_out] if masks_out else [])]
            with processes(workers, scheduler, places) as run:
                yield from run(delayed(do_image)(job, *each, masks_out) for each in todo)

        scored, n_classes = {task.keys[watched] for task in tasks}, len(dataset.classes)
        confusion = _pooled(found, scored, n_classes)
        done = len(tasks) - len(todo)
        bar = tqdm(  # smoothing=0: the time left follows from the mean pace
            total=len(tasks), initial=done, desc=description, bar_format=_BAR, smoothing=0
        )
        with bar, closing(outcomes()) as ends:
            for id_, rows, error in ends:
                if error:
                    failures[id_] = error
                    tqdm.write(f"{id_}: {error}")
                stored.put(rows)
                found |= rows
                confusion += _pooled(rows, scored, n_classes)
                bar.update()
                bar.set_postfix_str(_progress(bar, watched.name, confusion))
    return _collect(dataset, tasks, found, failures)


def located(dataset: DevkitDataset) -> DevkitDataset:
    """A data set as it is sent to workers: valid in any working folder, and without its ids."""
    masks = str(dataset.mask_folder.absolute())
    return replace(dataset, root=dataset.root.absolute(), masks=masks, ids=())


def readable(
    dataset: DevkitDataset, read: Callable[[str], Content]
) -> tuple[dict[str, Content], dict[str, str]]:
    """What `read` gives of each image, and why it cannot read the others, which is reported."""
    found, failures = {}, {}
    for id_ in dataset.ids:
        try:
            found[id_] = read(id_)
        except OSError as error:
            failures[id_] = f"cannot read {Path(error.filename).name} ({error.strerror})"
        except DataError as error:
            failures[id_] = str(error)
        if id_ in failures:
            tqdm.write(f"{id_}: {failures[id_]}")
    return found, failures


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit BLAS, OpenMP and torch to one thread, then restore the former limits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


def do_image(
    job: Job, task: Task, settings: list[Hashable], masks_out: Path | None = None
) -> Outcome:
    """What a worker does: one image on one thread, so that no number depends on the workers."""
    with _ALONE, one_thread():
        try:
            results = job(task.id, settings)
        except (StoreError, WeightsError):  # the worker's fault, not the image's
            raise
        except WsssError as error:
            return task.id, {}, str(error)
        rows = {}
        for setting, (row, mask) in zip(settings, results, strict=True):
            if masks_out:
                write_mask(task.mask_path(masks_out, setting), mask, task.keys[setting])
            rows[task.keys[setting]] = row
        return task.id, rows, ""


def convert_masks(result: SweepResult, masks_out: Path, png: str) -> None:
    """Make all masks of a sweep's settings one kind of PNG; none is computed again.

    Parameters
    ----------
    result : SweepResult
    masks_out : Path
        The folder that the sweep had: it writes palettes, and keeps what it finds of either kind.
    png : {"palette", "index"}
        See `wsss_lib.datasets.images.write_mask`.

    Raises
    ------
    StoreError
        If a mask cannot be written.
    """
    folders = [masks_out / setting.name for setting in result.rows]
    paths = [path for folder in folders for path in folder.rglob("*.png")]
    for path in tqdm(paths, desc=f"{png} PNGs", unit="mask", delay=2, leave=False):
        convert_mask(path, png)


def _keep_inputs(dataset: DevkitDataset, tasks: Sequence[Task], masks_out: Path) -> None:
    """Refuse a folder where masks would be written over those that the data set is read from."""
    for setting in {setting for task in tasks for setting in task.keys}:
        if (masks_out / setting.name).resolve() == dataset.mask_folder.resolve():
            raise ParameterError(
                f"The masks of {setting.name} would be written over those of "
                f"{shown(dataset.mask_folder)}, which are read. Name another folder with --out."
            )


def _collect(
    dataset: DevkitDataset,
    tasks: Sequence[Task],
    found: Mapping[str, dict],
    failures: Mapping[str, str],
) -> SweepResult:
    """Put the rows of all images into the order of the data set."""
    done = [task for task in tasks if task.id not in failures]
    if not done:
        raise DataError(
            f"None of the {len(dataset)} images could be done. The first, {dataset.ids[0]}: "
            f"{failures[dataset.ids[0]]}"
        )
    return SweepResult(
        dataset,
        {setting: [found[task.keys[setting]] for task in done] for setting in done[0].keys},
        {id_: failures[id_] for id_ in dataset.ids if id_ in failures},
    )


def _pooled(rows: Mapping[str, dict], keys: Set[str], n_classes: int) -> np.ndarray:
    """The confusion matrix of the rows of some keys, as far as they are there and scored."""
    chosen = (rows[key] for key in keys & rows.keys())
    return pooled((row["confusion"] for row in chosen if "confusion" in row), n_classes)


def _progress(bar: tqdm, name: str, confusion: np.ndarray) -> str:
    """Images per minute of this run, and the pooled mean IoU so far of one setting."""
    state = bar.format_dict
    pace = 60 * (state["n"] - state["initial"]) / max(state["elapsed"], 1e-3)
    score = f", {name} mIoU {100 * mean_iou(confusion):.1f}" if confusion.any() else ""
    return f"{pace:.1f} images/min{score}"


def default_workers() -> int:
    """``WSSS_WORKERS``, else one for each core but at most 4: each may take 1 GB and more."""
    wanted = os.environ.get("WSSS_WORKERS") or str(min(cpu_count(), 4))
    if not wanted.isdecimal() or int(wanted) < 1:
        raise ParameterError(
            f"WSSS_WORKERS={wanted}; expected a number of processes, such as WSSS_WORKERS=2."
        )
    return int(wanted)


@contextmanager
def processes(workers: int | None, scheduler: str | None, needed: Iterable[Path]) -> Iterator[Run]:
    """Give a function that makes calls, for as long as the block lasts.

    Parameters
    ----------
    workers : int or None
        Processes on this machine; 1 is this process itself. None: `default_workers`.
    scheduler : str or None
        Address of a Dask scheduler, e.g. ``tcp://10.0.0.1:8786``; its workers then make the calls.
    needed : iterable of Path
        Files and folders that the workers of a cluster must find at the same paths.

    Yields
    ------
    callable
        Takes calls given by ``joblib.delayed``, yields their results in the order they finish.

    Raises
    ------
    WorkerError
        If there is no such scheduler or a worker lacks what it needs, or (from the block) if
        workers died.
    """
    if scheduler:
        with _connected(scheduler) as client:
            _check_workers(client, scheduler, needed)
            yield partial(_there, client)
    else:
        try:
            with parallel_config("loky", inner_max_num_threads=1), warnings.catch_warnings():
                # a worker whose memory has grown is replaced; none of its work is lost
                warnings.filterwarnings("ignore", "A worker stopped while some jobs")
                yield Parallel(n_jobs=workers or default_workers(), return_as="generator_unordered")
        except BrokenProcessPool:
            raise WorkerError(
                f"A worker process was killed, most often for lack of memory. {_RESUME}, with "
                "fewer --workers."
            ) from None


def _there(client: "Client", calls: Iterable) -> Iterator:
    """Keep every worker of a cluster busy, including those that join later.

    Not with joblib's backend for Dask (1.6): it waits for ever where Dask gives up a call.
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
                f"for lack of memory. {_RESUME}, with fewer workers on a machine."
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
    """What a worker lacks, as a function that is pickled whole: it runs even without the kit."""

    def look(expected: int = FORMAT) -> str:
        try:
            from wsss_lib.store import FORMAT as found
        except ImportError as error:
            return f"cannot import the kit ({error})"
        if found != expected:
            return f"has another version of the kit (format {found} of results, not {expected})"
        missing = [path for path in needed if not os.path.exists(path)]
        return f"does not find {missing[0]}" if missing else ""

    return look
