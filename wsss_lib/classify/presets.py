"""How a classification network is trained: the settings of each data set."""

from dataclasses import dataclass, replace

from wsss_lib.errors import ParameterError
from wsss_lib.training import Optimisation, choose_settings


@dataclass(frozen=True, kw_only=True)
class Preset(Optimisation):
    """Settings of a training.

    Attributes
    ----------
    backbone, weights : str
        See `build_backbone`; the weights may be ``"trained"``, too: the network of the data set
        that was trained without SIPE.
    crop : int
        Side of the square crops in pixels.
    long_side : tuple of int, optional
        Range of the longer side after scaling; None keeps the size.
    epochs, batch, optimiser, lr, head_factor, momentum, weight_decay, power, clip_norm
        See `wsss_lib.training.Optimisation`.
    """

    backbone: str
    weights: str
    crop: int
    long_side: tuple[int, int] | None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.crop > 0:
            raise ParameterError(f"crop={self.crop}; it must be positive.")


PRESETS = {
    # A minute on two cores. A deeper ResNet-18 takes four for an AP that is 0.03 higher.
    "toy": Preset(
        backbone="resnet10",
        weights="random",
        epochs=16,
        batch=8,
        crop=96,
        long_side=None,
        optimiser="adamw",
        lr=1e-3,
        head_factor=1,
        momentum=0.9,
        weight_decay=1e-2,
    ),
    # SIPE's released script. Its momentum is 1e-4 in effect: the optimiser that it shares with PSA
    # and IRN hands the weight decay to SGD in the momentum's place. 0.9 with these learning rates
    # would be steps ten times as large.
    "voc": Preset(
        backbone="resnet50",
        weights="imagenet",
        epochs=5,
        batch=16,
        crop=512,
        long_side=(320, 640),
        optimiser="sgd",
        lr=0.1,
        head_factor=10,
        momentum=1e-4,
        weight_decay=1e-4,
    ),
}


#: SIPE starts from pretrained weights; on toy, where there are none, from the plain network.
SIPE_PRESETS = {
    "toy": replace(PRESETS["toy"], weights="trained", epochs=4, batch=16, lr=3e-4),
    "voc": PRESETS["voc"],
}


def preset(dataset: str, sipe: bool = False, **changes: object) -> Preset:
    """The settings of a data set with some of them changed.

    Parameters
    ----------
    dataset : {"toy", "voc"}
    sipe : bool
        Whether the network is trained with SIPE.
    **changes
        Attributes of `Preset`; None keeps the data set's own.

    Raises
    ------
    ParameterError
        If the data set or an attribute is unknown, or a value is out of range.
    """
    return choose_settings(SIPE_PRESETS if sipe else PRESETS, dataset, changes)
