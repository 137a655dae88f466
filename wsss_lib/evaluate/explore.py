"""One image looked at closely: sample, fit, predict, score, with everything kept."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.datasets import DevkitDataset, Sample
from wsss_lib.expand.image import Expansion, expand
from wsss_lib.expand.sampling import PixelSamples, sample_mask
from wsss_lib.expand.svm import ImageSVM
from wsss_lib.features import (
    KNOWN_LAYERS,
    FeatureMap,
    check_backbone,
    check_layers,
    extract,
    needs_backbone,
)
from wsss_lib.metrics import confusion_matrix, iou_of_counted, mean


@dataclass(frozen=True)
class Exploration:
    """One image expanded with one layer.

    Attributes
    ----------
    sample : Sample
    layer : str
    pixels : PixelSamples
        What the classifier was trained on.
    expansion : Expansion
        The mask, the fitted classifier and the seconds.
    confusion, held_out : ndarray, shape (K, K), int64
        Of all pixels, and of those that were not sampled; void out. K counts all classes of the
        data set.
    """

    sample: Sample
    layer: str
    pixels: PixelSamples
    expansion: Expansion
    confusion: np.ndarray
    held_out: np.ndarray

    @property
    def mask(self) -> np.ndarray:
        """The predicted mask, (H, W) uint8."""
        return self.expansion.mask

    def row(self) -> dict[str, object]:
        """Scores and costs as a row of a table; IoU in %, see `image_iou`."""
        return {
            "image": self.sample.id,
            "layer": self.layer,
            "n": self.pixels.requested,
            "IoU, all pixels": image_iou(self.confusion),
            "IoU, held out": image_iou(self.held_out),
            "support vectors": self.expansion.svm.n_support_,
            "fit seconds": self.expansion.fit_seconds,
            "predict seconds": self.expansion.predict_seconds,
        }


def explore(
    dataset: DevkitDataset,
    backbone: BackboneSpec | None,
    id_: str,
    layer: str,
    n: int,
    seed: int = 0,
    svm: ImageSVM | None = None,
) -> Exploration:
    """Sample, fit, predict and score one image (section 3).

    Parameters
    ----------
    dataset : DevkitDataset
    backbone : BackboneSpec or None
        The network behind F1..F5; None where only ``img`` or ``xy`` are asked for.
    id_ : str
    layer : str
        ``img``, ``xy`` or ``F1`` to ``F5``.
    n : int
        Sampled pixels a class.
    seed : int
        Of the sampling.
    svm : ImageSVM, optional
        Unfitted; scikit-learn's defaults when left out.

    Returns
    -------
    Exploration

    Raises
    ------
    ParameterError
        If the layer is unknown or comes from a network and there is none, or n is not positive.
    DataError
        If the image or its mask cannot be read.
    """
    check_layers([layer])
    check_backbone([layer], backbone)
    feature = image_features(dataset, id_, backbone if needs_backbone(layer) else None)[layer]
    sample, count = dataset.sample(id_), len(dataset.classes)
    pixels = sample_mask(sample.mask, n, seed, id_)
    result = expand(feature, pixels.label_image(), svm or ImageSVM())
    return Exploration(
        sample,
        layer,
        pixels,
        result,
        confusion_matrix(sample.mask, result.mask, count),
        confusion_matrix(sample.mask, result.mask, count, pixels.held_out()),
    )


@lru_cache(maxsize=4)
def image_features(
    dataset: DevkitDataset, id_: str, backbone: BackboneSpec | None
) -> dict[str, FeatureMap]:
    """All features of an image, z-scored; kept for the last few images.

    Without a backbone only ``img`` and ``xy``.
    """
    layers = [layer for layer in KNOWN_LAYERS if backbone or not needs_backbone(layer)]
    return extract(dataset.image(id_), layers, backbone.load() if backbone else None)


def image_iou(confusion: np.ndarray) -> float:
    """The mean IoU in % over the classes that have a counted pixel in one image.

    Parameters
    ----------
    confusion : ndarray, shape (K, K), int
        Rows are true classes.

    Returns
    -------
    float
        NaN where no pixel is counted.
    """
    return 100 * mean(iou_of_counted(confusion))
