"""Training a classification network, with SIPE or without: settings, scores, checkpoints."""

import hashlib
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from sklearn.metrics import average_precision_score
from tqdm.auto import tqdm

from wsss_lib.checkpoints import check_classes, checkpoint_path, read_progress
from wsss_lib.classify.backbones import Backbone, build_backbone
from wsss_lib.classify.crops import ClassifierCrops, network_input
from wsss_lib.classify.network import ClassificationNetwork
from wsss_lib.classify.sipe import SIPENetwork, SIPESettings
from wsss_lib.datasets.devkit import DevkitDataset, check_readable
from wsss_lib.errors import ImageError, ParameterError
from wsss_lib.training import (
    Trained,
    Training,
    TrainingSettings,
    check_finite,
    choose_device,
    load_checkpoint,
)


@dataclass(frozen=True, kw_only=True)
class ClassifierSettings(TrainingSettings):
    """Settings of a training; None leaves a value to the data set's preset.

    Attributes
    ----------
    backbone, weights : str
        See `build_backbone`; the weights may be ``"trained"``, too: the network of the data set
        that was trained without SIPE.
    crop : int
        Side of the square crops in pixels.
    long_side : tuple of int
        Range of the longer side after scaling; a preset without one keeps the size.
    epochs, batch, optimiser, lr, head_factor, momentum, weight_decay, power, clip_norm
        See `wsss_lib.training.TrainingSettings`.
    """

    backbone: str | None = None
    weights: str | None = None
    crop: int | None = None
    long_side: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        sides = self.long_side
        if sides is not None and not (len(sides) == 2 and 1 <= sides[0] <= sides[1]):
            raise ParameterError(f"long_side={sides}; expected the least and the greatest, from 1.")


PRESETS = ClassifierSettings.presets("classifier")
SIPE_PRESETS = ClassifierSettings.presets("sipe")


def image_scores(network: ClassificationNetwork, dataset: DevkitDataset) -> np.ndarray:
    """The scores (logits) of whole images at their own size.

    Parameters
    ----------
    network : ClassificationNetwork
        Put in evaluation mode.
    dataset : DevkitDataset

    Returns
    -------
    ndarray, shape (images, object classes), float32
    """
    network.eval()
    ids = tqdm(dataset.ids, desc="scoring images", unit="image", delay=2, leave=False)
    with torch.no_grad():
        rows = [network(network.backbone.normalise(dataset.image(id_))).cpu() for id_ in ids]
    return torch.cat(rows).numpy()


def average_precision(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The average precision of each class.

    Parameters
    ----------
    labels : ndarray, shape (images, classes)
        Zeros and ones.
    scores : ndarray, shape (images, classes)

    Returns
    -------
    ndarray, shape (classes,), float64
        In 0..1; NaN for a class that no image shows.

    Raises
    ------
    DivergedError
        If a score is not finite.
    """
    check_finite(scores, "Scores")
    return np.array(
        [
            average_precision_score(truth, score) if truth.any() else np.nan
            for truth, score in zip(labels.T, scores.T, strict=True)
        ]
    )


def make_network(
    backbone: Backbone, n_classes: int, sipe: SIPESettings | None = None, seed: int = 0
) -> ClassificationNetwork:
    """A classification network before its training, the plain one or SIPE's."""
    if sipe is None:
        return ClassificationNetwork(backbone, n_classes, seed)
    return SIPENetwork(backbone, n_classes, seed, sipe)


def load_trained(
    path: str | Path, device: str = "cpu", dataset: DevkitDataset | None = None
) -> Trained:
    """Load a finished classification network; errors as of `load_checkpoint`.

    With a data set that it is to be used on, its classes must be the data set's (`WeightsError`).
    Its history has, with SIPE, the parts of the loss ``classification`` and ``consistency`` and,
    where there was a list to score, ``mean_ap`` and the average precision of each class under its
    name (0..1).
    """
    trained = load_checkpoint(Path(path), "preset", _build, device)
    if dataset is not None:
        check_classes(trained.path, trained.classes, dataset.classes.names[1:])
    return trained


def _build(content: dict) -> ClassificationNetwork:
    setting = content["setting"]
    sipe = SIPESettings(**setting["sipe"]) if "sipe" in setting else None
    backbone = build_backbone(setting["preset"]["backbone"])
    return make_network(backbone, len(content["classes"]), sipe)


def train_classifier(
    dataset: DevkitDataset,
    settings: ClassifierSettings = ClassifierSettings(),
    *,
    sipe: SIPESettings | None = None,
    seed: int = 0,
    val_list: str | None = "val",
    device: str = "cpu",
    workers: int = 0,
) -> Path:
    """Train a classification network, or resume a training that was stopped.

    After every epoch a checkpoint is written into the cache; its name carries a key of all that
    determines the training. A finished one is left as it is. Random numbers come from (seed, epoch,
    image) alone, so a training that was stopped ends as if it had not been.

    Parameters
    ----------
    dataset : DevkitDataset
        Images and their image-level labels; its name chooses the preset.
    settings : ClassifierSettings
        What differs from the preset.
    sipe : SIPESettings, optional
        Train with SIPE's head and its second loss; the plain network when left out.
    seed : int
    val_list : str, optional
        The list of the same devkit whose average precision is taken after every epoch; it does not
        change the training. None for none; without a list ``val`` there is none, either, which is
        said.
    device : str
        Where to train, see `wsss_lib.training.choose_device`.
    workers : int
        Processes that read images.

    Returns
    -------
    Path
        The checkpoint, see `load_trained`.

    Raises
    ------
    DataError
        If an image of either list is missing or bad or has no labels: before the first step.
    ParameterError
        If a setting is out of range, there is no such device, or (`DivergedError`) it diverges.
    WeightsError
        If the first weights are not there, or a training of the same images has other classes.
    """
    device = choose_device(device)
    dataset.check_files(need_masks=False)
    settings = settings.completed(PRESETS if sipe is None else SIPE_PRESETS, dataset.name)
    weights = settings.weights
    if weights == "trained":
        plain = ClassifierSettings(backbone=settings.backbone)
        weights = train_classifier(
            dataset, plain, val_list=val_list, device=device, workers=workers
        )
    backbone = build_backbone(settings.backbone, weights, seed)
    labels = dataset.label_matrix()
    # all that determines the training, in plain values; of the photographs only ids and sizes
    setting = {
        "dataset": dataset.name,
        "images": len(dataset),
        "files_sha256": _fingerprint(dataset),
        "labels_sha256": hashlib.sha256(labels.tobytes()).hexdigest(),
        "label_source": dataset.label_source,
        "weights": asdict(backbone.weights),
        "preset": asdict(settings),
        "seed": seed,
        **({} if sipe is None else {"sipe": asdict(sipe)}),
    }
    path = checkpoint_path(f"{dataset.name}-{settings.backbone}", setting)
    classes = list(dataset.classes.names[1:])
    if read_progress(path, classes)["epoch"] == settings.epochs:
        return path
    network = make_network(backbone, len(dataset.classes) - 1, sipe, seed).to(device)
    # with the official masks, whatever the training's are
    val = dataset.validation(val_list, need_masks=False)
    check_readable(dataset, *filter(None, [val]))
    training = Training(
        network,
        settings,
        lambda epoch: ClassifierCrops(dataset, settings, seed, epoch, labels).batches(workers),
        lambda batch: network.losses(*network_input(network, batch)),
        path,
        {"classes": classes, "setting": setting},
        dict if val is None else partial(_validate, network, val, val.label_matrix()),
        f"training {'SIPE, ' if sipe else ''}{settings.backbone} on {dataset.name}",
    )
    try:
        training.run()
    except ImageError:
        check_readable(dataset)  # of a reading process only a traceback arrives here
        raise
    return path


def _fingerprint(dataset: DevkitDataset) -> str:
    """A checksum of the ids in their order and of the sizes of their photographs, in bytes."""
    sizes = [f"{id_} {dataset.image_path(id_).stat().st_size}\n" for id_ in dataset.ids]
    return hashlib.sha256("".join(sizes).encode()).hexdigest()


def _validate(
    network: ClassificationNetwork, val: DevkitDataset, labels: np.ndarray
) -> dict[str, float]:
    """The average precision of each class on a list, and their mean."""
    ap = average_precision(labels, image_scores(network, val))
    classes = dict(zip(val.classes.names[1:], ap.tolist(), strict=True))
    return {"mean_ap": float(np.nanmean(ap)), **classes}
