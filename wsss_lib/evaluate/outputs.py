"""What segmentation networks say of images, beside the masks that they learnt from."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from wsss_lib.datasets import DevkitDataset, Sample
from wsss_lib.evaluate.explore import image_iou
from wsss_lib.metrics import confusion_matrix
from wsss_lib.segment.segmenter import Segmenter


def output_columns(
    samples: Sequence[Sample],
    masks: Mapping[str, DevkitDataset],
    networks: Mapping[str, Segmenter],
    crf_preset: str | None = None,
) -> dict[str, list[np.ndarray]]:
    """What networks say of images, beside the masks that they learnt from (Figure 3).

    Parameters
    ----------
    samples : sequence of Sample
        Of the images that are learnt from, with ground truth as their masks.
    masks : mapping of str to DevkitDataset
        What is learnt from, by kind.
    networks : mapping of str to Segmenter
        What has learnt from each kind.
    crf_preset : str, optional
        See `wsss_lib.segment.segmenter.Segmenter.scores`.

    Returns
    -------
    dict of str to list of ndarray, shape (H, W), uint8
        By title, a mask an image: ``masks: svm`` and ``network: svm`` and so on. The ground truth
        is no column.
    """
    columns = {}
    for kind, network in networks.items():
        if kind != "truth":
            columns[f"masks: {kind}"] = [filled_mask(masks[kind], each.id) for each in samples]
        columns[f"network: {kind}"] = [network.mask(each.image, crf_preset) for each in samples]
    return columns


def image_scores(
    samples: Sequence[Sample], columns: Mapping[str, Sequence[np.ndarray]], n_classes: int
) -> pd.DataFrame:
    """The mean IoU in % of each image alone, for several masks of it.

    Parameters
    ----------
    samples : sequence of Sample
    columns : mapping of str to sequence of ndarray, shape (H, W), uint8
        Masks without void, one an image, by what they are called.
    n_classes : int

    Returns
    -------
    DataFrame
        Indexed by the ``image``'s id, in the columns' order.
    """
    scores = {
        name: [
            image_iou(confusion_matrix(sample.mask, mask, n_classes))
            for sample, mask in zip(samples, masks, strict=True)
        ]
        for name, masks in columns.items()
    }
    return pd.DataFrame(scores, pd.Index([sample.id for sample in samples], name="image"))


def filled_mask(masks: DevkitDataset, id_: str) -> np.ndarray:
    """A mask with background where it has no label (void): (H, W) uint8."""
    found = masks.mask(id_)
    return np.where(found < len(masks.classes), found, 0).astype(np.uint8)
