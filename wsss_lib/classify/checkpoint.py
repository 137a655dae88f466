"""Checkpoints: a training on disk, to be continued or used."""

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from wsss_lib.checkpoints import read_tensors
from wsss_lib.classify.backbones import Backbone, build_backbone
from wsss_lib.classify.network import ClassificationNetwork
from wsss_lib.classify.sipe.network import SIPENetwork, SIPESettings
from wsss_lib.classify.weights import WeightsInfo
from wsss_lib.devices import choose_device
from wsss_lib.errors import WeightsError
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
        A row for each epoch: ``epoch`` (from 1), ``loss`` (mean of its steps), with SIPE its parts
        ``classification`` and ``consistency``, and, where there was a list to score, ``mean_ap``
        and the average precision of each class under its name (0..1).
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


def make_network(
    backbone: Backbone, n_classes: int, sipe: SIPESettings | None = None, seed: int = 0
) -> ClassificationNetwork:
    """A classification network before its training, the plain one or SIPE's."""
    if sipe is None:
        return ClassificationNetwork(backbone, n_classes, seed)
    return SIPENetwork(backbone, n_classes, seed, sipe)


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
    if "network" not in content or "preset" not in content.get("setting", {}):
        raise WeightsError(
            f"{shown(path)} is no checkpoint of this kit's classification networks. Train one "
            "with 'wsss train classifier'."
        )
    backbone = build_backbone(content["setting"]["preset"]["backbone"], path)
    sipe = content["setting"].get("sipe")
    sipe = None if sipe is None else SIPESettings(**sipe)
    network = make_network(backbone, len(content["classes"]), sipe)
    network.load_state_dict(content["network"])
    return Trained(
        network=network.to(choose_device(device)).eval(),
        classes=tuple(content["classes"]),
        history=pd.DataFrame(json.loads(content["history"])),
        setting=content["setting"],
        path=path,
    )
