"""What a check says, and how it is made."""

from collections.abc import Callable
from dataclasses import dataclass

#: What to do where the environment itself is not whole.
SETUP = "run 'make setup'"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes
    ----------
    name, found : str
    status : {"ok", "note", "missing"}
        ``note``: the toy study runs; ``missing``: it cannot.
    advice : str
        The next command where something can be done.
    why : str
        Why it matters, in a phrase; empty where all is well.
    blocks : tuple of str
        The data sets that cannot be used because of it.
    """

    name: str
    found: str
    status: str = "ok"
    advice: str = ""
    why: str = ""
    blocks: tuple[str, ...] = ()


def note(name: str, found: str, why: str, advice: str, blocks: tuple[str, ...] = ()) -> Check:
    """A check that found something to know."""
    return Check(name, found, "note", advice, why, blocks)


def missing(name: str, found: str, why: str, advice: str) -> Check:
    """A check that found what keeps everything from running."""
    return Check(name, found, "missing", advice, why, ("toy", "voc"))


def look(name: str, check: Callable[[str], Check]) -> Check:
    """Make a check; a package that is absent or broken becomes a line instead of a traceback."""
    try:
        return check(name)
    except (ImportError, OSError) as error:
        return missing(name, f"cannot be looked at ({error})", "a package is broken", SETUP)
