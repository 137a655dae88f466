"""DeepLabV2: a dilated backbone, a pyramid of dilated convolutions, and images at several scales.

Chen et al., "DeepLab: Semantic Image Segmentation with Deep Convolutional Nets, Atrous Convolution,
and Fully Connected CRFs", TPAMI 2018, as deeplab-pytorch (Nakashima) has it.
"""

from collections.abc import Sequence

import torch
from torch import nn
from torch.nn import functional

from wsss_lib.classify.backbones import Backbone
from wsss_lib.datasets.classes import VOID

#: Dilations of the stages behind F4 and F5 (layer3 and layer4), whose maps stay at 1/8.
STAGE_DILATIONS = (2, 4)
#: Dilations of the pyramid's convolutions, as published.
RATES = (6, 12, 18, 24)
#: Sizes at which an image is looked at, the own one first.
SCALES = (1.0, 0.75, 0.5)


class ASPP(nn.Module):
    """Atrous spatial pyramid pooling: the sum of 3x3 convolutions of several dilations.

    Parameters
    ----------
    channels, n_classes : int
        Of what comes in and what goes out. The first weights are normal with deviation 0.01, the
        first biases 0.
    rates : sequence of int
        The dilations, in cells.
    """

    def __init__(self, channels: int, n_classes: int, rates: Sequence[int] = RATES) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            nn.Conv2d(channels, n_classes, 3, padding=rate, dilation=rate) for rate in rates
        )
        for branch in self.branches:
            nn.init.normal_(branch.weight, std=0.01)
            nn.init.zeros_(branch.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The logits (N, n_classes, h, w) of feature maps (N, channels, h, w)."""
        return sum(branch(x) for branch in self.branches)


class DeepLabV2(nn.Module):
    """Scores every cell of 8 x 8 pixels for all classes, the background among them.

    A backbone that is pretrained keeps its batch norm, statistics and affine part; random weights
    learn in every layer.

    Parameters
    ----------
    backbone : Backbone
        Dilated in place, see `dilate`.
    n_classes : int
        Background included.
    rates : sequence of int
        The pyramid's dilations, in cells.
    seed : int
        Of the pyramid's first weights. The global random state is left alone.
    """

    def __init__(
        self, backbone: Backbone, n_classes: int, rates: Sequence[int] = RATES, seed: int = 0
    ) -> None:
        super().__init__()
        self.backbone = backbone
        dilate(backbone)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.aspp = ASPP(backbone.channels[-1], n_classes, rates)
        for layer in self._frozen():
            layer.requires_grad_(False)

    def train(self, mode: bool = True) -> "DeepLabV2":
        """Set training mode; batch norm of a pretrained backbone stays in evaluation mode."""
        super().train(mode)
        for layer in self._frozen():
            layer.eval()
        return self

    def _frozen(self) -> list[nn.Module]:
        """The layers that do not learn."""
        layers = self.backbone.modules() if self.backbone.weights.pretrained else ()
        return [layer for layer in layers if isinstance(layer, nn.BatchNorm2d)]

    def logit_maps(self, x: torch.Tensor) -> list[torch.Tensor]:
        """The logits of images (N, 3, H, W) at each of `SCALES`, (N, n_classes, h, w) each.

        The network's own map is that at scale 1; `forward` gives the greatest of all.
        """
        return [self.aspp(self.backbone(_scaled(x, scale))) for scale in SCALES]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The greatest logit over the scales, (N, n_classes, h, w), of normalised images."""
        return _greatest(self.logit_maps(x))

    def losses(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        """What training makes small: cross-entropies of the map of each scale and of the greatest.

        Parameters
        ----------
        x : Tensor, shape (N, 3, H, W), float32
            Normalised crops, 0 where they reach beyond their image.
        labels : Tensor, shape (N, H, W), uint8
            Classes, brought to the size of each map (the nearest label); 255 counts nowhere.

        Returns
        -------
        dict of str to Tensor
            ``cross_entropy``, a scalar: the sum of the four, each a mean over the cells.
        """
        maps = self.logit_maps(x)
        maps.append(_greatest(maps))
        return {"cross_entropy": sum(_cross_entropy(map_, labels) for map_ in maps)}

    def parameter_groups(self, lr: float, head_factor: float) -> list[dict]:
        """What learns, for an optimiser: the backbone at `lr`, the pyramid at a multiple.

        Its biases learn twice as fast as its weights, and do not decay.
        """
        backbone = [p for p in self.backbone.parameters() if p.requires_grad]
        weights = [branch.weight for branch in self.aspp.branches]
        biases = [branch.bias for branch in self.aspp.branches]
        fast, fastest = lr * head_factor, lr * head_factor * 2
        return [
            {"params": backbone, "lr": lr, "initial_lr": lr},
            {"params": weights, "lr": fast, "initial_lr": fast},
            {"params": biases, "lr": fastest, "initial_lr": fastest, "weight_decay": 0},
        ]


def dilate(backbone: Backbone) -> None:
    """Keep the maps F4 and F5 at 1/8 of the image, in place: dilations take the place of strides.

    Every convolution of a stage that is larger than 1x1 has the stage's dilation, that of its first
    block, too (torchvision's ``replace_stride_with_dilation`` gives that one the dilation of the
    stage before).
    """
    for part, dilation in zip(backbone.parts[3:], STAGE_DILATIONS, strict=True):
        for layer in part.modules():
            if isinstance(layer, nn.Conv2d):
                layer.stride = (1, 1)
                # layers that pad by themselves, as the EfficientNet's, have 0 here
                layer.padding = tuple(
                    old * dilation // now
                    for old, now in zip(layer.padding, layer.dilation, strict=True)
                )
                if max(layer.kernel_size) > 1:
                    layer.dilation = (dilation, dilation)


def _scaled(x: torch.Tensor, scale: float) -> torch.Tensor:
    if scale == 1:
        return x
    size = [max(int(side * scale), 1) for side in x.shape[2:]]
    return functional.interpolate(x, size, mode="bilinear", align_corners=False)


def _greatest(maps: Sequence[torch.Tensor]) -> torch.Tensor:
    """The greatest value over the maps, brought to the size of the first."""
    size = maps[0].shape[2:]
    others = [functional.interpolate(m, size, mode="bilinear") for m in maps[1:]]
    return torch.stack([maps[0], *others]).amax(0)


def _cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """The mean over the cells that are not void; 0 where all are."""
    labels = functional.interpolate(labels[:, None].float(), logits.shape[2:], mode="nearest-exact")
    labels = labels[:, 0].long()
    loss = functional.cross_entropy(logits, labels, ignore_index=VOID, reduction="sum")
    return loss / (labels != VOID).sum().clamp(min=1)
