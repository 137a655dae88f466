"""The classification network: a backbone, and a 1x1 convolution that scores every cell of F5."""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from wsss_lib.classify.backbones import Backbone
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

    def train(self, mode: bool = True) -> "ClassificationNetwork":
        """Set training mode; batch norm of a pretrained backbone stays in evaluation mode."""
        super().train(mode)
        if self.backbone.weights.pretrained:
            for layer in self.backbone.modules():
                if isinstance(layer, nn.BatchNorm2d):
                    layer.eval()
        return self

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
        """What training makes small: the multi-label soft margin.

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
