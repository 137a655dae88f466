"""Every prediction path against the decision function in float64, from the same duals."""

import tempfile
from pathlib import Path

import numpy as np
import pytest

from wsss_lib.expand.engine import compiled
from wsss_lib.expand.engine.duals import Duals
from wsss_lib.expand.engine.interpolation import Grid
from wsss_lib.expand.engine.predict import decide_maps, decide_rows, distinct_rows, merge_equal
from wsss_lib.expand.engine.threads import run, thread_count

from .maps import feature_map, full_resolution

SIZE = (37, 53)
MAPS = {
    "one": [(20, (5, 7))],
    "joined": [(20, (5, 7)), (6, (19, 27))],
    "with pixels": [(20, (5, 7)), (3, SIZE)],
    "pixels": [(3, SIZE)],
    "one cell": [(20, (1, 1))],
    "finer than the image": [(5, (80, 60))],
}


def random_maps(shapes):
    return tuple(feature_map(*shape, SIZE, seed) for seed, shape in enumerate(shapes))


def random_duals(width, problems=3, cost=1.0, gamma=0.05, count=300):
    generator = np.random.default_rng(5)
    support = generator.normal(size=(count, width)).astype(np.float32)
    coef = cost * generator.uniform(-1, 1, size=(count, problems))
    return Duals(gamma, support, coef, generator.normal(size=problems))


def oracle(Z, duals):
    """The decision functions in float64, from differences."""
    distances = ((Z[:, None].astype(float) - duals.support.astype(float)) ** 2).sum(-1)
    return np.exp(-duals.gamma * distances) @ duals.coef + duals.intercept


@pytest.mark.parametrize("shapes", MAPS.values(), ids=MAPS.keys())
@pytest.mark.parametrize(("problems", "cost"), [(1, 1.0), (5, 1.0), (3, 1e4)])
def test_maps_agree_with_float64(shapes, problems, cost):
    maps = random_maps(shapes)
    duals = random_duals(sum(channels for channels, _ in shapes), problems, cost)
    assert duals.dtype == (np.float64 if cost > 1 else np.float32)
    found = decide_maps(maps, duals)
    assert found.shape == (*SIZE, problems)
    expected = oracle(full_resolution(*maps), duals)
    # the weights of the interpolation are float32
    np.testing.assert_allclose(found.reshape(-1, problems), expected, atol=1e-5 * cost, rtol=0)


@pytest.mark.parametrize("width", [2, 40])
def test_vectors_agree_with_float64(width):
    X = np.random.default_rng(3).normal(size=(900, width))
    duals = random_duals(width, problems=4)
    np.testing.assert_allclose(decide_rows(X, duals), oracle(X, duals), atol=1e-5)


def test_far_from_the_origin_and_from_each_other():
    X = np.random.default_rng(3).normal(size=(50, 40)) + 1000
    duals = Duals(0.05, X[:20], np.ones((20, 1)), np.zeros(1))
    np.testing.assert_allclose(decide_rows(X, duals), oracle(X, duals), atol=1e-4)
    assert (decide_rows(np.zeros((1, 40)), duals) < 1e-30).all()


@pytest.mark.parametrize("shapes", MAPS.values(), ids=MAPS.keys())
def test_labels_do_not_depend_on_threads_or_runs(shapes):
    maps, duals = random_maps(shapes), random_duals(sum(channels for channels, _ in shapes))
    first = decide_maps(maps, duals, threads=1)
    for threads in (1, 2, 3):
        again = decide_maps(maps, duals, threads=threads)
        np.testing.assert_array_equal(first, again)


def test_norms_of_interpolated_features():
    (map_,) = random_maps([(6, (5, 9))])
    expected = (full_resolution(map_) ** 2).sum(1).reshape(SIZE)
    np.testing.assert_allclose(Grid.of(map_).squared_norms(), expected, rtol=1e-6)


@pytest.mark.parametrize(("dtype", "accuracy"), [(np.float32, 2.5e-7), (np.float64, 1e-13)])
def test_exponential(dtype, accuracy):
    @compiled.numba.njit
    def every(values):
        return np.array([compiled.exp2(value) for value in values])

    values = np.linspace(-120, 0, 100_001).astype(dtype)
    np.testing.assert_allclose(every(values), np.exp2(values.astype(float)), rtol=accuracy)
    assert every(np.array([-1e9], dtype))[0] < 1e-37


def double(x):
    return 2 * x


@pytest.mark.parametrize("writable", ["user's cache", "nothing"])
def test_compiles_where_the_package_cannot_be_written(monkeypatch, tmp_path, writable):
    probe = tempfile.TemporaryFile

    def refuse(*args, dir=None, **kwargs):
        if writable == "nothing" or Path(dir).is_relative_to(Path(__file__).parent):
            raise PermissionError("read-only")
        return probe(*args, dir=dir, **kwargs)

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    doubled = compiled.compiled(double)
    assert doubled(21) == 42
    kept = doubled.stats.cache_path
    assert not kept if writable == "nothing" else not kept.startswith(str(Path(__file__).parent))


def test_distinct_rows_and_merged_duals():
    X = np.array([[1, 2], [0, 2], [1, 2], [1, 3]], np.float32)
    rows, inverse = distinct_rows(X)
    assert len(rows) == 3
    np.testing.assert_array_equal(rows[inverse], X)
    support, coef = merge_equal(X, np.array([[1.0], [2.0], [10.0], [3.0]]))
    assert dict(zip(map(tuple, support), coef[:, 0], strict=True)) == {
        (1, 2): 11,
        (0, 2): 2,
        (1, 3): 3,
    }


def test_threads_obey_the_environment(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    assert thread_count() == 3
    monkeypatch.setenv("NUMBA_NUM_THREADS", "2")
    assert thread_count() == 2
    assert thread_count(5) == 5
    assert run(lambda x: x + 1, range(5), 2) == [1, 2, 3, 4, 5]
