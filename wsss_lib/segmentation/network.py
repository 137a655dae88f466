"""DeepLabV2 (Chen et al. 2018), on the kit's backbones and on those in the layout of caffe.

Caffe's layout is what DeepLab's published weights were made for. The ResNets of MSRA (He et al.
2016), in caffe, halve their maps in the first 1x1 convolution of a bottleneck, torchvision's in the
3x3; their max-pool counts a last, partial window; their images are BGR of 0..255 from which a mean
is taken. Weights that are run in the other layout give features that look sound and are not. The
file that most segmentation networks of the field start from, ``deeplabv1_resnet101-coco.pth`` of
deeplab-pytorch (Nakashima), is of this kind; its names show it.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional
from torchvision.models.resnet import Bottleneck

from wsss_lib.checkpoints import WeightsInfo, read_tensors, state_dict_in
from wsss_lib.classify.backbones import Backbone, build_backbone
from wsss_lib.classify.weights import load_state
from wsss_lib.datasets.classes import VOID
from wsss_lib.errors import WeightsError
from wsss_lib.files import sha256

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
        if backbone.weights.pretrained:
            for layer in backbone.modules():
                if isinstance(layer, nn.BatchNorm2d):
                    layer.requires_grad_(False)

    def logit_maps(self, x: torch.Tensor) -> list[torch.Tensor]:
        """The logits of images (N, 3, H, W) at each of `SCALES`, (N, n_classes, h, w) each.

        The network's own map is that at scale 1; `forward` gives the greatest of all.
        """
        return [self.aspp(self.backbone(_scaled(x, scale))) for scale in SCALES]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The greatest logit over the scales, (N, n_classes, h, w), of normalised images."""
        return _greatest(self.logit_maps(x))

    def losses(self, x: torch.Tensor, labels: torch.Tensor) -> dict[str, torch.Tensor]:
        """The losses by name: cross-entropies of the map of each scale and of the greatest.

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


#: What is taken from red, green and blue.
MEAN = (122.675, 116.669, 104.008)
#: The layers behind the last block, by the beginnings of their names.
HEAD = ("aspp.", "fc.")

#: layer1 is the stem, layer2..layer5 are torchvision's layer1..layer4; ``base.`` stands in front in
#: whole networks.
_NAME = re.compile(r"layer(\d)\.(?:block(\d+)\.)?(\w+)\.(conv|bn)\.(\w+)")
_LAYERS = {
    "reduce": {"conv": "conv1", "bn": "bn1"},
    "conv3x3": {"conv": "conv2", "bn": "bn2"},
    "increase": {"conv": "conv3", "bn": "bn3"},
    "shortcut": {"conv": "downsample.0", "bn": "downsample.1"},
}


class CaffeBackbone(Backbone):
    """A ResNet of bottlenecks with caffe's strides, max-pool and means.

    Its images are RGB like those of all backbones: instead of them the first convolution is turned.

    Parameters
    ----------
    name : str
        As in `build_backbone`.
    body : Module
        Torchvision's layers; changed in place.
    weights : WeightsInfo

    Raises
    ------
    WeightsError
        If the network has no bottlenecks.
    """

    def __init__(self, name: str, body: nn.Module, weights: WeightsInfo) -> None:
        super().__init__(name, body, weights)
        blocks = [layer for layer in body.modules() if isinstance(layer, Bottleneck)]
        if not blocks:
            raise WeightsError(
                f"{weights.name} has the layout of caffe's ResNets, which are made of bottlenecks; "
                f"{name} has none. Expected --backbone resnet101 or resnet50."
            )
        for block in blocks:
            block.conv1.stride, block.conv2.stride = block.conv2.stride, (1, 1)
        body.maxpool.ceil_mode = True
        self._mean.copy_(torch.tensor(MEAN).view_as(self._mean))
        self._deviation.fill_(1)


def first_backbone(name: str, weights: str | Path, seed: int = 0) -> Backbone:
    """A backbone to start from: `build_backbone`'s, or caffe's where the file is of that kind.

    Parameters
    ----------
    name : str
        As in `build_backbone`.
    weights : str or path
        Likewise; or a file with the names of deeplab-pytorch. Any other file counts as
        torchvision's.
    seed : int
        Of random weights.

    Raises
    ------
    ParameterError
        If there is no backbone of that name.
    WeightsError
        If the weights are not there, do not fit, or are of a training that was stopped.
    """
    if weights in ("random", "imagenet"):
        return build_backbone(name, weights, seed)
    path = Path(weights)
    state = state_dict_in(path, read_tensors(path))
    state = {key.removeprefix("base."): value for key, value in state.items()}
    if "layer1.conv1.conv.weight" not in state:
        return build_backbone(name, path)
    info = WeightsInfo(path.name, sha256(path))
    backbone = CaffeBackbone(name, build_backbone(name).body, info)
    load_state(backbone.body, _as_torchvision(state), HEAD, path.name)
    return backbone.eval()


def _as_torchvision(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights under torchvision's names, for RGB images."""
    renamed = {_torchvision_name(key): value for key, value in state.items()}
    return renamed | {"conv1.weight": renamed["conv1.weight"].flip(1)}


def _torchvision_name(key: str) -> str:
    """Torchvision's name of a tensor; a name that says nothing is kept."""
    found = _NAME.fullmatch(key)
    if found is None:
        return key
    stage, block, unit, kind, tensor = found.groups()
    if block is None:
        return f"{kind}1.{tensor}"
    layer = _LAYERS.get(unit, {}).get(kind, f"{unit}.{kind}")
    return f"layer{int(stage) - 1}.{int(block) - 1}.{layer}.{tensor}"
