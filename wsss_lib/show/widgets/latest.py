"""Work that follows its controls: on a thread of its own, and only for the newest question."""

import threading
from collections.abc import Callable


class LatestWins:
    """Do some work each time it is asked for, but never twice at once and never in a queue.

    What is asked for while the work runs is done once it ends, and once only, however often it was
    asked for: the work reads its controls when it begins, so it answers the newest question.

    Parameters
    ----------
    work : callable
        Takes nothing. It may look at `outdated` to leave an answer out that nobody waits for.
    background : bool
        Whether `ask` returns at once, while the work runs on a thread; else it does the work.
    """

    def __init__(self, work: Callable[[], None], background: bool = True) -> None:
        self._work, self._background = work, background
        self._lock = threading.Lock()
        self._asked, self._running = False, False
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None

    @property
    def outdated(self) -> bool:
        """Whether there is a newer question than the one that is worked on."""
        return self._asked

    def ask(self) -> None:
        """Have the work done; its errors are raised here, or by `wait` where it is on a thread."""
        if not self._background:
            self._work()
            return
        with self._lock:
            self._asked = True
            if not self._running:
                self._running = True
                self._thread = threading.Thread(target=self._run, daemon=True)
                self._thread.start()

    def wait(self) -> None:
        """Wait until nothing is asked for any more, and raise the error of the last work."""
        if self._thread is not None:
            self._thread.join()
        error, self._error = self._error, None
        if error is not None:
            raise error

    def _run(self) -> None:
        while self._next():
            self._error = None
            try:
                self._work()
            except Exception as error:
                self._error = error

    def _next(self) -> bool:
        with self._lock:
            self._running, self._asked = self._asked, False
            return self._running
