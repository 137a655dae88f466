"""Training a classification network with image-level labels; a stopped training goes on."""

import hashlib
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import numpy as np
import torch

from wsss_lib.checkpoints import checkpoint_path, read_progress
from wsss_lib.classify.backbones import build_backbone
from wsss_lib.classify.checkpoint import Trained, load_trained, make_network
from wsss_lib.classify.crops import Crops
from wsss_lib.classify.network import ClassificationNetwork
from wsss_lib.classify.precision import average_precision, image_scores
from wsss_lib.classify.presets import Preset, preset
from wsss_lib.classify.sipe.network import SIPESettings
from wsss_lib.classify.weights import WeightsInfo
from wsss_lib.datasets.devkit import DevkitDataset, open_devkit
from wsss_lib.datasets.readable import check_readable
from wsss_lib.devices import choose_device
from wsss_lib.errors import ImageError
from wsss_lib.paths import shown
from wsss_lib.training import Training


def train_classifier(
    dataset: DevkitDataset,
    *,
    sipe: SIPESettings | None = None,
    seed: int = 0,
    val_list: str | None = "val",
    device: str = "cpu",
    workers: int = 0,
    **changes: object,
) -> Path:
    """Train a classification network, or go on with a training that was stopped.

    After every epoch a checkpoint is written into the cache; its name carries a key of all that
    determines the training. A finished one is left as it is. Random numbers come from (seed, epoch,
    image) alone, so a training that was stopped ends as if it had not been.

    Parameters
    ----------
    dataset : DevkitDataset
        Images and their image-level labels; its name chooses the preset.
    sipe : SIPESettings, optional
        Train with SIPE's head and its second loss; the plain network when left out.
    seed : int
    val_list : str, optional
        The list of the same devkit whose average precision is taken after every epoch; it does not
        change the training. None for none.
    device : str
        Where to train, see `wsss_lib.devices.choose_device`.
    workers : int
        Processes that read images.
    **changes
        What differs from the data set's preset, see `Preset`: ``epochs=2``, say.

    Returns
    -------
    Path
        The checkpoint, see `load_trained`.

    Raises
    ------
    DataError
        If an image of either list is missing or bad: before the first step.
    ParameterError
        If a setting is unknown or out of range, or there is no such device.
    WeightsError
        If the first weights are not there.
    """
    device = choose_device(device)
    settings = preset(dataset.name, sipe is not None, **changes)
    weights = settings.weights
    if weights == "trained":
        weights = train_classifier(
            dataset, val_list=val_list, device=device, workers=workers, backbone=settings.backbone
        )
    backbone = build_backbone(settings.backbone, weights, seed)
    labels = dataset.label_matrix()
    setting = _setting(dataset, labels, backbone.weights, settings, sipe, seed)
    path = checkpoint_path(f"{dataset.name}-{settings.backbone}", setting)
    if read_progress(path)["epoch"] < settings.epochs:
        network = make_network(backbone, len(dataset.classes) - 1, sipe, seed).to(device)
        val = None  # with the official masks, whatever the training's are
        if val_list is not None:
            val = open_devkit(dataset.name, dataset.root, dataset.classes, val_list)
        check_readable(dataset, *([] if val is None else [val]))
        _train(network, dataset, labels, val, setting, path, workers)
    return path


def trained_classifier(
    dataset: DevkitDataset, *, device: str = "cpu", **arguments: object
) -> Trained:
    """The trained network of a data set, trained now if it has not been; see `train_classifier`."""
    return load_trained(train_classifier(dataset, device=device, **arguments), device)


def _setting(
    dataset: DevkitDataset,
    labels: np.ndarray,
    weights: WeightsInfo,
    settings: Preset,
    sipe: SIPESettings | None,
    seed: int,
) -> dict:
    """All that determines a training, in plain values; of the photographs only ids and sizes."""
    return {
        "dataset": dataset.name,
        "images": len(dataset),
        "files_sha256": _fingerprint(dataset),
        "labels_sha256": hashlib.sha256(labels.tobytes()).hexdigest(),
        "label_source": dataset.label_source,
        "weights": asdict(weights),
        "preset": asdict(settings),
        "seed": seed,
        **({} if sipe is None else {"sipe": asdict(sipe)}),
    }


def _fingerprint(dataset: DevkitDataset) -> str:
    """A checksum of the ids in their order and of the sizes of their photographs, in bytes.

    Raises
    ------
    ImageError
        If a photograph is missing.
    """
    digest = hashlib.sha256()
    for id_ in dataset.ids:
        path = dataset.image_path(id_)
        if not path.is_file():
            raise ImageError(f"No image {shown(path)}. Check the list {dataset.list_name!r}.")
        digest.update(f"{id_} {path.stat().st_size}\n".encode())
    return digest.hexdigest()


def _train(
    network: ClassificationNetwork,
    dataset: DevkitDataset,
    labels: np.ndarray,
    val: DevkitDataset | None,
    setting: dict,
    path: Path,
    workers: int,
) -> None:
    """Run the epochs that are left."""
    settings = Preset(**setting["preset"])
    method = "SIPE, " if "sipe" in setting else ""
    training = Training(
        network,
        settings,
        lambda epoch: Crops(dataset, labels, setting, epoch).batches(workers),
        partial(_losses, network),
        path,
        {"classes": list(dataset.classes.names[1:]), "setting": setting},
        dict if val is None else _validation(network, val),
        f"training {method}{settings.backbone} on {dataset.name}",
    )
    try:
        training.run()
    except ImageError:
        check_readable(dataset)  # of a reading process only a traceback arrives here
        raise


def _losses(network: ClassificationNetwork, batch: list) -> dict[str, torch.Tensor]:
    images, valid, labels = batch
    valid = valid.to(next(network.parameters()).device)
    x = network.backbone.normalise(images.numpy()) * valid[:, None]
    return network.losses(x, labels.to(valid.device), valid)


def _validation(
    network: ClassificationNetwork, val: DevkitDataset
) -> Callable[[], dict[str, float]]:
    """What gives the average precision of each class on a list, and their mean."""
    labels = val.label_matrix()

    def scores() -> dict[str, float]:
        ap = average_precision(labels, image_scores(network, val))
        classes = dict(zip(val.classes.names[1:], ap.tolist(), strict=True))
        return {"mean_ap": float(np.nanmean(ap)), **classes}

    return scores
