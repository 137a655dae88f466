"""The checks as text for a terminal, as JSON for scripts, and as a table for a notebook."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from textwrap import wrap
from typing import TYPE_CHECKING

from wsss_lib.doctor.checks import Check

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

_COLOURS = {"ok": "#1b7837", "note": "#8c510a", "missing": "#b2182b"}
_DATASETS = ("toy", "voc")
_ORDER = ("missing", "note", "ok")
_INDENT = " " * 26


def as_text(checks: Sequence[Check]) -> str:
    """Problems first, each with why it matters and what to do; last what can be run."""
    blocks = []
    for status in _ORDER:
        lines = [line for check in checks if check.status == status for line in _lines(check)]
        blocks.append("\n".join(lines))
    ready = "\n".join(f"ready for {dataset}: {_ready(checks, dataset)}" for dataset in _DATASETS)
    return "\n\n".join([*filter(None, blocks), ready])


def as_json(checks: Sequence[Check]) -> str:
    """All checks as a JSON list of objects.

    Their keys are those of `Check`: ``name``, ``found``, ``status`` (ok, note or missing),
    ``advice``, ``why`` and ``blocks`` (a list out of toy and voc).
    """
    return json.dumps([asdict(check) for check in checks], indent=2)


def as_table(checks: Sequence[Check]) -> "Styler":
    """All checks as a table for a notebook, a row a check."""
    import pandas as pd

    columns = ["status", "name", "found", "why", "advice"]
    table = pd.DataFrame([asdict(check) for check in checks])[columns]
    return (
        table.style.hide(axis="index")
        .map(lambda status: f"color: {_COLOURS[status]}; font-weight: bold", subset=["status"])
        .set_properties(**{"text-align": "left", "vertical-align": "top", "white-space": "normal"})
        .set_table_styles([{"selector": "th", "props": "text-align: left"}])
    )


def _ready(checks: Sequence[Check], dataset: str) -> str:
    lacking = [check.name for check in checks if dataset in check.blocks]
    return f"no, see {', '.join(lacking)}" if lacking else "yes"


def _lines(check: Check) -> list[str]:
    head = f"{check.status:8} {check.name:16} "
    lines = _wrapped(head, check.found)
    if check.why:
        lines += _wrapped(_INDENT, check.why)
    if check.advice:
        lines += _wrapped(f"{_INDENT}-> ", check.advice)
    return lines


def _wrapped(head: str, text: str) -> list[str]:
    rest = " " * len(head)
    whole = {"break_long_words": False, "break_on_hyphens": False}
    return wrap(text, 100, initial_indent=head, subsequent_indent=rest, **whole)
