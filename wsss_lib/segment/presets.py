"""How a segmentation network is trained: the settings of each data set."""

from dataclasses import dataclass

from wsss_lib.errors import ParameterError
from wsss_lib.segment.network import RATES
from wsss_lib.training import Optimisation


@dataclass(frozen=True, kw_only=True)
class SegmenterPreset(Optimisation):
    """Settings of a training of the segmentation network.

    Attributes
    ----------
    backbone : str
        See `wsss_lib.classify.backbones.build_backbone`.
    weights : str
        See `wsss_lib.segment.caffe.first_backbone`; ``"trained"`` and ``"sipe"``, too: the
        classification network of the data set, trained without SIPE or with it.
    crop : int
        Side of the square crops in pixels.
    factors : tuple of float
        Of an image's size; one is drawn for each crop.
    rates : tuple of int
        Dilations of the pyramid in cells of 8 pixels. The greatest should be well below the crop's
        cells: beyond it the outer weights see no pixel in training, and some at test time.
    epochs, batch, optimiser, lr, head_factor, momentum, weight_decay, power, clip_norm
        See `wsss_lib.training.Optimisation`; the biases of the new layers learn at twice the rate
        of their weights, and do not decay.
    """

    backbone: str
    weights: str
    crop: int
    factors: tuple[float, ...]
    rates: tuple[int, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.crop > 0:
            raise ParameterError(f"crop={self.crop}; it must be positive.")
        for name in ("factors", "rates"):
            values = getattr(self, name)
            if not values or not min(values) > 0:
                raise ParameterError(f"{name}={values}; positive ones were expected.")


PRESETS = {
    # A training of minutes on one core, from a classifier that knows the classes. Crops and
    # dilations are a quarter of VOC's. AdamW moves each weight by its rate, and a cell of the
    # pyramid sums 18432 of them: at ten times the backbone's rate it would overshoot.
    "toy": SegmenterPreset(
        backbone="resnet10",
        weights="trained",
        epochs=4,
        batch=4,
        crop=80,
        factors=(0.75, 1.0),
        rates=(1, 2, 4, 6),
        optimiser="adamw",
        lr=5e-4,
        head_factor=0.3,
        momentum=0.9,
        weight_decay=1e-4,
    ),
    # DeepLabV2 as deeplab-pytorch trains it, but for the first weights: those published were learnt
    # from the masks of COCO, a file that is not here. Its 20000 steps are 18.9 passes over the
    # 10582 images of trainaug; its batch is two of 5, added up, which makes no difference while
    # batch norm does not learn, but for how void pixels weigh in the mean.
    "voc": SegmenterPreset(
        backbone="resnet101",
        weights="imagenet",
        epochs=19,
        batch=10,
        crop=321,
        factors=(0.5, 0.75, 1.0, 1.25, 1.5),
        rates=RATES,
        optimiser="sgd",
        lr=2.5e-4,
        head_factor=10,
        momentum=0.9,
        weight_decay=5e-4,
        clip_norm=float("inf"),
    ),
}
