"""Where the images of a sweep are done: in this process, in several, or on a Dask cluster."""

import os
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from joblib import Parallel, parallel_config
from tqdm.auto import tqdm

from wsss_lib.errors import WorkerError
from wsss_lib.evaluate.rows.settings import FORMAT

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
            from wsss_lib.evaluate.rows.settings import FORMAT as found
        except ImportError as error:
            return f"cannot import the kit ({error})"
        if found != expected:
            return f"has another version of the kit (format {found} of results, not {expected})"
        missing = [path for path in needed if not os.path.exists(path)]
        return f"does not find {missing[0]}" if missing else ""

    return look
