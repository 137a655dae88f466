"""Where class activation maps lie: on their object, on others, or on the background."""

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from wsss_lib.classify.cam import class_activation_maps
from wsss_lib.classify.network import ClassificationNetwork
from wsss_lib.datasets.classes import VOID
from wsss_lib.datasets.devkit import DevkitDataset


def activation_places(cam: np.ndarray, mask: np.ndarray, label: int) -> np.ndarray:
    """The sums of an activation map on its own class, on other objects and on the background.

    Parameters
    ----------
    cam : ndarray, shape (H, W), float
        Not negative.
    mask : ndarray, shape (H, W), uint8
        Void (255) counts nowhere.
    label : int
        The class that the map is of.

    Returns
    -------
    ndarray, shape (3,), float64
    """
    own, background = mask == label, mask == 0
    other = ~own & ~background & (mask != VOID)
    return np.array([cam[where].sum(dtype=np.float64) for where in (own, other, background)])


def cam_shares(network: ClassificationNetwork, dataset: DevkitDataset) -> pd.DataFrame:
    """Which share of the activation lies where, for each object class.

    Parameters
    ----------
    network : ClassificationNetwork
    dataset : DevkitDataset
        Maps are made for the image-level labels of each image.

    Returns
    -------
    DataFrame
        Indexed by ``class``: ``own class``, ``other objects`` and ``background`` in % of the
        class's activation in all images, void left out; NaN for a class that no image shows.
    """
    sums = np.zeros((len(dataset.classes) - 1, 3))
    for sample in tqdm(dataset, desc="CAMs", unit="image", total=len(dataset)):
        labels = dataset.labels(sample.id)
        cams = class_activation_maps(network, sample.image, labels)
        for label, cam in zip(labels, cams, strict=True):
            sums[label - 1] += activation_places(cam, sample.mask, label)
    totals = sums.sum(1, keepdims=True)
    shares = np.divide(100 * sums, totals, out=np.full_like(sums, np.nan), where=totals > 0)
    index = pd.Index(dataset.classes.short[1:], name="class")
    return pd.DataFrame(shares, index, ["own class", "other objects", "background"])
