"""Checkpoints on disk: where they lie, and reading and writing them."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import torch

from wsss_lib.errors import WeightsError
from wsss_lib.files import atomic_path
from wsss_lib.paths import cache_dir, shown


def checkpoint_path(name: str, setting: dict) -> Path:
    """Where a training's checkpoint lies: its name carries a key of all that determines it."""
    key = hashlib.sha256(json.dumps(setting, sort_keys=True).encode()).hexdigest()[:10]
    return cache_dir() / "weights" / f"{name}-{key}.pth"


def read_progress(path: Path) -> dict:
    """A checkpoint's content; of one that is not there the content before the first epoch."""
    return read_tensors(path) if path.is_file() else {"epoch": 0, "history": "[]"}


def write_checkpoint(path: Path, content: dict) -> None:
    """Write a checkpoint atomically; equal contents give equal bytes."""
    # to an open file: torch would write a file's name, here a random one, into the archive
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        torch.save(content, file)


def read_tensors(path: str | Path) -> dict:
    """Read a file written by ``torch.save``, refusing anything but tensors and plain values.

    Raises
    ------
    WeightsError
        If the file is missing, damaged, or holds other objects.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise WeightsError(
            f"No weights file {shown(path)}. Expected 'imagenet', 'random' or a file's path."
        ) from None
    except Exception:
        # reading what is no such file can fail in any way, and torch's own text would advise to
        # read it unsafely
        raise WeightsError(
            f"{shown(path)} is damaged, or holds more than tensors and plain values. Expected a "
            "state dict written by torch.save, or a checkpoint of this kit."
        ) from None
    if not isinstance(content, dict):
        raise WeightsError(
            f"{shown(path)} holds a {type(content).__name__}; a state dict (name -> tensor) was "
            "expected. Save the network's state_dict()."
        )
    for key in [*content, *network_part(content)]:
        if not isinstance(key, str):
            raise WeightsError(
                f"{shown(path)} has the key {key!r}; names were expected. Save the network's "
                "state_dict()."
            )
    return content


def network_part(content: dict) -> Mapping:
    """Give the network's part of a checkpoint; nothing in a plain state dict."""
    network = content.get("network")
    return network if isinstance(network, Mapping) else {}
