"""Training a classification network with image-level labels; a stopped training goes on."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import nn
from tqdm.auto import tqdm

from wsss_lib.classify.backbones import build_backbone
from wsss_lib.classify.checkpoint import Trained, load_trained, write_checkpoint
from wsss_lib.classify.crops import Crops
from wsss_lib.classify.network import ClassificationNetwork
from wsss_lib.classify.precision import average_precision, image_scores
from wsss_lib.classify.presets import Preset, preset
from wsss_lib.classify.weights import WeightsInfo, read_tensors
from wsss_lib.datasets.devkit import DevkitDataset, open_devkit
from wsss_lib.devices import choose_device
from wsss_lib.errors import ImageError
from wsss_lib.paths import cache_dir, shown


def train_classifier(
    dataset: DevkitDataset,
    *,
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
    settings = preset(dataset.name, **changes)
    backbone = build_backbone(settings.backbone, settings.weights, seed)
    labels = dataset.label_matrix()
    setting = _setting(dataset, labels, backbone.weights, settings, seed)
    path = _checkpoint_path(setting)
    content = read_tensors(path) if path.is_file() else {"epoch": 0, "history": "[]"}
    if content["epoch"] < settings.epochs:
        network = ClassificationNetwork(backbone, len(dataset.classes) - 1, seed).to(device)
        val = None  # with the official masks, whatever the training's are
        if val_list is not None:
            val = open_devkit(dataset.name, dataset.root, dataset.classes, val_list)
        _check_images(dataset, *([] if val is None else [val]))
        with torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True):
            _train(network, dataset, labels, val, setting, content, path, workers)
    return path


def trained_classifier(
    dataset: DevkitDataset, *, device: str = "cpu", **arguments: object
) -> Trained:
    """The trained network of a data set, trained now if it has not been; see `train_classifier`."""
    return load_trained(train_classifier(dataset, device=device, **arguments), device)


def _setting(
    dataset: DevkitDataset, labels: np.ndarray, weights: WeightsInfo, settings: Preset, seed: int
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


def _checkpoint_path(setting: dict) -> Path:
    key = hashlib.sha256(json.dumps(setting, sort_keys=True).encode()).hexdigest()[:10]
    name = f"{setting['dataset']}-{setting['preset']['backbone']}-{key}.pth"
    return cache_dir() / "weights" / name


def _check_images(*datasets: DevkitDataset) -> None:
    """Read every image once, so that bad ones are told now and not hours into the training.

    Raises
    ------
    ImageError
        Naming them all.
    """
    images = [(dataset, id_) for dataset in datasets for id_ in dataset.ids]
    problems = {}
    for dataset, id_ in tqdm(images, desc="checking images", unit="image"):
        try:
            dataset.image(id_)
        except ImageError as error:
            problems[id_] = str(error)
    if problems:
        raise ImageError(
            f"{len(problems)} of {len(images)} images cannot be read: {', '.join(problems)}. The "
            f"first: {next(iter(problems.values()))}"
        )


def _train(
    network: ClassificationNetwork,
    dataset: DevkitDataset,
    labels: np.ndarray,
    val: DevkitDataset | None,
    setting: dict,
    content: dict,
    path: Path,
    workers: int,
) -> None:
    """Run the epochs that are left, writing a checkpoint after each."""
    settings, history = setting["preset"], json.loads(content["history"])
    optimiser = _optimiser(network, settings)
    if content["epoch"]:
        network.load_state_dict(content["network"])
        optimiser.load_state_dict(content["optimiser"])
    val_labels = None if val is None else val.label_matrix()
    steps = len(Crops(dataset, labels, setting, 0).batches())
    with tqdm(
        desc=f"training {settings['backbone']} on {dataset.name}",
        total=settings["epochs"] * steps,
        initial=content["epoch"] * steps,
        unit="step",
    ) as bar:
        for epoch in range(content["epoch"], settings["epochs"]):
            crops = Crops(dataset, labels, setting, epoch)
            try:
                row = {"epoch": epoch + 1, "loss": _epoch(network, optimiser, crops, workers, bar)}
            except ImageError:
                _check_images(dataset)  # of a reading process only a traceback arrives here
                raise
            if val is not None:
                ap = average_precision(val_labels, image_scores(network, val, progress=False))
                row |= {"mean_ap": float(np.nanmean(ap))}
                row |= dict(zip(dataset.classes.names[1:], ap.tolist(), strict=True))
            history.append(row)
            finished = epoch + 1 == settings["epochs"]
            write_checkpoint(
                path,
                {
                    "epoch": epoch + 1,
                    "network": network.state_dict(),
                    "optimiser": None if finished else optimiser.state_dict(),
                    "history": json.dumps(history),
                    "classes": list(dataset.classes.names[1:]),
                    "setting": setting,
                },
            )


def _optimiser(network: ClassificationNetwork, settings: dict) -> torch.optim.Optimizer:
    groups = network.parameter_groups(settings["lr"], settings["head_factor"])
    decay, momentum = settings["weight_decay"], settings["momentum"]
    if settings["optimiser"] == "sgd":
        return torch.optim.SGD(groups, momentum=momentum, weight_decay=decay)
    return torch.optim.AdamW(groups, betas=(momentum, 0.999), weight_decay=decay)


def _epoch(
    network: ClassificationNetwork,
    optimiser: torch.optim.Optimizer,
    crops: Crops,
    workers: int,
    bar: tqdm,
) -> float:
    """Train for one epoch and give the mean loss of its steps."""
    network.train()
    settings, batches, losses = crops.preset, crops.batches(workers), []
    device = next(network.parameters()).device
    for index, (images, valid, labels) in enumerate(batches):
        done = (crops.epoch + index / len(batches)) / settings["epochs"]
        for group in optimiser.param_groups:
            group["lr"] = group["initial_lr"] * (1 - done) ** settings["power"]
        valid = valid.to(device)
        x = network.backbone.normalise(images.numpy()) * valid[:, None]
        loss = network.loss(x, labels.to(device), valid)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), settings["clip_norm"])
        optimiser.step()
        losses.append(loss.item())
        bar.update()
        bar.set_postfix(epoch=crops.epoch + 1, loss=f"{losses[-1]:.3f}")
    return float(np.mean(losses))
