"""Work that follows its controls: on a thread of its own, and only for the newest question."""

import threading
import traceback
from collections.abc import Callable

import ipywidgets as widgets

from wsss_lib.errors import WsssError
from wsss_lib.show.widgets.page import error_html, piece


class LatestWins:
    """Do some work each time it is asked for, but never twice at once and never in a queue.

    What is asked for while the work runs is done once it ends, and once only, however often it was
    asked for: the work reads its controls when it begins, so it answers the newest question. A line
    of the page says that it computes, what came of it, or in red what went wrong.

    Parameters
    ----------
    work : callable
        Takes nothing and gives the text that stands in `status` after it. It may look at `outdated`
        to leave an answer out that nobody waits for.
    background : bool
        Whether `ask` returns at once, while the work runs on a thread; else it does the work.

    Attributes
    ----------
    status : HTML
    """

    def __init__(self, work: Callable[[], str], background: bool = True) -> None:
        self._work, self._background, self.status = work, background, widgets.HTML()
        self._lock = threading.Lock()
        self._asked, self._running = False, False
        self._thread: threading.Thread | None = None
        self._error: Exception | None = None

    @property
    def outdated(self) -> bool:
        """Whether there is a newer question than the one that is worked on."""
        return self._asked

    def answer(self) -> None:
        """Do the work here and now; its errors are shown and raised."""
        self.say("computing …")
        try:
            text = self._work()
        except Exception as error:
            # the text of our own errors is meant for the reader; of others all must be seen
            text = str(error) if isinstance(error, WsssError) else traceback.format_exc()
            self.status.value = error_html(text)
            raise
        self.say(text)

    def ask(self) -> None:
        """Have the work done; its errors are raised here, or by `wait` where it is on a thread."""
        if not self._background:
            self.answer()
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

    def say(self, text: str) -> None:
        """Show a text in small grey letters."""
        self.status.value = piece(text, "quiet") if text else ""

    def _run(self) -> None:
        while self._next():
            self._error = None
            try:
                self.answer()
            except Exception as error:
                self._error = error

    def _next(self) -> bool:
        with self._lock:
            self._running, self._asked = self._asked, False
            return self._running
