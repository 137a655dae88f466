"""Threads over independent pieces of work, with sums that do not depend on their number.

The pieces are cut by fixed sizes and each is worked on by one thread, BLAS included, so that
results are bitwise equal however many threads there are.
"""

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from joblib import cpu_count
from threadpoolctl import ThreadpoolController


def thread_count(threads: int | None = None) -> int:
    """How many threads to use: `threads`, else what the environment allows, else all cores.

    ``NUMBA_NUM_THREADS`` and ``OMP_NUM_THREADS`` are obeyed, in this order.
    """
    if threads is not None:
        return threads
    for variable in ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS"):
        value = os.environ.get(variable, "").split(",")[0].strip()
        if value.isdigit() and int(value) > 0:
            return int(value)
    return cpu_count()


def run(work: Callable, pieces: Iterable, threads: int | None = None) -> list:
    """Do `work` on every piece; the results come in the order of the pieces.

    Parameters
    ----------
    work : callable
        Takes one piece; it should spend its time where the interpreter's lock is released.
    pieces : iterable
    threads : int, optional
        See `thread_count`.
    """
    pieces = list(pieces)
    workers = min(thread_count(threads), len(pieces))
    with _controller().limit(limits=1, user_api="blas"):
        if workers <= 1:
            return [work(piece) for piece in pieces]
        with ThreadPoolExecutor(workers) as pool:
            return list(pool.map(work, pieces))


@cache
def _controller() -> ThreadpoolController:
    """Found once: looking through the loaded libraries takes milliseconds."""
    return ThreadpoolController()


def slices(count: int, step: int) -> list[slice]:
    """Cut ``range(count)`` into pieces of `step`; the last may be shorter."""
    return [slice(start, min(start + step, count)) for start in range(0, count, step)]
