"""Training a segmentation network with masks, true or pseudo ones; a stopped training goes on."""

import hashlib
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path

import torch
from torch.utils.data import DataLoader
from tqdm.auto import tqdm

from wsss_lib.checkpoints import checkpoint_path, read_progress
from wsss_lib.classify.spec import choose_classifier
from wsss_lib.datasets.devkit import DevkitDataset, open_devkit
from wsss_lib.datasets.readable import check_readable
from wsss_lib.devices import choose_device
from wsss_lib.errors import DataError
from wsss_lib.files import sha256
from wsss_lib.metrics import iou, mean_iou
from wsss_lib.segment.caffe import CaffeBackbone, first_backbone
from wsss_lib.segment.crops import SegmentationCrops
from wsss_lib.segment.network import DeepLabV2
from wsss_lib.segment.presets import PRESETS, SegmenterPreset
from wsss_lib.segment.segmenter import pooled_confusion, probabilities
from wsss_lib.training import Training, choose_settings


def train_segmenter(
    dataset: DevkitDataset,
    *,
    seed: int = 0,
    val_list: str | None = "val",
    device: str = "cpu",
    workers: int = 0,
    **changes: object,
) -> Path:
    """Train a segmentation network, or go on with a training that was stopped.

    After every epoch a checkpoint is written into the cache; its name carries a key of all that
    determines the training, the masks among it. A finished one is left as it is.

    Parameters
    ----------
    dataset : DevkitDataset
        Images and the masks that are learnt from: the data set's own, or a folder of pseudo masks
        (its ``masks``). Its name chooses the preset.
    seed : int
    val_list : str, optional
        The list of the same devkit whose mIoU is taken after every epoch, against the masks in
        SegmentationClass; it does not change the training. None for none.
    device : str
        Where to train, see `wsss_lib.devices.choose_device`.
    workers : int
        Processes that read images.
    **changes
        What differs from the data set's preset, see `SegmenterPreset`; None keeps it.

    Returns
    -------
    Path
        The checkpoint, see `wsss_lib.segment.segmenter.load_segmenter`.

    Raises
    ------
    DataError
        If an image or a mask of either list is missing or bad: before the first step.
    ParameterError
        If a setting is unknown or out of range, or there is no such device.
    WeightsError
        If the first weights are not there or do not fit.
    """
    device = choose_device(device)
    settings = choose_settings(PRESETS, dataset.name, changes)
    dataset.check_files()
    weights = settings.weights
    if weights in ("trained", "sipe"):
        how = {"root": dataset.root, "device": device}
        weights = choose_classifier(dataset.name, weights, settings.backbone, **how)
    backbone = first_backbone(settings.backbone, weights, seed)
    setting = {
        "dataset": dataset.name,
        "images": len(dataset),
        "files_sha256": _fingerprint(dataset),
        "weights": asdict(backbone.weights),
        "layout": "caffe" if isinstance(backbone, CaffeBackbone) else "torchvision",
        "segmenter": asdict(settings),
        "seed": seed,
    }
    path = checkpoint_path(f"{dataset.name}-deeplab-{settings.backbone}", setting)
    if read_progress(path)["epoch"] < settings.epochs:
        val = None  # with the official masks, whatever the training's are
        if val_list is not None:
            val = open_devkit(dataset.name, dataset.root, dataset.classes, val_list)
        check_readable(dataset, *([] if val is None else [val]), masks=True)
        network = DeepLabV2(backbone, len(dataset.classes), settings.rates, seed).to(device)
        _train(network, dataset, val, settings, setting, path, workers)
    return path


def _fingerprint(dataset: DevkitDataset) -> str:
    """A checksum of the ids in their order and of the bytes of their photographs and masks."""
    digest = hashlib.sha256()
    for id_ in tqdm(dataset.ids, desc="reading masks", unit="image", delay=2, leave=False):
        files = dataset.image_path(id_), dataset.mask_path(id_)
        digest.update(" ".join([id_, *map(sha256, files)]).encode() + b"\n")
    return digest.hexdigest()


def _train(
    network: DeepLabV2,
    dataset: DevkitDataset,
    val: DevkitDataset | None,
    settings: SegmenterPreset,
    setting: dict,
    path: Path,
    workers: int,
) -> None:
    """Run the epochs that are left."""
    source = {"list": Path(dataset.list_name).name, "masks": Path(dataset.masks).name}
    source["val"] = None if val is None else Path(val.list_name).name
    training = Training(
        network,
        settings,
        partial(_batches, dataset, settings, setting["seed"], workers),
        partial(_losses, network),
        path,
        {"classes": list(dataset.classes.names), "setting": setting, "source": source},
        dict if val is None else _validation(network, val),
        f"training DeepLabV2, {settings.backbone} on {dataset.name}",
    )
    try:
        training.run()
    except DataError:
        check_readable(dataset, masks=True)  # of a reading process only a traceback arrives here
        raise


def _batches(
    dataset: DevkitDataset, settings: SegmenterPreset, seed: int, workers: int, epoch: int
) -> DataLoader:
    how = {"crop": settings.crop, "factors": settings.factors, "batch": settings.batch}
    return SegmentationCrops(dataset, **how, seed=seed, epoch=epoch).batches(workers)


def _losses(network: DeepLabV2, batch: list) -> dict[str, torch.Tensor]:
    images, valid, labels = batch
    device = next(network.parameters()).device
    x = network.backbone.normalise(images.numpy()) * valid[:, None].to(device)
    return network.losses(x, labels.to(device))


def _validation(network: DeepLabV2, val: DevkitDataset) -> Callable[[], dict[str, float]]:
    """What gives the IoU of each class on a list, and their mean."""

    def scores() -> dict[str, float]:
        network.eval()
        confusion = pooled_confusion(lambda image: probabilities(network, image).argmax(0), val)
        classes = dict(zip(val.classes.names, iou(confusion).tolist(), strict=True))
        return {"mean_iou": mean_iou(confusion), **classes}

    return scores
