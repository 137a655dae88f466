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
    shares = pd.DataFrame(labelled / counts.sum(1, keepdims=True)).where(present)
    return pd.DataFrame(
        {
            "images": present.sum(0),
            "pixels": 100 * labelled.sum(0) / labelled.sum(),
            "area": 100 * shares.median().to_numpy(),
            "small": (present & (labelled < samples)).sum(0),
        },
        index=pd.Index(classes.short, name="class"),
    )
