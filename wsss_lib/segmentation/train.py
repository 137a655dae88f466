"""Training the segmentation network: settings, crops of images and masks, checkpoints."""

from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np

from wsss_lib.checkpoints import checkpoint_path, read_progress
from wsss_lib.classify.crops import EpochCrops, augment_pair, network_input
from wsss_lib.classify.spec import choose_classifier
from wsss_lib.datasets.devkit import DevkitDataset, check_readable, fingerprint
from wsss_lib.errors import DataError, ParameterError
from wsss_lib.metrics import iou, mean_iou
from wsss_lib.segmentation.network import CaffeBackbone, DeepLabV2, first_backbone
from wsss_lib.segmentation.segmenter import pooled_confusion, probabilities
from wsss_lib.training import (
    Training,
    TrainingSettings,
    choose_device,
)


@dataclass(frozen=True, kw_only=True)
class SegmenterSettings(TrainingSettings):
    """Settings of a training of the segmentation network; None leaves a value to the preset.

    Attributes
    ----------
    backbone : str
        See `wsss_lib.classify.backbones.build_backbone`.
    weights : str
        See `wsss_lib.segmentation.network.first_backbone`; ``"trained"`` and ``"sipe"``, too: the
        classification network of the data set, trained without SIPE or with it.
    crop : int
        Side of the square crops in pixels.
    factors : tuple of float
        Of an image's size; one is drawn for each crop.
    rates : tuple of int
        Dilations of the pyramid in cells of 8 pixels. The greatest should be well below the crop's
        cells: beyond it the outer weights see no pixel in training, and some at test time.
    accumulate : int
        Parts of a batch, taken one after the other: its loss is the mean of theirs, each of which
        is a mean over its own cells.
    epochs, batch, optimiser, lr, head_factor, momentum, weight_decay, power, clip_norm
        See `wsss_lib.training.TrainingSettings`; the biases of the new layers learn at twice the
        rate of their weights, and do not decay.
    """

    backbone: str | None = None
    weights: str | None = None
    crop: int | None = None
    factors: tuple[float, ...] | None = None
    rates: tuple[int, ...] | None = None
    accumulate: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("factors", "rates"):
            values = getattr(self, name)
            if values is not None and not (values and min(values) > 0):
                raise ParameterError(f"{name}={values}; positive ones were expected.")


PRESETS = SegmenterSettings.presets("segmenter")


class SegmentationCrops(EpochCrops):
    """The crops of one epoch with their masks; the settings are `SegmenterSettings`."""

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A crop, where it shows its image, and its mask, which is void beyond.

        Shapes (crop, crop, 3) uint8, (crop, crop) bool and (crop, crop) uint8.
        """
        sample, rng = self.dataset[index], self.random(index)
        factor = rng.choice(self.settings.factors)
        return augment_pair(sample.image, sample.mask, factor, self.settings.crop, rng)


def train_segmenter(
    dataset: DevkitDataset,
    settings: SegmenterSettings = SegmenterSettings(),
    *,
    seed: int = 0,
    val_list: str | None = "val",
    device: str = "cpu",
    workers: int = 0,
) -> Path:
    """Train a segmentation network, or resume a training that was stopped.

    After every epoch a checkpoint is written into the cache; its name carries a key of all that
    determines the training, the masks among it. A finished one is left as it is.

    Parameters
    ----------
    dataset : DevkitDataset
        Images and the masks that are learnt from: the data set's own, or a folder of pseudo masks
        (its ``masks``). Its name chooses the preset.
    settings : SegmenterSettings
        What differs from the preset.
    seed : int
    val_list : str, optional
        The list of the same devkit whose mIoU is taken after every epoch, against the masks in
        SegmentationClass; it does not change the training. None for none; without a list ``val``
        or without SegmentationClass there is none, either, which is said.
    device : str
        Where to train, see `wsss_lib.training.choose_device`.
    workers : int
        Processes that read images.

    Returns
    -------
    Path
        The checkpoint, see `wsss_lib.segmentation.segmenter.load_segmenter`.

    Raises
    ------
    DataError
        If an image or a mask of either list is missing or bad: before the first step.
    ParameterError
        If a setting is out of range, there is no such device, or (`DivergedError`) it diverges.
    WeightsError
        If the first weights are not there or do not fit, or a training of the same images and masks
        has other classes.
    """
    device = choose_device(device)
    settings = settings.completed(PRESETS, dataset.name)
    dataset.check_files()
    weights = settings.weights
    if weights in ("trained", "sipe"):
        weights = choose_classifier(dataset, weights, settings.backbone, device=device)
    backbone = first_backbone(settings.backbone, weights, seed)
    setting = {
        "dataset": dataset.name,
        "images": len(dataset),
        "files_sha256": fingerprint(dataset),
        "weights": asdict(backbone.weights),
        "layout": "caffe" if isinstance(backbone, CaffeBackbone) else "torchvision",
        "segmenter": asdict(settings),
        "seed": seed,
    }
    path = checkpoint_path(f"{dataset.name}-deeplab-{settings.backbone}", setting)
    classes = list(dataset.classes.names)
    if read_progress(path, classes)["epoch"] == settings.epochs:
        return path
    network = DeepLabV2(backbone, len(dataset.classes), settings.rates, seed).to(device)
    # with the official masks, whatever the training's are
    val = dataset.validation(val_list)
    check_readable(dataset, *filter(None, [val]), masks=True)
    source = {"list": Path(dataset.list_name).name, "masks": Path(dataset.masks).name}
    source["val"] = None if val is None else Path(val.list_name).name
    training = Training(
        network,
        settings,
        lambda epoch: SegmentationCrops(dataset, settings, seed, epoch).batches(workers),
        lambda batch: network.losses(*network_input(network, batch)[:2]),
        path,
        {"classes": classes, "setting": setting, "source": source},
        dict if val is None else partial(_validate, network, val),
        f"training DeepLabV2, {settings.backbone} on {dataset.name}",
        settings.accumulate,
    )
    try:
        training.run()
    except DataError:
        check_readable(dataset, masks=True)  # of a reading process only a traceback arrives here
        raise
    return path


def _validate(network: DeepLabV2, val: DevkitDataset) -> dict[str, float]:
    """The IoU of each class on a list, and their mean."""
    network.eval()
    confusion = pooled_confusion(lambda image: probabilities(network, image).argmax(0), val)
    classes = dict(zip(val.classes.names, iou(confusion).tolist(), strict=True))
    return {"mean_iou": mean_iou(confusion), **classes}
