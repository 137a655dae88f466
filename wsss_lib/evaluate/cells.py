"""Resolution against semantics: what the cells of a feature map can and cannot express.

The paper looks for the balance of the two (section 1). Here each is one simple measurement: what a
mask loses when it has one label per cell, and how well the nearest mean feature of a class
recognises the class of a cell, in images that the means were not made from.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from sklearn.metrics.pairwise import euclidean_distances
from tqdm.auto import tqdm

from wsss_lib.classify.backbones import Backbone
from wsss_lib.datasets.classes import VOID, ClassSet
from wsss_lib.datasets.devkit import DevkitDataset, Sample
from wsss_lib.features import extract
from wsss_lib.metrics import confusion_matrix, iou, mean_iou


def cell_labels(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The most frequent class in each cell; in a tie the smaller index.

    Parameters
    ----------
    mask : ndarray, shape (H, W), uint8
        255 (void) counts only where a cell contains nothing else.
    size : tuple of int
        (h, w) of the map; not larger than the mask.

    Returns
    -------
    ndarray, shape (h, w), uint8
    """
    rows, cols = _cells_of_pixels(mask.shape, size)
    cells = size[0] * size[1]
    place = (rows[:, None] * size[1] + cols).ravel()
    present = np.unique(mask)
    present = present[present != VOID]
    counts = [np.bincount(place, (mask == label).ravel(), cells) for label in present]
    if not counts:
        return np.full(size, VOID, np.uint8)
    labels = present[np.argmax(counts, axis=0)]
    labels[np.max(counts, axis=0) == 0] = VOID
    return labels.reshape(size)


def resize_labels(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Labels at another size, (h, w) -> (H, W), by the nearest one, as torch and OpenCV do it.

    Enlarged, every pixel has the label of its cell; shrunk, every cell that of its first pixel.
    """
    rows, cols = _cells_of_pixels(size, labels.shape)
    return labels[rows[:, None], cols]


def _cells_of_pixels(
    image_size: tuple[int, int], size: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """The row of cells of each row of pixels, and the same for columns."""
    return tuple(np.arange(n) * cells // n for n, cells in zip(image_size, size, strict=True))


def one_label_per_cell(dataset: DevkitDataset, strides: Sequence[int]) -> pd.DataFrame:
    """The IoU of ground truth that keeps one label per cell: what resolution alone takes away.

    A classifier that reads features between the cells can do better, since interpolation places
    edges inside a cell.

    Parameters
    ----------
    dataset : DevkitDataset
    strides : sequence of int
        Sides of a cell in pixels.

    Returns
    -------
    DataFrame
        IoU in %, indexed by ``stride``; one column per class, and ``mean``.
    """
    n_classes = len(dataset.classes)
    pooled = {stride: np.zeros((n_classes,) * 2, np.int64) for stride in strides}
    for id_ in tqdm(dataset.ids, desc="coarse masks", unit="mask"):
        mask = dataset.mask(id_)
        for stride, confusion in pooled.items():
            size = tuple(-(-side // stride) for side in mask.shape)
            coarse = resize_labels(cell_labels(mask, size), mask.shape)
            confusion += confusion_matrix(mask, coarse, n_classes)
    rows = {stride: [*iou(confusion), mean_iou(confusion)] for stride, confusion in pooled.items()}
    return _table(rows, dataset.classes, "stride")


def nearest_mean_recall(
    train: DevkitDataset, test: DevkitDataset, layers: Sequence[str], backbone: Backbone | None
) -> pd.DataFrame:
    """How well the nearest class mean of other images recognises a cell's class.

    The mean feature of each class is taken over the cells of the images in `train`; then every
    cell in `test` gets the class whose mean is nearest. Features are z-scored per image, as for
    the image-specific classifier, but here one classifier serves all images.

    Parameters
    ----------
    train, test : DevkitDataset
        Of the same classes, with no image in common.
    layers : sequence of str
    backbone : Backbone, optional

    Returns
    -------
    DataFrame
        Recall in % (share of a class's cells that are classified correctly), indexed by ``layer``;
        one column per class, and ``mean``. Guessing gives a mean of 100 / K. NaN for a class that
        one of the two data sets lacks.
    """
    n_classes = len(train.classes)
    means = _class_means(train, layers, backbone)
    pooled = {layer: np.zeros((n_classes,) * 2, np.int64) for layer in layers}
    for sample in tqdm(test, desc="nearest means", unit="image", total=len(test)):
        for layer, (cells, truth) in _labelled_cells(sample, layers, backbone).items():
            known = np.flatnonzero(np.isfinite(means[layer]).all(1))
            nearest = known[euclidean_distances(cells, means[layer][known]).argmin(1)]
            pooled[layer] += confusion_matrix(truth, nearest.astype(np.uint8), n_classes)
    rows = {layer: _recall(confusion, means[layer]) for layer, confusion in pooled.items()}
    return _table({k: [*v, np.nanmean(v)] for k, v in rows.items()}, train.classes, "layer")


def _class_means(
    dataset: DevkitDataset, layers: Sequence[str], backbone: Backbone | None
) -> dict[str, np.ndarray]:
    """The mean feature of each class, (K, C) per layer; NaN for a class that no cell shows."""
    n_classes = len(dataset.classes)
    sums = {layer: 0.0 for layer in layers}
    counts = {layer: 0 for layer in layers}
    for sample in tqdm(dataset, desc="class means", unit="image", total=len(dataset)):
        for layer, (cells, labels) in _labelled_cells(sample, layers, backbone).items():
            member = labels == np.arange(n_classes)[:, None]
            sums[layer] = sums[layer] + member.astype(np.float64) @ cells
            counts[layer] = counts[layer] + member.sum(1)
    with np.errstate(invalid="ignore"):
        return {layer: sums[layer] / counts[layer][:, None] for layer in layers}


def _labelled_cells(
    sample: Sample, layers: Sequence[str], backbone: Backbone | None
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Features (cells, C) and labels (cells,) of an image, one pair per layer."""
    maps = extract(sample.image, layers, backbone)
    return {
        layer: (
            map_.values.flatten(1).T.numpy(),
            cell_labels(sample.mask, map_.size).ravel(),
        )
        for layer, map_ in maps.items()
    }


def _recall(confusion: np.ndarray, means: np.ndarray) -> np.ndarray:
    """Recall of each class; NaN for a class without cells, or without a mean."""
    cells = confusion.sum(1)
    known = (cells > 0) & np.isfinite(means).all(1)
    return np.divide(np.diag(confusion), cells, out=np.full(len(cells), np.nan), where=known)


def _table(rows: dict, classes: ClassSet, index: str) -> pd.DataFrame:
    table = pd.DataFrame.from_dict(rows, orient="index", columns=[*classes.short, "mean"])
    return (100 * table).rename_axis(index)
