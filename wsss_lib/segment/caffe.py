"""Backbones in the layout of caffe: what DeepLab's published weights were made for.

The ResNets of MSRA (He et al. 2016), in caffe, halve their maps in the first 1x1 convolution of a
bottleneck, torchvision's in the 3x3; their max-pool counts a last, partial window; their images are
BGR of 0..255 from which a mean is taken. Weights that are run in the other layout give features
that look sound and are not. The file that most segmentation networks of the field start from,
``deeplabv1_resnet101-coco.pth`` of deeplab-pytorch (Nakashima), is of this kind; its names tell it.
"""

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn
from torchvision.models.resnet import Bottleneck

from wsss_lib.checkpoints import read_tensors
from wsss_lib.classify.backbones import Backbone, build_backbone
from wsss_lib.classify.weights import WeightsInfo, load_state
from wsss_lib.errors import WeightsError
from wsss_lib.files import sha256

#: What is taken from red, green and blue.
MEAN = (122.675, 116.669, 104.008)
#: The layers behind the last block, by the beginnings of their names.
HEAD = ("aspp.", "fc.")

#: layer1 is the stem, layer2..layer5 are torchvision's layer1..layer4; ``base.`` stands in front in
#: whole networks.
_NAME = re.compile(r"layer(\d)\.(?:block(\d+)\.)?(\w+)\.(conv|bn)\.(\w+)")
_LAYERS = {
    ("reduce", "conv"): "conv1",
    ("reduce", "bn"): "bn1",
    ("conv3x3", "conv"): "conv2",
    ("conv3x3", "bn"): "bn2",
    ("increase", "conv"): "conv3",
    ("increase", "bn"): "bn3",
    ("shortcut", "conv"): "downsample.0",
    ("shortcut", "bn"): "downsample.1",
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
    state = {key.removeprefix("base."): value for key, value in read_tensors(path).items()}
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
    layer = _LAYERS.get((unit, kind), f"{unit}.{kind}")
    return f"layer{int(stage) - 1}.{int(block) - 1}.{layer}.{tensor}"
