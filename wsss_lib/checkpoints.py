"""Files of weights: what a checkpoint is called, writing and reading it, and what others save.

A checkpoint is in the cache; see `wsss_lib.training` for what is in it.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path

import torch
from tqdm.auto import tqdm

from wsss_lib.errors import DamagedError, WeightsError
from wsss_lib.files import atomic_path, writing
from wsss_lib.paths import cache_dir, shown

#: The networks of the kit by the entry of a checkpoint's setting that holds the settings of their
#: training: what each is called, and what ``wsss train`` calls it.
NETWORKS = {
    "preset": ("a classification network", "classifier"),
    "segmenter": ("a segmentation network", "segmenter"),
    "irn": ("an edge network", "irn"),
}

#: What is wrapped round the weights in files: as a part that holds them, or before all their names.
WRAPPERS = ("network", "state_dict", "model_state_dict", "model", "module", "net", "_orig_mod")


@dataclass(frozen=True)
class WeightsInfo:
    """Which weights a network has; it stands in every result.

    Attributes
    ----------
    name : str
        ``"random"``, ``"imagenet"`` or the file's name.
    sha256 : str
        Of the file; of random weights, see `wsss_lib.classify.weights.state_sha256`.
    """

    name: str
    sha256: str

    @property
    def pretrained(self) -> bool:
        """Whether the weights were learnt."""
        return self.name != "random"


def checkpoint_path(name: str, setting: dict) -> Path:
    """The path of a training's checkpoint: its name has a key of all that determines it."""
    key = hashlib.sha256(json.dumps(setting, sort_keys=True).encode()).hexdigest()[:10]
    return cache_dir() / "weights" / f"{name}-{key}.pth"


def write_checkpoint(path: Path, content: dict) -> None:
    """Write a checkpoint atomically; equal contents give equal bytes."""
    # to an open file: torch would write a file's name, here a random one, into the archive
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        torch.save(content, file)


def read_progress(path: Path, classes: Sequence[str] = ()) -> dict:
    """A checkpoint's content; of one that is not there the content before the first epoch.

    A damaged file of the cache is set aside: it is as if it were not there.

    Raises
    ------
    WeightsError
        If its network scores other classes: a checkpoint's name does not depend on their names.
    """
    start = {"epoch": 0, "history": "[]"}
    try:
        content = read_tensors(path) if path.is_file() else start
    except DamagedError:
        set_aside(path)
        return start
    if content["epoch"]:
        check_classes(path, content.get("classes", ()), classes)
    return content


def set_aside(path: Path) -> None:
    """Rename a damaged file of the cache to ``<name>.damaged``, and say so."""
    with writing(path):
        aside = path.replace(path.with_name(f"{path.name}.damaged"))
    tqdm.write(f"{shown(path)} is damaged: it is now {aside.name}, and made again.")


def check_classes(path: Path, found: Sequence[str], expected: Sequence[str]) -> None:
    """Check that the classes that the network of a checkpoint scores are the data set's, in order.

    Raises
    ------
    WeightsError
        Naming the first class that differs.
    """
    for number, (has, wants) in enumerate(zip_longest(found, expected, fillvalue="none"), 1):
        if has != wants:
            raise WeightsError(
                f"{shown(path)} was trained for other classes than the data set has: number "
                f"{number} is {has} in the network (of {len(found)}) and {wants} in the data set "
                f"(of {len(expected)}). Use the classes.txt that it was trained with, or another "
                "network; to train this one again, remove the file."
            )


def check_finished(path: str | Path, content: dict) -> str | None:
    """The kind of a checkpoint, a key of `NETWORKS`; None for any other file of weights.

    Raises
    ------
    WeightsError
        If its training was stopped.
    """
    setting = content.get("setting", {})
    kind = next((kind for kind in NETWORKS if kind in setting), None)
    if kind and content["epoch"] < setting[kind]["epochs"]:
        command = "sipe" if "sipe" in setting else NETWORKS[kind][1]
        raise WeightsError(
            f"The training in {shown(path)} was stopped after epoch {content['epoch']} of "
            f"{setting[kind]['epochs']}. Start it again with 'wsss train {command}'; it goes on "
            "from there."
        )
    return kind


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
    except (OSError, MemoryError) as error:
        raise WeightsError(f"{shown(path)} cannot be read ({str(error) or 'no memory'}).") from None
    except Exception:
        # reading another kind of file can fail in any way, and torch's own text would advise to
        # read it unsafely
        raise DamagedError(
            f"{shown(path)} is damaged, or holds more than tensors and plain values. Expected a "
            "state dict written by torch.save, or a checkpoint of this kit."
        ) from None
    if not isinstance(content, dict):
        raise WeightsError(
            f"{shown(path)} holds a {type(content).__name__}; a state dict (name -> tensor) was "
            "expected. Save the network's state_dict()."
        )
    return content


def state_dict_in(path: str | Path, content: Mapping) -> dict[str, torch.Tensor]:
    """The state dict in the content of a file of weights, without its `WRAPPERS`.

    Raises
    ------
    WeightsError
        If a key is no name.
    """
    while parts := [content[name] for name in WRAPPERS if isinstance(content.get(name), Mapping)]:
        content = parts[0]
    for key in content:
        if not isinstance(key, str):
            raise WeightsError(
                f"{shown(path)} has the key {key!r}; names were expected. Save the network's "
                "state_dict()."
            )
    while len(first := {key.partition(".")[0] for key in content}) == 1 and first <= {*WRAPPERS}:
        content = {key.partition(".")[2]: value for key, value in content.items()}
    return dict(content)
