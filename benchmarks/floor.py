"""The floor of an exact RBF prediction: one exponential for each pixel and support vector."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from wsss_lib.expand.engine.compiled import compiled, exp2


@compiled
def _sum_exponentials(exponents, rounds):
    total = np.float32(0)
    for r in range(rounds):
        shift = np.float32(r * 1e-3)
        for j in range(len(exponents)):
            total += exp2(exponents[j] - shift)
    return total


def exponentials_per_second(threads: int, rounds: int = 100_000) -> float:
    """The rate of a bare loop of the engine's float32 exponential on some threads, best of 5."""
    exponents = -np.linspace(0, 8, 512, dtype=np.float32)
    best = np.inf
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda _: _sum_exponentials(exponents, 1), range(threads)))
        for _ in range(5):
            start = time.perf_counter()
            list(pool.map(lambda _: _sum_exponentials(exponents, rounds), range(threads)))
            best = min(best, time.perf_counter() - start)
    return threads * rounds * len(exponents) / best
