"""Servers that tests start, and end with every process that came of them."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

HOST = "127.0.0.1"
#: Seconds that a server may take to start or to end, on a machine with other work.
PATIENCE = 120


def free_port() -> int:
    """A port of this machine that nothing listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


@contextmanager
def serving(
    command: Sequence[str], port: int, folder: Path, environment: Mapping[str, str]
) -> Iterator[psutil.Popen]:
    """Run a server in a folder, from when it listens until the block is left."""
    log = folder / "server.log"
    with log.open("w") as output:
        process = psutil.Popen(
            command,
            cwd=folder,
            env={**os.environ, **environment},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_it_listens(process, port, log)
        yield process
    finally:
        _end(process)


def family(process: psutil.Process) -> list[psutil.Process]:
    """A process and all that came of it: the kernels of a server."""
    with suppress(psutil.NoSuchProcess):
        return [process, *process.children(recursive=True)]
    return []


def _wait_until_it_listens(process: psutil.Popen, port: int, log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < end:
        with suppress(OSError):
            socket.create_connection((HOST, port), timeout=1).close()
            return
        time.sleep(0.1)
    raise RuntimeError(f"No server on port {port}; it said:\n{log.read_text()}")


def _end(process: psutil.Popen) -> None:
    """Ask the server to stop, which ends its kernels, and kill what is still there after that."""
    members = family(process)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    _, alive = psutil.wait_procs(members, PATIENCE / 4)
    for member in alive:
        with suppress(psutil.NoSuchProcess):
            member.kill()
    psutil.wait_procs(alive, PATIENCE / 4)
