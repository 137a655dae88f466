"""One image in detail: sample, fit, predict, score, with everything kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
from sklearn.base import ClassifierMixin

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.datasets import DevkitDataset, Sample
from wsss_lib.datasets.classes import ClassSet
from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.settings import Setting
from wsss_lib.expand.image import Classifier, Expansion, expand
from wsss_lib.expand.pixels import PixelClassifier
from wsss_lib.expand.product import ProductSVM
from wsss_lib.expand.sampling import PixelSamples, sample_mask
from wsss_lib.features import (
    KNOWN_LAYERS,
    FeatureMap,
    check_backbone,
    extract,
    needs_backbone,
    split_feature,
)
from wsss_lib.metrics import confusion_matrix, iou_of_counted, mean
from wsss_lib.weak.seeds import Localiser
from wsss_lib.weak.selection import count_right, select_samples

#: Where samples come from in the paper's upper bound, and by default.
GROUND_TRUTH = "ground truth"
#: The shallow layer in which ``consistent`` samples look like their class.
LOOK = "F2"


@dataclass(frozen=True)
class SeedSource:
    """Samples that come from a seed, so that no ground truth is used.

    Attributes
    ----------
    name : str
        Whose seed it is, such as ``SIPE`` or ``CAM``.
    localiser : Localiser
        Gives the scores whose argmax is the seed.
    selection : str
        One of `wsss_lib.weak.selection.SELECTIONS`.
    """

    name: str
    localiser: Localiser
    selection: str = "seed"

    def __str__(self) -> str:
        return f"{self.name}: {self.selection}"


@dataclass(frozen=True)
class Exploration:
    """One image expanded with one layer or with several.

    Attributes
    ----------
    sample : Sample
    layer : str
        See `wsss_lib.features.split_feature`.
    pixels : PixelSamples
        What the classifier was trained on.
    expansion : Expansion
        The mask, the fitted classifier and the seconds.
    confusion, held_out : ndarray, shape (K, K), int64
        Of all pixels, and of those that were not sampled, both without void. K counts all classes
        of the data set.
    source : str
        Where the samples come from: ``ground truth``, or whose seed and which selection.
    """

    sample: Sample
    layer: str
    pixels: PixelSamples
    expansion: Expansion
    confusion: np.ndarray
    held_out: np.ndarray
    source: str

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
            "support vectors": getattr(self.expansion.svm, "n_support_", 0),
            "fit seconds": self.expansion.fit_seconds,
            "predict seconds": self.expansion.predict_seconds,
        }

    def classifier(self) -> dict[str, object]:
        """Kernel, C and gamma of the SVM; of another classifier its name as the kernel."""
        svm = self.expansion.svm
        if isinstance(svm, PixelClassifier):
            return {"kernel": type(svm.estimator).__name__, "C": np.nan, "gamma": ""}
        settings = svm.get_params()
        kernel = settings.get("kernel", "rbf")  # a product has no other
        return {"kernel": kernel, "C": settings["C"], "gamma": settings["gamma"]}

    def labels_counted(self) -> tuple[int, int]:
        """How many samples have the label of the ground truth, and of how many not on void."""
        right, judged = zip(*count_right(self.pixels, self.sample.mask).values(), strict=True)
        return sum(right), sum(judged)

    def labels_right(self) -> float:
        """The share of samples whose label is that of the ground truth, in %; void is left out."""
        right, judged = self.labels_counted()
        return 100 * right / judged if judged else float("nan")


def explore(
    dataset: DevkitDataset,
    backbone: BackboneSpec | None,
    id_: str,
    layer: str,
    n: int,
    seed: int = 0,
    svm: Classifier | ClassifierMixin | None = None,
    source: SeedSource | None = None,
) -> Exploration:
    """Sample, fit, predict and score one image (section 3).

    Parameters
    ----------
    dataset : DevkitDataset
    backbone : BackboneSpec or None
        The network behind F1 to F5; None if only ``img`` or ``xy`` are needed.
    id_ : str
    layer : str
        ``img``, ``xy`` or ``F1`` to ``F5``, or several such as ``F1+F3`` or ``F1*F3``, see
        `wsss_lib.features.split_feature`.
    n : int
        Sampled pixels per class.
    seed : int
        Of the sampling.
    svm : classifier as of `wsss_lib.expand.image.expand`, optional
        Unfitted; an SVM by scikit-learn's defaults when left out. A product of layers needs a
        `ProductSVM`.
    source : SeedSource, optional
        The seed that gives samples and their labels; ground truth when left out.

    Returns
    -------
    Exploration

    Raises
    ------
    ParameterError
        If a layer is unknown or needs a network and there is none, n is not positive, or the
        classifier does not fit the way the layers are combined.
    DataError
        If the image or its mask cannot be read.
    """
    layers, sign = split_feature(layer)
    needed = [*layers, LOOK] if source and source.selection == "consistent" else layers
    check_backbone(needed, backbone)
    svm = Setting(layer, n).svm(threads=None) if svm is None else svm
    if isinstance(svm, ProductSVM) != (sign == "*"):
        raise ParameterError(
            f"{layer} with {type(svm).__name__}; expected a ProductSVM for a product such as F1*F3 "
            "and for nothing else."
        )
    maps = image_features(dataset, id_, backbone if any(map(needs_backbone, needed)) else None)
    sample, count = dataset.sample(id_), len(dataset.classes)
    if source:
        scores = source.localiser.scores(dataset, id_)
        pixels = select_samples(scores, n, source.selection, maps.get(LOOK), seed, id_)
    else:
        pixels = sample_mask(sample.mask, n, seed, id_)
    result = expand([maps[each] for each in layers], pixels.label_image(), svm)
    return Exploration(
        sample,
        layer,
        pixels,
        result,
        confusion_matrix(sample.mask, result.mask, count),
        confusion_matrix(sample.mask, result.mask, count, pixels.held_out()),
        str(source or GROUND_TRUTH),
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
    """The mean IoU in % over the classes that have a scored pixel in one image.

    Parameters
    ----------
    confusion : ndarray, shape (K, K), int
        Rows are true classes.

    Returns
    -------
    float
        NaN if no pixel is scored.
    """
    return 100 * mean(iou_of_counted(confusion))


def class_scores(result: Exploration, classes: ClassSet) -> pd.DataFrame:
    """IoU in % of each class that the ground truth has, and their mean in the last row.

    Parameters
    ----------
    result : Exploration
    classes : ClassSet

    Returns
    -------
    DataFrame
        Indexed by ``class``; the columns ``all pixels`` and ``held out``, NaN if no pixel of
        the class is scored.
    """
    shown = np.flatnonzero(result.confusion.sum(1))
    columns = {"all pixels": result.confusion, "held out": result.held_out}
    scores = {
        name: [*100 * iou_of_counted(counts)[shown], image_iou(counts)]
        for name, counts in columns.items()
    }
    names = [*(classes.names[label] for label in shown), "mean"]
    return pd.DataFrame(scores, pd.Index(names, name="class"))


def history(results: Sequence[Exploration], classes: ClassSet) -> pd.DataFrame:
    """All that was tried, one row each in that order: settings, scores and costs.

    Parameters
    ----------
    results : sequence of Exploration
        Of any classifier but `NearestSample`.
    classes : ClassSet

    Returns
    -------
    DataFrame
        The columns of `Exploration.row`, where the samples come from and how many of their labels
        are correct (%), kernel, C and gamma, and the IoU (%) on all pixels of each class that any
        of the images has.
    """
    return pd.DataFrame([_line(result, classes) for result in results])


def _line(result: Exploration, classes: ClassSet) -> dict[str, object]:
    settings = {
        "image": result.sample.id,
        "samples from": result.source,
        "labels right": result.labels_right(),
        "layer": result.layer,
        "n": result.pixels.requested,
        **result.classifier(),
    }
    scores = class_scores(result, classes)["all pixels"].drop("mean")
    return settings | result.row() | scores.add_prefix("IoU, ").to_dict()
