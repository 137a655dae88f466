import os
import signal
import socket
import sys
from pathlib import Path

import pytest
from joblib import delayed

from wsss_lib import engine
from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.datasets.devkit import open_devkit
from wsss_lib.datasets.toy import TOY, make_toy
from wsss_lib.engine import processes
from wsss_lib.errors import ParameterError, WorkerError
from wsss_lib.evaluate.iou import table1
from wsss_lib.evaluate.settings import settings_for
from wsss_lib.evaluate.sweeps import sweep
from wsss_lib.store import ResultStore
from wsss_lib.studies.catalogue import run_study

RANDOM18 = BackboneSpec("resnet18", "random")
SETTINGS = settings_for(None, ["img", "xy", "F2"], 50)
KIT = "wsss_lib.store"
TABLES = ("table1.csv", "table1_heldout.csv", "table1.json")


@pytest.fixture(scope="module")
def dask():
    return pytest.importorskip(
        "dask.distributed", reason="Dask is not installed: pip install -e '.[cluster]'"
    )


@pytest.fixture(scope="module")
def cluster(dask):
    """A scheduler and two worker processes, each with a nanny that starts it again."""
    with dask.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as running:
        yield running


@pytest.fixture
def client(dask, cluster):
    with dask.Client(cluster.scheduler_address, set_as_default=False) as client:
        yield client


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return open_devkit("toy", make_toy(tmp_path_factory.mktemp("toy"), 14, 1), TOY)


@pytest.fixture(scope="module")
def expected(toy, tmp_path_factory):
    """The tables' bytes as this process alone makes them."""
    return written(toy, tmp_path_factory.mktemp("alone"))


def written(toy, folder, **options):
    table1(sweep(toy, SETTINGS, RANDOM18, store=folder / "rows", **options)).write(folder)
    return [(folder / name).read_bytes() for name in TABLES]


@pytest.fixture
def stored(monkeypatch):
    """The keys that the sweep puts into its store, in their order."""
    keys = []
    put = ResultStore.put

    def noted(self, rows):
        put(self, rows)
        keys.extend(rows)

    monkeypatch.setattr(ResultStore, "put", noted)
    return keys


def test_a_cluster_gives_the_same_tables(toy, cluster, expected, tmp_path, stored):
    there = {"scheduler": cluster.scheduler_address, "masks_out": tmp_path / "masks"}
    assert written(toy.subset(toy.ids[:9]), tmp_path, **there) != expected
    assert written(toy, tmp_path, **there) == expected
    assert len(stored) == len(set(stored)) == 14 * len(SETTINGS)
    assert len(list(tmp_path.glob("masks/F2/*.png"))) == 14


def test_a_study_gives_the_same_scores_however_it_is_run(toy, cluster, tmp_path):
    few = toy.subset(toy.ids[:7])
    ways = {
        "alone": {},
        "processes": {"workers": 2},
        "cluster": {"scheduler": cluster.scheduler_address},
    }
    found = [
        run_study("zscore", few, RANDOM18, 30, store=tmp_path / f"{name}.sqlite", **options)
        .write(tmp_path, name)
        .read_bytes()
        for name, options in ways.items()
    ]
    assert found[0] == found[1] == found[2]


def test_killing_a_worker_changes_nothing(
    toy, cluster, client, expected, tmp_path, stored, monkeypatch
):
    killed, _ = client.run(os.getpid).values()
    put = ResultStore.put

    def put_and_kill(self, rows):
        put(self, rows)
        if len(stored) == 3 * len(SETTINGS):
            os.kill(killed, signal.SIGKILL)

    monkeypatch.setattr(ResultStore, "put", put_and_kill)
    assert written(toy, tmp_path, scheduler=cluster.scheduler_address) == expected
    assert len(stored) == len(set(stored)) == 14 * len(SETTINGS)
    assert killed not in client.run(os.getpid).values()


def test_a_worker_with_several_threads_uses_one(toy, expected, tmp_path, capsys, dask):
    with dask.LocalCluster(
        n_workers=1, threads_per_worker=3, processes=False, dashboard_address=":0"
    ) as threads:
        assert written(toy, tmp_path, scheduler=threads.scheduler_address) == expected
    assert "--nthreads 1" in capsys.readouterr().out


def test_a_worker_that_lacks_the_kit_or_the_data_is_named(cluster, client, tmp_path):
    def refused(needed=tmp_path):
        with (
            pytest.raises(WorkerError, match=r"^The (worker|scheduler) tcp://[\d.:]+ ") as told,
            processes(1, cluster.scheduler_address, [needed]),
        ):
            pass
        return str(told.value)

    assert "does not find /nowhere/VOCdevkit" in refused(Path("/nowhere/VOCdevkit"))
    one = [next(iter(client.nthreads()))]
    client.run(lambda: sys.modules.update({"hidden": sys.modules[KIT], KIT: None}), workers=one)
    try:
        assert "cannot import the kit" in refused()
    finally:
        client.run(lambda: sys.modules.update({KIT: sys.modules["hidden"]}), workers=one)
    with processes(1, cluster.scheduler_address, [tmp_path]):
        pass


def test_an_image_that_kills_every_worker_is_reported(cluster, monkeypatch):
    monkeypatch.setattr(cluster.scheduler, "allowed_failures", 0)

    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    with (
        pytest.raises(WorkerError, match="died one after the other over one image"),
        processes(1, cluster.scheduler_address, []) as run,
    ):
        list(run([delayed(die)()]))


def test_a_scheduler_without_workers_is_reported(dask, monkeypatch):
    monkeypatch.setattr(engine, "PATIENCE_SECONDS", 0.5)
    with (
        dask.LocalCluster(n_workers=0, processes=False, dashboard_address=":0") as empty,
        pytest.raises(WorkerError, match="has no workers"),
        processes(1, empty.scheduler_address, []),
    ):
        pass


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:{free}", "nonsense://here", "8786"])
def test_a_scheduler_that_does_not_answer_is_reported_soon(dask, monkeypatch, address):
    monkeypatch.setattr(engine, "PATIENCE_SECONDS", 0.5)
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        free = found.getsockname()[1]
    with (
        pytest.raises(WorkerError, match="No Dask scheduler answers at"),
        processes(1, address.format(free=free), []),
    ):
        pass


def test_without_dask_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "dask.distributed", None)
    with (
        pytest.raises(WorkerError, match=r"pip install -e '\.\[cluster\]'"),
        processes(1, "tcp://127.0.0.1:8786", []),
    ):
        pass


def test_processes_are_as_many_as_asked_for_else_a_few(monkeypatch):
    monkeypatch.setenv("WSSS_WORKERS", "3")
    assert engine.default_workers() == 3
    for cores, expected in {1: 1, 2: 2, 64: 4}.items():
        monkeypatch.setattr(engine, "cpu_count", lambda cores=cores: cores)
        monkeypatch.setenv("WSSS_WORKERS", "")
        assert engine.default_workers() == expected
    for wrong in ("0", "-1", "all"):
        monkeypatch.setenv("WSSS_WORKERS", wrong)
        with pytest.raises(ParameterError, match=f"WSSS_WORKERS={wrong}; expected a number"):
            engine.default_workers()


def test_processes_have_one_thread_each(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)

    def threads():
        return os.getpid(), [os.environ[f"{name}_NUM_THREADS"] for name in ("OMP", "NUMBA")]

    with processes(2, None, []) as run:
        found = dict(run(delayed(threads)() for _ in range(4)))
    assert os.getpid() not in found
    assert set(map(tuple, found.values())) == {("1", "1")}


def test_a_killed_process_is_reported():
    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    with (
        pytest.raises(WorkerError, match="lack of memory"),
        processes(2, None, []) as run,
    ):
        list(run(delayed(die)() for _ in range(2)))
