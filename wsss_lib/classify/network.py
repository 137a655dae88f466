"""The classification network and its class activation maps (CAMs).

The network is a backbone and a 1x1 convolution that scores every cell of F5.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional
from tqdm.auto import tqdm

from wsss_lib.classify.backbones import Backbone
from wsss_lib.classify.crops import rescale
from wsss_lib.datasets.classes import VOID
from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.errors import ParameterError


class ClassificationNetwork(nn.Module):
    """Scores images for the object classes (CAM, Zhou et al. 2016, in its convolutional form).

    The convolution gives a map of logits for each class; a class's score is the mean of its map, so
    the maps are class activation maps already. What is pretrained is treated as the field does
    (IRN, SIPE): F1..F3 do not learn, and batch norm keeps its statistics everywhere. Random weights
    learn in every layer.

    Parameters
    ----------
    backbone : Backbone
    n_classes : int
        Object classes, background left out; channel c stands for class c + 1.
    seed : int
        Of the convolution's first weights. The global random state is left alone.
    """

    def __init__(self, backbone: Backbone, n_classes: int, seed: int = 0) -> None:
        super().__init__()
        self.backbone = backbone
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.classifier = nn.Conv2d(backbone.channels[-1], n_classes, 1, bias=False)
        if backbone.weights.pretrained:
            for part in backbone.parts[:3]:
                part.requires_grad_(False)

    def check_classes(self, classes: Sequence[int]) -> None:
        """Raise `ParameterError` unless all are class indices of the network, from 1."""
        known = self.classifier.out_channels
        for index in classes:
            if not 1 <= index <= known:
                raise ParameterError(f"No class {index}; the network has the classes 1 to {known}.")

    def logit_maps(self, x: torch.Tensor) -> torch.Tensor:
        """The logits of every cell, (N, classes, h, w), of normalised images (N, 3, H, W)."""
        return self.classifier(self.backbone(x))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The scores (logits) of normalised images (N, 3, H, W) as (N, classes)."""
        return self.logit_maps(x).mean((2, 3))

    def losses(
        self, x: torch.Tensor, labels: torch.Tensor, valid: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """The losses by name: the multi-label soft margin.

        Parameters
        ----------
        x : Tensor, shape (N, 3, H, W), float32
            Normalised crops, 0 where they reach beyond their image.
        labels : Tensor, shape (N, classes), float32
            Zeros and ones.
        valid : Tensor, shape (N, H, W), bool
            Where a crop shows its image. Scores are means over the whole crop, as in IRN and SIPE;
            losses on maps need it.

        Returns
        -------
        dict of str to Tensor
            ``classification``, a scalar.
        """
        return {"classification": functional.multilabel_soft_margin_loss(self(x), labels)}

    def parameter_groups(self, lr: float, head_factor: float) -> list[dict]:
        """What learns, for an optimiser: the backbone's at `lr`, new layers' at a multiple."""
        backbone = [p for p in self.backbone.parameters() if p.requires_grad]
        known = {id(p) for p in self.backbone.parameters()}
        new = [p for p in self.parameters() if id(p) not in known]
        return [
            {"params": backbone, "lr": lr, "initial_lr": lr},
            {"params": new, "lr": lr * head_factor, "initial_lr": lr * head_factor},
        ]


def class_activation_maps(
    network: ClassificationNetwork,
    image: np.ndarray,
    classes: Sequence[int],
    scales: Sequence[float] = (1.0,),
) -> np.ndarray:
    """The class activation maps of an image, brought to its size.

    The positive parts of the logit maps of the image and of its mirror image are averaged, enlarged
    by bilinear interpolation to multiples of 16 pixels, cut to the image and summed over the
    scales; each class is then divided by its greatest value (as IRN's code does, whose thresholds
    the field uses; Ahn et al., CVPR 2019).

    Parameters
    ----------
    network : ClassificationNetwork
        Put in evaluation mode.
    image : ndarray, shape (H, W, 3), uint8
    classes : sequence of int
        Class indices as in masks, from 1: those of `DevkitDataset.labels`, say.
    scales : sequence of float
        Multiples of the image's size; the field uses (1, 0.5, 1.5, 2).

    Returns
    -------
    ndarray, shape (len(classes), H, W), float32
        0..1; all 0 for a class that is seen nowhere.

    Raises
    ------
    ParameterError
        If the network has no such class.
    """
    network.check_classes(classes)
    network.eval()
    channels = np.array(classes, int) - 1
    maps = sum(_logit_maps(network, image, scale)[channels] for scale in scales)
    greatest = maps.amax((1, 2), keepdim=True)
    return (maps / greatest.where(greatest > 0, 1)).cpu().numpy()


@torch.no_grad()
def _logit_maps(network: ClassificationNetwork, image: np.ndarray, scale: float) -> torch.Tensor:
    """The positive parts of the logit maps at one scale, at image size: (classes, H, W)."""
    height, width = image.shape[:2]
    maps = united(network.logit_maps(views(network.backbone, image, scale)).relu()) / 2
    whole = -(-height // 16) * 16, -(-width // 16) * 16  # what the cells of stride 16 cover
    return functional.interpolate(maps, whole, mode="bilinear")[0, :, :height, :width]


def views(backbone: Backbone, image: np.ndarray, scale: float) -> torch.Tensor:
    """An image at a scale and behind it its mirror image, normalised."""
    if scale != 1:
        image = rescale(image, scale)
    return backbone.normalise(np.stack([image, image[:, ::-1]]))


def united(maps: torch.Tensor) -> torch.Tensor:
    """The map of an image plus, turned back, that of its mirror image, see `views`."""
    return maps[:1] + maps[1:].flip(-1)


def activation_places(cam: np.ndarray, mask: np.ndarray, label: int) -> np.ndarray:
    """The sums of an activation map on its own class, on other objects and on the background.

    Parameters
    ----------
    cam : ndarray, shape (H, W), float
        Not negative.
    mask : ndarray, shape (H, W), uint8
        Void (255) counts nowhere.
    label : int
        The class that the map is of.

    Returns
    -------
    ndarray, shape (3,), float64
    """
    own, background = mask == label, mask == 0
    other = ~own & ~background & (mask != VOID)
    return np.array([cam[where].sum(dtype=np.float64) for where in (own, other, background)])


def cam_shares(network: ClassificationNetwork, dataset: DevkitDataset) -> pd.DataFrame:
    """Where the activation of each object class is, as shares.

    Parameters
    ----------
    network : ClassificationNetwork
    dataset : DevkitDataset
        Maps are made for the image-level labels of each image.

    Returns
    -------
    DataFrame
        Indexed by ``class``: ``own class``, ``other objects`` and ``background`` in % of the
        class's activation in all images, void left out; NaN for a class that no image shows.
    """
    sums = np.zeros((len(dataset.classes) - 1, 3))
    for sample in tqdm(dataset, desc="CAMs", unit="image", total=len(dataset)):
        labels = dataset.labels(sample.id)
        cams = class_activation_maps(network, sample.image, labels)
        for label, cam in zip(labels, cams, strict=True):
            sums[label - 1] += activation_places(cam, sample.mask, label)
    totals = sums.sum(1, keepdims=True)
    shares = np.divide(100 * sums, totals, out=np.full_like(sums, np.nan), where=totals > 0)
    index = pd.Index(dataset.classes.short[1:], name="class")
    return pd.DataFrame(shares, index, ["own class", "other objects", "background"])
