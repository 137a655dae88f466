"""What a data set holds: how often each class is shown, and how large."""

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from wsss_lib.datasets.classes import VOID, ClassSet
from wsss_lib.datasets.devkit import DevkitDataset


def pixel_counts(dataset: DevkitDataset) -> np.ndarray:
    """Count each image's pixels by class.

    Returns
    -------
    ndarray, shape (images, K + 1), int64
        K = ``len(dataset.classes)``; the last column is void.
    """
    n_classes = len(dataset.classes)
    counts = np.zeros((len(dataset), n_classes + 1), np.int64)
    for row, id_ in zip(counts, tqdm(dataset.ids, desc="masks", unit="mask"), strict=True):
        histogram = np.bincount(dataset.mask(id_).ravel(), minlength=VOID + 1)
        row[:] = *histogram[:n_classes], histogram[VOID]
    return counts


def class_statistics(counts: np.ndarray, classes: ClassSet, samples: int) -> pd.DataFrame:
    """How often each class is shown and how large it is.

    Parameters
    ----------
    counts : ndarray, shape (images, K + 1), int
        As `pixel_counts` gives them.
    classes : ClassSet
        K classes.
    samples : int
        Pixels per class that an image-specific classifier asks for.

    Returns
    -------
    DataFrame
        One row per class, indexed by ``class``: ``images`` that show it, ``pixels`` (its share of
        all labelled pixels, %), ``area`` (its median share of an image that shows it, void
        included, %), ``small`` (the images in which it has fewer than `samples` pixels).
    """
    labelled = counts[:, :-1]
    present = labelled > 0
    shares = np.where(present, labelled / counts.sum(1, keepdims=True), np.nan)
    area = [np.median(column[~np.isnan(column)]) if np.isfinite(column).any() else np.nan
            for column in shares.T]  # fmt: skip
    return pd.DataFrame(
        {
            "images": present.sum(0),
            "pixels": 100 * labelled.sum(0) / labelled.sum(),
            "area": 100 * np.array(area),
            "small": (present & (labelled < samples)).sum(0),
        },
        index=pd.Index(classes.short, name="class"),
    )


def cooccurrence(labels: np.ndarray, classes: ClassSet) -> pd.DataFrame:
    """How many images show two object classes together; how many show one, on the diagonal.

    Parameters
    ----------
    labels : ndarray, shape (images, K - 1), 0 or 1
        As `DevkitDataset.label_matrix` gives them.
    classes : ClassSet
        K classes, background included.
    """
    names = pd.Index(classes.short[1:], name="class")
    return pd.DataFrame((labels.T @ labels).astype(int), index=names, columns=names.rename(None))
