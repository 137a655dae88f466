"""Training IRN's edge network with affinity labels made of a classification network's maps."""

import hashlib
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path

import torch
from torch.utils.data import DataLoader

from wsss_lib.checkpoints import checkpoint_path, read_progress, read_tensors
from wsss_lib.classify.backbones import build_backbone
from wsss_lib.classify.spec import choose_backbone, training_images
from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.devices import choose_device
from wsss_lib.errors import ParameterError, WeightsError
from wsss_lib.expand.localise import Localiser
from wsss_lib.paths import shown
from wsss_lib.refine.irn.crops import AffinityCrops
from wsss_lib.refine.irn.label_files import make_affinity_labels
from wsss_lib.refine.irn.network import EdgeNetwork
from wsss_lib.training import Optimisation, Training, choose_settings


@dataclass(frozen=True, kw_only=True)
class IRNPreset(Optimisation):
    """Settings of a training of the edge network.

    Attributes
    ----------
    weights : str
        Of the frozen backbone, see `choose_backbone`.
    crop : int
        Side of the square crops in pixels, a multiple of 4.
    radius : int
        Of the pairs, in cells of 4 pixels.
    epochs, batch, optimiser, lr, head_factor, momentum, weight_decay, power, clip_norm
        See `wsss_lib.training.Optimisation`; there is no learning backbone, so that `lr` is the new
        layers' and `head_factor` has no effect.
    """

    weights: str
    crop: int
    radius: int

    def __post_init__(self) -> None:
        super().__post_init__()
        cells = self.crop // 4
        if self.crop % 4 or self.radius < 2 or cells < 2 * self.radius - 1:
            raise ParameterError(
                f"crop={self.crop}, radius={self.radius}; expected a crop that is a multiple of 4 "
                "pixels, and of at least 2 x radius - 1 cells of 4 pixels."
            )


PRESETS = {
    # small images, hence few pairs of a smaller radius, and few steps
    "toy": IRNPreset(
        epochs=8,
        batch=8,
        optimiser="adamw",
        lr=1e-2,
        head_factor=1,
        momentum=0.9,
        weight_decay=1e-4,
        weights="trained",
        crop=96,
        radius=5,
    ),
    # IRN's released script; its momentum is SIPE's, see `wsss_lib.classify.presets.PRESETS`
    "voc": IRNPreset(
        epochs=3,
        batch=32,
        optimiser="sgd",
        lr=0.1,
        head_factor=1,
        momentum=1e-4,
        weight_decay=1e-4,
        clip_norm=float("inf"),
        weights="imagenet",
        crop=512,
        radius=10,
    ),
}

#: How many images of its list the edge network of a data set learns from, from the start; None for
#: all. On toy more do not make the masks better, and their affinity labels would take minutes.
EDGE_IMAGES = {"toy": 32, "voc": None}


def train_irn(
    dataset: DevkitDataset,
    localiser: Localiser,
    *,
    seed: int = 0,
    device: str = "cpu",
    workers: int = 1,
    **changes: object,
) -> Path:
    """Train IRN's edge network, or go on with a training that was stopped.

    The affinity labels are made first, each image's kept in the cache as soon as it is done.

    Parameters
    ----------
    dataset : DevkitDataset
        Images and their image-level labels; its name chooses the preset.
    localiser : Localiser
        The maps that affinity labels are made of; its network's kind of backbone, frozen, stands
        below the edge branch.
    seed : int
    device : str
        Where to train, see `wsss_lib.devices.choose_device`.
    workers : int
        Processes that make the affinity labels.
    **changes
        What differs from the data set's preset, see `IRNPreset`; None keeps it.

    Returns
    -------
    Path
        The checkpoint, see `load_edges`.

    Raises
    ------
    DataError
        If an image is missing or bad.
    ParameterError
        If a setting is unknown or out of range, or there is no such device.
    WeightsError
        If the weights of the localiser or of the backbone are not there.
    """
    device = choose_device(device)
    settings = choose_settings(PRESETS, dataset.name, changes)
    kind = localiser.load().network.backbone.name
    backbone = choose_backbone(
        dataset.name, kind, settings.weights, root=dataset.root, device=device
    ).load()
    labels = make_affinity_labels(dataset, localiser, workers)
    setting = {
        "dataset": dataset.name,
        "labels": localiser.name,
        "images_sha256": _fingerprint(dataset, localiser),
        "backbone": backbone.name,
        "weights": asdict(backbone.weights),
        "irn": asdict(settings),
        "seed": seed,
    }
    path = checkpoint_path(f"{dataset.name}-irn-{backbone.name}", setting)
    if read_progress(path)["epoch"] < settings.epochs:
        network = EdgeNetwork(backbone, seed).to(device)
        Training(
            network,
            settings,
            partial(_batches, dataset, labels, settings, seed),
            partial(_losses, network, settings.radius),
            path,
            {"setting": setting},
            description=f"training IRN, {backbone.name} on {dataset.name}",
        ).run()
    return path


def trained_edges(
    dataset: str,
    localiser: Localiser,
    *,
    root: str | Path | None = None,
    images: int | None = None,
    **how: object,
) -> Path:
    """The edge network of a data set, trained now if it has not been.

    Parameters
    ----------
    dataset : {"toy", "voc"}
    localiser : Localiser
    root : path, optional
        The folder that holds ``VOCdevkit/``.
    images : int, optional
        How many of the training images; by default the data set's number in `EDGE_IMAGES`.
    **how
        Device, workers and what differs from the preset, as in `train_irn`.
    """
    count = EDGE_IMAGES[dataset] if images is None else images
    return train_irn(training_images(dataset, root=root, images=count), localiser, **how)


def load_edges(path: str | Path, device: str = "cpu") -> EdgeNetwork:
    """Load a finished edge network, in evaluation mode.

    Raises
    ------
    WeightsError
        If the file is missing, no edge network of this kit, or its training was stopped.
    """
    content = read_tensors(path)
    setting = content.get("setting", {})
    if "irn" not in setting:
        raise WeightsError(
            f"{shown(path)} is no edge network of this kit. Train one with 'wsss train irn'."
        )
    epoch, epochs = content["epoch"], setting["irn"]["epochs"]
    if epoch < epochs:
        raise WeightsError(
            f"The training in {shown(path)} was stopped after epoch {epoch} of {epochs}. "
            "Start it again with 'wsss train irn'; it goes on from there."
        )
    network = EdgeNetwork(build_backbone(setting["backbone"]))
    network.load_state_dict(content["network"])
    return network.to(choose_device(device)).eval()


def _fingerprint(dataset: DevkitDataset, localiser: Localiser) -> str:
    """A checksum of the photographs and their image-level labels, in the order of the ids."""
    lines = [f"{id_} {localiser.key(dataset, id_)}\n" for id_ in dataset.ids]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _batches(
    dataset: DevkitDataset, labels: Path, settings: IRNPreset, seed: int, epoch: int
) -> DataLoader:
    read = replace(dataset, masks=str(labels)).mask
    how = {"crop": settings.crop, "batch": settings.batch, "seed": seed, "epoch": epoch}
    return AffinityCrops(dataset, read, **how).batches()


def _losses(network: EdgeNetwork, radius: int, batch: list) -> dict[str, torch.Tensor]:
    images, valid, labels = batch
    device = next(network.parameters()).device
    x = network.backbone.normalise(images.numpy()) * valid[:, None].to(device)
    return network.losses(x, labels.to(device), radius)
