"""Class activation maps: where a network sees a class."""

from collections.abc import Sequence

import numpy as np
import torch
from torch.nn import functional

from wsss_lib.classify.augment import rescale
from wsss_lib.classify.network import ClassificationNetwork


def class_activation_maps(
    network: ClassificationNetwork,
    image: np.ndarray,
    classes: Sequence[int],
    scales: Sequence[float] = (1.0,),
    flip: bool = True,
) -> np.ndarray:
    """The class activation maps of an image, brought to its size.

    The logit maps of the image and of its mirror image are averaged, cut off below 0, brought to
    image size by bilinear interpolation and summed over the scales; each class is then divided by
    its greatest value.

    Parameters
    ----------
    network : ClassificationNetwork
        Put in evaluation mode.
    image : ndarray, shape (H, W, 3), uint8
    classes : sequence of int
        Class indices as in masks, from 1: those of `DevkitDataset.labels`, say.
    scales : sequence of float
        Multiples of the image's size; the field uses (1, 0.5, 1.5, 2).
    flip : bool
        Whether the mirror image is looked at, too.

    Returns
    -------
    ndarray, shape (len(classes), H, W), float32
        0..1; all 0 for a class that is seen nowhere.

    Raises
    ------
    ParameterError
        If the network has no such class.
    """
    network.check_classes(classes)
    network.eval()
    channels = np.array(classes, int) - 1
    maps = sum(_logit_maps(network, image, scale, flip)[channels] for scale in scales)
    greatest = maps.amax((1, 2), keepdim=True)
    return (maps / greatest.where(greatest > 0, 1)).cpu().numpy()


@torch.no_grad()
def _logit_maps(
    network: ClassificationNetwork, image: np.ndarray, scale: float, flip: bool
) -> torch.Tensor:
    """The positive part of the logit maps at one scale, at image size: (classes, H, W)."""
    size = image.shape[:2]
    if scale != 1:
        image = rescale(image, max(round(max(size) * scale), 1))
    views = np.stack([image, image[:, ::-1]] if flip else [image])
    logits = network.logit_maps(network.backbone.normalise(views))
    if flip:
        logits = (logits[:1] + logits[1:].flip(-1)) / 2
    return functional.interpolate(logits.relu(), size, mode="bilinear")[0]
