"""Average precision: how well the scores find the images of each class."""

import numpy as np
import torch
from sklearn.metrics import average_precision_score
from tqdm.auto import tqdm

from wsss_lib.classify.network import ClassificationNetwork
from wsss_lib.datasets.devkit import DevkitDataset


def image_scores(network: ClassificationNetwork, dataset: DevkitDataset) -> np.ndarray:
    """The scores (logits) of whole images at their own size.

    Parameters
    ----------
    network : ClassificationNetwork
        Put in evaluation mode.
    dataset : DevkitDataset

    Returns
    -------
    ndarray, shape (images, object classes), float32
    """
    network.eval()
    ids = tqdm(dataset.ids, desc="scoring images", unit="image", delay=2, leave=False)
    with torch.no_grad():
        rows = [network(network.backbone.normalise(dataset.image(id_))).cpu() for id_ in ids]
    return torch.cat(rows).numpy()


def average_precision(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """The average precision of each class.

    Parameters
    ----------
    labels : ndarray, shape (images, classes)
        Zeros and ones.
    scores : ndarray, shape (images, classes)

    Returns
    -------
    ndarray, shape (classes,), float64
        In 0..1; NaN for a class that no image shows.
    """
    return np.array(
        [
            average_precision_score(truth, score) if truth.any() else np.nan
            for truth, score in zip(labels.T, scores.T, strict=True)
        ]
    )
