"""The training of IRN's edge network: its crops, its settings on each data set, its checkpoint.

It learns from affinity labels (`wsss_lib.weak.irn.labels`), which are made first where they are
missing, or from masks that are there already. Like every training of the kit it resumes where it
stopped (`wsss_lib.training`).
"""

import hashlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from wsss_lib.checkpoints import checkpoint_path, read_progress
from wsss_lib.classify.backbones import build_backbone
from wsss_lib.classify.crops import EpochCrops, augment_pair, network_input
from wsss_lib.classify.spec import choose_backbone, training_images
from wsss_lib.datasets.devkit import DevkitDataset, check_readable, fingerprint
from wsss_lib.errors import ParameterError
from wsss_lib.training import (
    Trained,
    Training,
    TrainingSettings,
    choose_device,
    load_checkpoint,
)
from wsss_lib.weak.irn.labels import make_affinity_labels
from wsss_lib.weak.irn.network import EdgeNetwork
from wsss_lib.weak.seeds import Localiser

#: Least and greatest factor of an image's size.
SCALES = (0.5, 1.5)


class AffinityCrops(EpochCrops):
    """The crops of one epoch, randomly scaled and mirrored, with their affinity labels (IRN).

    The labels are the masks of the data set; the settings are `EdgeSettings`.
    """

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A crop, where it shows its image, and its labels at 1/4, neither mixed nor smoothed.

        Shapes (crop, crop, 3) uint8, (crop, crop) bool and (crop / 4, crop / 4) uint8; 255 beyond
        the image.
        """
        sample, rng = self.dataset[index], self.random(index)
        factor, size = rng.uniform(*SCALES), self.settings.crop
        crop, valid, labels = augment_pair(sample.image, sample.mask, factor, size, rng)
        return crop, valid, labels[2::4, 2::4]


@dataclass(frozen=True, kw_only=True)
class EdgeSettings(TrainingSettings):
    """Settings of a training of the edge network; None leaves a value to the preset.

    Attributes
    ----------
    weights : str
        Of the frozen backbone, see `choose_backbone`.
    crop : int
        Side of the square crops in pixels, a multiple of 4.
    radius : int
        Of the pairs, in cells of 4 pixels.
    epochs, batch, optimiser, lr, head_factor, momentum, weight_decay, power, clip_norm
        See `wsss_lib.training.TrainingSettings`; the backbone does not learn, so `lr` is that of
        the new layers and `head_factor` has no effect.
    """

    weights: str | None = None
    crop: int | None = None
    radius: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.crop is None or self.radius is None:
            return
        cells = self.crop // 4
        if self.crop % 4 or self.radius < 2 or cells < 2 * self.radius - 1:
            raise ParameterError(
                f"crop={self.crop}, radius={self.radius}; expected a crop that is a multiple of 4 "
                "pixels, and of at least 2 x radius - 1 cells of 4 pixels."
            )


PRESETS = EdgeSettings.presets("irn")

#: How many images of its list the edge network of a data set learns from, from the start; None for
#: all. On toy more do not make the masks better, and their affinity labels would take minutes.
EDGE_IMAGES = {"toy": 32, "voc": None}


def train_irn(
    dataset: DevkitDataset,
    localiser: Localiser | None,
    settings: EdgeSettings = EdgeSettings(),
    *,
    backbone: str | None = None,
    seed: int = 0,
    device: str = "cpu",
    workers: int | None = None,
) -> Path:
    """Train IRN's edge network, or resume a training that was stopped.

    The affinity labels are made first, each image's kept in the cache as soon as it is done.

    Parameters
    ----------
    dataset : DevkitDataset
        Images and their image-level labels, or masks; its name chooses the preset.
    localiser : Localiser, optional
        The maps that affinity labels are made of. None: the masks of the data set take their place
        (``replace(dataset, masks=FOLDER)`` for pseudo masks); 255 is of no pair. The checkpoint's
        name depends on what they hold.
    settings : EdgeSettings
        What differs from the preset.
    backbone : str, optional
        What stands, frozen, below the edge branch; by default the kind that the localiser's network
        has or, without one, the data set's classification network.
    seed : int
    device : str
        Where to train, see `wsss_lib.training.choose_device`.
    workers : int, optional
        Processes that make the affinity labels.

    Returns
    -------
    Path
        The checkpoint, see `load_edges`.

    Raises
    ------
    DataError
        If an image, or a mask that is learnt from, is missing or bad: before the first step.
    ParameterError
        If a setting is out of range, or there is no such device.
    WeightsError
        If the weights of the localiser or of the backbone are not there.
    """
    device = choose_device(device)
    settings = settings.completed(PRESETS, dataset.name)
    dataset.check_files(need_masks=localiser is None)
    if backbone is None and localiser is not None:
        backbone = localiser.load().network.backbone.name
    spec = choose_backbone(dataset, backbone, settings.weights, device=device)
    below = build_backbone(spec.name, spec.weights)  # none of timm's, whose strides are others
    labelled, labels = _labelled(dataset, localiser, workers)
    setting = {
        "dataset": dataset.name,
        **labels,
        "backbone": below.name,
        "weights": asdict(below.weights),
        "irn": asdict(settings),
        "seed": seed,
    }
    path = checkpoint_path(f"{dataset.name}-irn-{below.name}", setting)
    if read_progress(path)["epoch"] < settings.epochs:
        if localiser is None:
            check_readable(labelled, masks=True)
        network = EdgeNetwork(below, settings.crop, seed).to(device)
        Training(
            network,
            settings,
            lambda epoch: AffinityCrops(labelled, settings, seed, epoch).batches(),
            lambda batch: network.losses(*network_input(network, batch)[:2], settings.radius),
            path,
            {"setting": setting},
            description=f"training IRN, {below.name} on {dataset.name}",
        ).run()
    return path


def _labelled(
    dataset: DevkitDataset, localiser: Localiser | None, workers: int | None
) -> tuple[DevkitDataset, dict[str, str]]:
    """The data set with the labels as its masks, and what they are in the checkpoint's setting."""
    if localiser is None:
        return dataset, {"files_sha256": fingerprint(dataset)}
    folder = make_affinity_labels(dataset, localiser, workers)
    # the photographs and their image-level labels, in the order of the ids
    images = "".join(f"{id_} {localiser.key(dataset, id_)}\n" for id_ in dataset.ids)
    digest = hashlib.sha256(images.encode()).hexdigest()
    return replace(dataset, masks=str(folder)), {"labels": localiser.name, "images_sha256": digest}


def trained_edges(
    dataset: DevkitDataset,
    localiser: Localiser,
    settings: EdgeSettings = EdgeSettings(),
    *,
    images: int | None = None,
    device: str = "cpu",
    workers: int | None = None,
) -> Path:
    """The edge network of a data set, trained now if it does not exist.

    Parameters
    ----------
    dataset : DevkitDataset
        Any list of it.
    localiser, settings, device, workers
        As in `train_irn`.
    images : int, optional
        How many of the training images; by default the data set's number in `EDGE_IMAGES`.
    """
    count = EDGE_IMAGES[dataset.name] if images is None else images
    opened = training_images(dataset, images=count, need_masks=False)
    return train_irn(opened, localiser, settings, device=device, workers=workers)


def load_edges(path: str | Path, device: str = "cpu") -> Trained:
    """Load a finished edge network; errors as of `load_checkpoint`."""
    return load_checkpoint(Path(path), "irn", _build, device)


def _build(content: dict) -> EdgeNetwork:
    setting = content["setting"]
    return EdgeNetwork(build_backbone(setting["backbone"]), setting["irn"]["crop"])
