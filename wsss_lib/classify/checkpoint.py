"""Checkpoints: a training on disk, to be continued or used."""

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch

from wsss_lib.classify.backbones import build_backbone
from wsss_lib.classify.network import ClassificationNetwork
from wsss_lib.classify.weights import WeightsInfo, read_tensors
from wsss_lib.devices import choose_device
from wsss_lib.errors import WeightsError
from wsss_lib.files import atomic_path
from wsss_lib.paths import shown


@dataclass(frozen=True)
class Trained:
    """A trained classification network and how it came about.

    Attributes
    ----------
    network : ClassificationNetwork
        In evaluation mode.
    classes : tuple of str
        The object classes in the order of the network's scores.
    history : DataFrame
        A row for each epoch: ``epoch`` (from 1), ``loss`` (mean of its steps) and, where there was
        a list to score, ``mean_ap`` and the average precision of each class under its name (0..1).
    setting : dict
        All that determines the training: data, label source, first weights, preset, seed.
    path : Path
    """

    network: ClassificationNetwork
    classes: tuple[str, ...]
    history: pd.DataFrame
    setting: dict
    path: Path

    @property
    def weights(self) -> WeightsInfo:
        """Name and checksum of the checkpoint."""
        return self.network.backbone.weights


def write_checkpoint(path: Path, content: dict) -> None:
    """Write a checkpoint atomically; equal contents give equal bytes."""
    # to an open file: torch would write a file's name, here a random one, into the archive
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        torch.save(content, file)


def load_trained(path: str | Path, device: str = "cpu") -> Trained:
    """Load a finished training.

    Raises
    ------
    ParameterError
        If there is no such device.
    WeightsError
        If the file is missing, no checkpoint of this kit, or its training was stopped.
    """
    path, content = Path(path), read_tensors(path)
    if "network" not in content or "setting" not in content:
        raise WeightsError(
            f"{shown(path)} is no checkpoint of this kit. Train a network with 'wsss train "
            "classifier'."
        )
    backbone = build_backbone(content["setting"]["preset"]["backbone"], path)
    network = ClassificationNetwork(backbone, len(content["classes"]))
    network.load_state_dict(content["network"])
    return Trained(
        network=network.to(choose_device(device)).eval(),
        classes=tuple(content["classes"]),
        history=pd.DataFrame(json.loads(content["history"])),
        setting=content["setting"],
        path=path,
    )
