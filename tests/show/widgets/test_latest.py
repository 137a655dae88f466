import threading

import pytest

from wsss_lib.show.widgets.latest import LatestWins


class Gate:
    """Work that waits until it may go on, and counts."""

    def __init__(self):
        self.begun, self.go, self.outdated = threading.Semaphore(0), threading.Semaphore(0), []

    def __call__(self):
        self.begun.release()
        assert self.go.acquire(timeout=10)
        self.outdated.append(self.latest.outdated)
        return f"answer {len(self.outdated)}"


@pytest.fixture
def gate():
    gate = Gate()
    gate.latest = LatestWins(gate)
    return gate


def test_in_the_foreground_the_work_is_done_when_ask_returns():
    latest = LatestWins(lambda: "two <b>masks</b>", background=False)
    latest.ask()
    assert "two <b>masks</b>" in latest.status.value


def test_in_the_foreground_ask_raises_and_an_unforeseen_error_shows_its_traceback():
    latest = LatestWins(lambda: 1 / 0, background=False)
    with pytest.raises(ZeroDivisionError):
        latest.ask()
    assert "Traceback" in latest.status.value


def test_many_questions_during_the_work_are_answered_once(gate):
    gate.latest.ask()
    assert gate.begun.acquire(timeout=10)
    assert "computing" in gate.latest.status.value
    for _ in range(5):
        gate.latest.ask()
    gate.go.release(2)
    gate.latest.wait()
    assert gate.outdated == [True, False]  # the first answer is old, the second is not
    assert "answer 2" in gate.latest.status.value


def test_a_question_after_the_end_is_answered_too(gate):
    gate.go.release(2)
    for _ in range(2):
        gate.latest.ask()
        gate.latest.wait()
    assert gate.outdated == [False, False]


def test_waiting_for_nothing_returns():
    LatestWins(lambda: "").wait()


def test_wait_raises_the_error_of_the_last_work_once():
    latest = LatestWins(lambda: 1 / 0)
    latest.ask()
    with pytest.raises(ZeroDivisionError):
        latest.wait()
    latest.wait()


def test_an_error_that_a_newer_answer_follows_is_forgotten(gate):
    errors = iter([ZeroDivisionError(), None])

    def work():
        text = gate()
        if error := next(errors):
            raise error
        return text

    latest = gate.latest = LatestWins(work)
    latest.ask()
    assert gate.begun.acquire(timeout=10)
    latest.ask()
    gate.go.release(2)
    latest.wait()
    assert gate.outdated == [True, False]
