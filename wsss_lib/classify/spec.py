"""Which network gives the features, in words that fit on a command line."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from tqdm.auto import tqdm

from wsss_lib.classify.backbones import Backbone, build_backbone
from wsss_lib.classify.sipe import SIPESettings
from wsss_lib.classify.timm_networks import PREFIX, build_timm_network
from wsss_lib.classify.train import (
    PRESETS,
    ClassifierSettings,
    load_trained,
    train_classifier,
)
from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.datasets.lists import find_list
from wsss_lib.errors import WeightsError
from wsss_lib.paths import shown

#: The list and the masks (for image-level labels where there is no XML) that a network learns from.
TRAINING_LISTS = {
    "toy": ("train", "SegmentationClass"),
    "voc": ("trainaug", "SegmentationClassAug"),
}


@dataclass(frozen=True)
class BackboneSpec:
    """Which network gives F1 to F5; small, so that it is sent to workers instead of the network.

    Attributes
    ----------
    name : str
        As in `wsss_lib.classify.backbones.build_backbone`, or, for features alone, ``timm/NAME``
        as in `wsss_lib.classify.timm_networks.build_timm_network`.
    weights : str
        ``random``, ``imagenet`` or a file.
    seed : int
        Of random weights.
    """

    name: str
    weights: str = "imagenet"
    seed: int = 0

    def load(self) -> Backbone:
        """The network, built once in a process."""
        return _load(self)


@lru_cache(maxsize=2)
def _load(spec: BackboneSpec) -> Backbone:
    build = build_timm_network if spec.name.startswith(PREFIX) else build_backbone
    return build(spec.name, spec.weights, spec.seed)


def training_images(
    dataset: DevkitDataset,
    list_name: str | None = None,
    *,
    images: int | None = None,
    masks: str | None = None,
    need_masks: bool = True,
) -> DevkitDataset:
    """The images that a network of a data set learns from.

    Where the data set does not have the usual list, it is ``train``, which is said; where it does
    not have the usual masks, they are those in SegmentationClass.

    Parameters
    ----------
    dataset : DevkitDataset
        Any list of it.
    list_name : str, optional
        The list that is learnt from; by default the data set's in `TRAINING_LISTS`.
    images : int, optional
        Only the first so many ids.
    masks : str, optional
        A folder of masks; by default the data set's in `TRAINING_LISTS`.
    need_masks : bool
        Whether an id without a mask is an error.
    """
    usual_list, usual_masks = TRAINING_LISTS[dataset.name]
    if list_name is None and find_list(dataset.devkit, usual_list) is None:
        tqdm.write(f"{shown(dataset.devkit)} has no list {usual_list}: train is learnt from.")
        usual_list = "train"
    if not (dataset.devkit / usual_masks).is_dir():
        usual_masks = "SegmentationClass"
    return dataset.with_list(
        list_name or usual_list, images=images, masks=masks or usual_masks, need_masks=need_masks
    )


def choose_classifier(
    dataset: DevkitDataset,
    weights: str = "sipe",
    backbone: str | None = None,
    *,
    device: str = "cpu",
) -> Path:
    """The checkpoint of a classification network, trained now if it has to be.

    Parameters
    ----------
    dataset : DevkitDataset
        Any list of it.
    weights : str
        ``sipe`` or ``trained``: the network of the data set, trained with SIPE or without. That
        takes minutes on toy and hours on VOC without a GPU, once: it is kept. Or a checkpoint.
    backbone : str, optional
        Of a network that is trained; by default the data set's.
    device : str
        Where to train, see `wsss_lib.training.choose_device`.

    Raises
    ------
    DataError
        If it is to be trained and the list that is learnt from is not there.
    WeightsError
        If the checkpoint or the first weights are not there, or its classes are not the data set's.
    """
    if weights not in ("sipe", "trained"):
        if not Path(weights).is_file():
            raise WeightsError(
                f"No weights file {shown(weights)}. Expected 'sipe', 'trained' or the checkpoint "
                "of a classification network; 'imagenet' gives features alone, to --seeds."
            )
        return load_trained(Path(weights).absolute(), device, dataset).path
    sipe = SIPESettings() if weights == "sipe" else None
    settings = ClassifierSettings(backbone=backbone)
    images = training_images(dataset, need_masks=False)
    return train_classifier(images, settings, sipe=sipe, device=device)


def choose_backbone(
    dataset: DevkitDataset,
    name: str | None = None,
    weights: str = "trained",
    seed: int = 0,
    *,
    device: str = "cpu",
) -> BackboneSpec:
    """The network behind F1 to F5, trained now if it has to be.

    Parameters
    ----------
    dataset : DevkitDataset
        Any list of it.
    name : str, optional
        By default the backbone that the data set's classification network has.
    weights : str
        ``random``, ``imagenet``, a file, or ``trained`` or ``sipe``: see `choose_classifier`.
    seed : int
        Of random weights. The training always has seed 0: the kit has one trained network.
    device : str
        Where to train, see `wsss_lib.training.choose_device`.

    Returns
    -------
    BackboneSpec

    Raises
    ------
    DataError
        If it is to be trained and the list that is learnt from is not there.
    WeightsError
        If the weights are not there or do not fit.
    """
    name = name or PRESETS[dataset.name].backbone
    if weights in ("trained", "sipe"):
        weights = choose_classifier(dataset, weights, name, device=device)
    spec = BackboneSpec(name, str(weights), seed)
    spec.load()  # bad weights are an error now, not in the workers
    return spec
