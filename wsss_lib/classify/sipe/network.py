"""SIPE's network: CAM and image-specific CAM teach each other where the classes are.

Chen et al., CVPR 2022, with the settings of its released code; see `wsss_lib.classify.sipe.maps`.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn
from torch.nn import functional

from wsss_lib.classify.backbones import Backbone
from wsss_lib.classify.network import ClassificationNetwork
from wsss_lib.classify.sipe.maps import (
    channel_mask,
    divide_by_greatest,
    localisation_maps,
    prototype_cams,
    prototypes,
    structure_seeds,
    unit_vectors,
    with_background,
)
from wsss_lib.errors import ParameterError

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
        """What training makes small: the multi-label soft margin, and the consistency of the maps.

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
