"""How a classification network is trained: the settings of each data set."""

from dataclasses import dataclass, fields, replace
from typing import Literal

from wsss_lib.errors import ParameterError


@dataclass(frozen=True)
class Preset:
    """Settings of a training.

    Attributes
    ----------
    backbone, weights : str
        See `build_backbone`.
    epochs, batch : int
        The images that do not fill the last batch of an epoch are left out.
    crop : int
        Side of the square crops in pixels.
    long_side : tuple of int, optional
        Range of the longer side after scaling; None keeps the size.
    optimiser : {"sgd", "adamw"}
    lr : float
        Learning rate of the backbone at the first step; it falls as (1 - step / steps) ** `power`.
    head_factor : float
        The new layers' learning rate as a multiple of the backbone's.
    momentum : float
        Of SGD; AdamW's first beta.
    weight_decay : float
    power : float
    clip_norm : float
        Greatest L2 norm of the gradient of all parameters together.
    """

    backbone: str
    weights: str
    epochs: int
    batch: int
    crop: int
    long_side: tuple[int, int] | None
    optimiser: Literal["sgd", "adamw"]
    lr: float
    head_factor: float
    momentum: float
    weight_decay: float
    power: float = 0.9
    clip_norm: float = 1.0

    def __post_init__(self) -> None:
        for field in ("epochs", "batch", "crop", "lr", "head_factor", "clip_norm"):
            if not getattr(self, field) > 0:
                raise ParameterError(f"{field}={getattr(self, field)}; it must be positive.")
        if self.optimiser not in ("sgd", "adamw"):
            raise ParameterError(f"No optimiser {self.optimiser!r}; expected 'sgd' or 'adamw'.")


PRESETS = {
    "toy": Preset(
        backbone="resnet18",
        weights="random",
        epochs=24,
        batch=16,
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


def preset(dataset: str, **changes: object) -> Preset:
    """The settings of a data set with some of them changed.

    Parameters
    ----------
    dataset : {"toy", "voc"}
    **changes
        Attributes of `Preset`; None keeps the data set's own.

    Raises
    ------
    ParameterError
        If the data set or an attribute is unknown, or a value is out of range.
    """
    if dataset not in PRESETS:
        raise ParameterError(f"No training preset {dataset!r}; expected {', '.join(PRESETS)}.")
    known = [field.name for field in fields(Preset)]
    for name in changes:
        if name not in known:
            raise ParameterError(f"No training setting {name!r}; expected some of {known}.")
    return replace(PRESETS[dataset], **{k: v for k, v in changes.items() if v is not None})
