"""SIPE: image-specific class activation maps, and the network that learns by them.

SIPE (Chen et al., "Self-supervised Image-specific Prototype Exploration for Weakly Supervised
Semantic Segmentation", CVPR 2022) lets every cell of an image join the class whose localisation map
is most like the cell's structure map: how alike the other cells are to it. The mean feature of a
class's cells, its prototype, then finds the class anew. Formulas are those of the released code.

Throughout: N images, K object classes, C = K + 1 channels with the background first, maps (h, w).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from wsss_lib.classify.backbones import Backbone
from wsss_lib.classify.network import ClassificationNetwork, united, views
from wsss_lib.errors import ParameterError
from wsss_lib.scores import ClassScores

#: Added to what is divided by: norms and greatest values.
EPSILON = 1e-5


def divide_by_greatest(maps: torch.Tensor) -> torch.Tensor:
    """Divide each map (N, C, h, w) by its greatest value; an empty one stays empty."""
    return maps / (maps.amax((2, 3), keepdim=True) + EPSILON)


def unit_vectors(features: torch.Tensor) -> torch.Tensor:
    """Bring the feature of each cell (N, D, h, w) to length 1; zero stays zero."""
    return features / (features.norm(dim=1, keepdim=True) + EPSILON)


def localisation_maps(logits: torch.Tensor) -> torch.Tensor:
    """Class activation maps with a background, which is what none of the classes claims.

    Absent classes take part: their maps are normalised and lower the background like all others.

    Parameters
    ----------
    logits : Tensor, shape (N, K, h, w)

    Returns
    -------
    Tensor, shape (N, C, h, w)
        In 0..1, differentiable.
    """
    maps = divide_by_greatest(logits.relu())
    return torch.cat([1 - maps.amax(1, keepdim=True), maps], 1)


def with_background(labels: torch.Tensor) -> torch.Tensor:
    """Image-level labels (N, K) with the background, which every image has, in front: (N, C)."""
    return torch.cat([torch.ones_like(labels[:, :1]), labels], 1)


def channel_mask(labels: torch.Tensor, valid: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Where each channel may be: inside the image, and only if the image shows the class.

    Parameters
    ----------
    labels : Tensor, shape (N, K), float32
        Zeros and ones.
    valid : Tensor, shape (N, H, W), bool
        Where a crop shows its image.
    size : tuple of int
        (h, w) of the maps; `valid` is brought to it by the nearest pixel.

    Returns
    -------
    Tensor, shape (N, C, h, w), float32
        Zeros and ones.
    """
    inside = functional.interpolate(valid[:, None].float(), size, mode="nearest")
    return with_background(labels)[:, :, None, None] * inside


@torch.no_grad()
def structure_seeds(
    source: torch.Tensor, maps: torch.Tensor, background_weight: float = 0.5
) -> torch.Tensor:
    """Assign each cell to the channel whose map is most like the cell's structure map.

    The structure map of a cell is its cosine similarity to all cells, cut off below 0; alike means
    a large soft intersection over union.

    Parameters
    ----------
    source : Tensor, shape (N, D, h, w)
        The features that are compared.
    maps : Tensor, shape (N, C, h, w)
        See `localisation_maps`.
    background_weight : float
        The background's likeness is multiplied by it.

    Returns
    -------
    Tensor, shape (N, C, h, w), float32
        Ones and zeros, a single one in each cell; no gradient goes through them.
    """
    likeness = _soft_iou(source, maps)
    likeness[:, 0] *= background_weight
    seeds = functional.one_hot(likeness.argmax(1), maps.shape[1])
    return seeds.permute(0, 2, 1).reshape(maps.shape).float()


def _soft_iou(source: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
    """The soft IoU of every cell's structure map and every map: (N, C, h * w)."""
    cells, maps = unit_vectors(source).flatten(2), maps.flatten(2)
    structure = (cells.transpose(1, 2) @ cells).relu_()
    shared = maps @ structure  # which is symmetric: a product, not N x C x hw x hw numbers
    union = structure.sum(1, keepdim=True) + maps.sum(2, keepdim=True) - shared
    # a cell without a feature and an empty map share nothing of nothing: 0, not NaN
    return shared / union.clamp(min=EPSILON)


def prototypes(seeds: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
    """Sum the features of each channel's seeds, divided by the number of all cells.

    Only directions matter later, so this serves as well as the mean over the seeds and is 0 where
    there are none.

    Parameters
    ----------
    seeds : Tensor, shape (N, C, h, w)
    features : Tensor, shape (N, D, h, w)

    Returns
    -------
    Tensor, shape (N, C, D)
    """
    return seeds.flatten(2) @ features.flatten(2).transpose(1, 2) / features[0, 0].numel()


def prototype_cams(features: torch.Tensor, prototypes: torch.Tensor) -> torch.Tensor:
    """Image-specific class activation maps: cosine similarities to prototypes, cut off below 0.

    Parameters
    ----------
    features : Tensor, shape (N, D, h, w)
    prototypes : Tensor, shape (N, C, D)

    Returns
    -------
    Tensor, shape (N, C, h, w)
        In 0..1; all 0 for a prototype that is zero.
    """
    directions = functional.normalize(prototypes, dim=2)
    cosines = directions @ functional.normalize(features, dim=1).flatten(2)
    return cosines.relu().unflatten(2, features.shape[2:])


#: What structure maps can be made of: the deepest map, or the hierarchical features.
STRUCTURES = ("F5", "hierarchical")


@dataclass(frozen=True)
class SIPESettings:
    """What a reader of SIPE would not expect, or could choose otherwise.

    The defaults are those of the released code.

    Parameters
    ----------
    background_weight : float
        The background's likeness is multiplied by it before a cell joins a channel: the background
        is what no class claims, hence large, and would win too often.
    training_structure, inference_structure : {"F5", "hierarchical"}
        The features that structure maps compare. The released code has F5 in training, but the
        hierarchical features when it makes the final maps.
    mask_cams : bool
        Whether image-specific CAMs count as 0 beyond the image, as the localisation maps do. They
        do not in the released code, so the loss pushes them down there.
    over_absent : bool
        Whether the consistency is a mean over absent classes, too. There both maps are 0: the more
        classes a data set has, the smaller is the loss.
    consistency_weight : float
        Of the consistency beside the classification loss.
    side_channels : tuple of int
        How many channels F2, F3, F4 and F5 give to the hierarchical features.

    Raises
    ------
    ParameterError
        If a value is out of range.
    """

    background_weight: float = 0.5
    training_structure: Literal["F5", "hierarchical"] = "F5"
    inference_structure: Literal["F5", "hierarchical"] = "hierarchical"
    mask_cams: bool = False
    over_absent: bool = True
    consistency_weight: float = 1.0
    side_channels: tuple[int, int, int, int] = (128, 128, 256, 256)

    def __post_init__(self) -> None:
        for field in ("training_structure", "inference_structure"):
            if getattr(self, field) not in STRUCTURES:
                found = f"{field}={getattr(self, field)!r}"
                raise ParameterError(f"{found}; expected one of {', '.join(STRUCTURES)}.")
        for field in ("background_weight", "consistency_weight"):
            if not 0 <= getattr(self, field) < float("inf"):
                raise ParameterError(f"{field}={getattr(self, field)}; expected at least 0.")
        if len(self.side_channels) != 4 or min(self.side_channels) < 1:
            raise ParameterError(
                f"side_channels={self.side_channels}; expected four numbers of at least 1, for F2 "
                "to F5."
            )


class SIPENetwork(ClassificationNetwork):
    """A classification network that also describes each cell by features of several depths.

    Parameters
    ----------
    backbone : Backbone
    n_classes : int
        Object classes, background left out; channel c stands for class c + 1.
    seed : int
        Of the first weights of the new layers. The global random state is left alone.
    settings : SIPESettings
    """

    def __init__(
        self,
        backbone: Backbone,
        n_classes: int,
        seed: int = 0,
        settings: SIPESettings = SIPESettings(),
    ) -> None:
        super().__init__(backbone, n_classes, seed)
        self.settings = settings
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.sides = nn.ModuleList(
                nn.Conv2d(channels, side, 1, bias=False)
                for channels, side in zip(
                    backbone.channels[1:], settings.side_channels, strict=True
                )
            )

    def hierarchical(self, stages: list[torch.Tensor]) -> torch.Tensor:
        """The hierarchical features: F2..F5 through a 1x1 convolution each, at the size of F4.

        Each gets unit length at its own size. Only the convolutions learn by them.

        Parameters
        ----------
        stages : list of Tensor
            F1..F5 of `Backbone.stages`.

        Returns
        -------
        Tensor, shape (N, sum of the side channels, h, w)
        """
        size = stages[3].shape[2:]
        return torch.cat(
            [
                functional.interpolate(unit_vectors(side(stage.detach())), size, mode="bilinear")
                for side, stage in zip(self.sides, stages[1:], strict=True)
            ],
            1,
        )

    def losses(
        self, x: torch.Tensor, labels: torch.Tensor, valid: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        """The losses by name: the multi-label soft margin, and the consistency of the maps.

        The consistency is the mean of the absolute differences between localisation maps and
        image-specific CAMs. Either side learns: the classifier and the layers before it through
        the localisation maps, the side layers through the CAMs.

        Parameters
        ----------
        x : Tensor, shape (N, 3, H, W), float32
            Normalised crops, 0 where they reach beyond their image.
        labels : Tensor, shape (N, classes), float32
            Zeros and ones.
        valid : Tensor, shape (N, H, W), bool
            Where a crop shows its image.

        Returns
        -------
        dict of str to Tensor
            The scalars ``classification`` and ``consistency``, times their weights.
        """
        # of pretrained weights F1..F3 do not learn, so they keep nothing for a way back
        stages = self.backbone.stages(x)
        logits = self.classifier(stages[-1])
        consistency = self._consistency(logits, stages, labels, valid)
        return {
            "classification": functional.multilabel_soft_margin_loss(logits.mean((2, 3)), labels),
            "consistency": self.settings.consistency_weight * consistency,
        }

    def _consistency(
        self,
        logits: torch.Tensor,
        stages: list[torch.Tensor],
        labels: torch.Tensor,
        valid: torch.Tensor,
    ) -> torch.Tensor:
        # F4 and F5 have the same size with every backbone, so maps (of F5) and hierarchical
        # features (of the size of F4) fit together; SIPE's resizing between them is not needed
        settings, features = self.settings, self.hierarchical(stages)
        mask = channel_mask(labels, valid, logits.shape[2:])
        maps = localisation_maps(logits) * mask
        source = {"F5": stages[-1], "hierarchical": features}[settings.training_structure]
        seeds = structure_seeds(source, maps, settings.background_weight) * mask
        cams = divide_by_greatest(prototype_cams(features, prototypes(seeds, features)))
        if settings.mask_cams:
            cams = cams * mask
        differences = (maps - cams).abs()
        if not settings.over_absent:
            differences = differences[with_background(labels).bool()]
        return differences.mean()


@torch.no_grad()
def image_specific_cams(
    network: SIPENetwork,
    image: np.ndarray,
    labels: Sequence[int],
    scales: Sequence[float] = (1.0, 0.5, 1.5, 2.0),
    background_weight: float | None = None,
) -> ClassScores:
    """The image-specific CAMs of an image and its background, brought to its size.

    At each scale the logits and the hierarchical features of the image and of its mirror image are
    added before anything else is made of them. The maps are brought to image size by bilinear
    interpolation and summed over the scales; each is then divided by its greatest value. There is
    no threshold: the background has a prototype of its own (SIPE, Chen et al. 2022, as released).

    Parameters
    ----------
    network : SIPENetwork
        Put in evaluation mode.
    image : ndarray, shape (H, W, 3), uint8
    labels : sequence of int
        The image-level labels, rising: class indices as in masks, from 1.
    scales : sequence of float
        Multiples of the image's size.
    background_weight : float, optional
        See `SIPESettings`; that of the training when left out. A network that was trained for a
        short time sees absent classes everywhere, which takes the background away; 1 gives it back.

    Returns
    -------
    ClassScores
        Of the background and the labels, in 0..1; all 0 for a class that no cell joins.

    Raises
    ------
    ParameterError
        If the network has no such class, or the labels do not rise.
    """
    network.check_classes(labels)
    network.eval()
    channels = [0, *labels]
    settings = network.settings
    if background_weight is not None:
        settings = replace(settings, background_weight=background_weight)
    cams = sum(_cams(network, settings, image, channels, scale) for scale in scales)
    return ClassScores(divide_by_greatest(cams)[0].cpu().numpy(), tuple(channels))


def _cams(
    network: SIPENetwork,
    settings: SIPESettings,
    image: np.ndarray,
    channels: list[int],
    scale: float,
) -> torch.Tensor:
    """The image-specific CAMs at one scale, at image size: (1, channels, H, W)."""
    stages = network.backbone.stages(views(network.backbone, image, scale))
    deepest, features = united(stages[-1]), united(network.hierarchical(stages))
    logits = united(network.classifier(stages[-1]))
    source = {"F5": deepest, "hierarchical": features}[settings.inference_structure]
    # cells can join an absent class, whose map is not masked here, and then are no seeds at all
    seeds = structure_seeds(source, localisation_maps(logits), settings.background_weight)
    cams = prototype_cams(features, prototypes(seeds[:, channels], features))
    return functional.interpolate(cams, image.shape[:2], mode="bilinear")
