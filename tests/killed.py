"""Commands that are killed, and what they left in their store."""

import signal
import sqlite3
import subprocess
import time
from contextlib import closing
from pathlib import Path

ROWS = "SELECT rowid, key, row FROM results"


def stored(path):
    """The rows of a store by key, with the number that each got when it was written."""
    if not path.exists():
        return {}
    with closing(sqlite3.connect(path)) as connection:
        try:
            return {key: (number, row) for number, key, row in connection.execute(ROWS)}
        except sqlite3.OperationalError:  # no table yet
            return {}


def run_until_killed(command, environment, rows):
    """Start a command and kill it when its store has so many rows; what is stored then."""
    store = Path(environment["WSSS_CACHE"]) / "rows.sqlite"
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as run:
        while len(stored(store)) < rows:
            assert run.poll() is None, "it ended before it could be killed"
            time.sleep(0.01)
        run.send_signal(signal.SIGKILL)
    return stored(store)
