"""Image-specific class activation maps of whole images, over several scales."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch.nn import functional

from wsss_lib.classify.augment import rescale
from wsss_lib.classify.sipe.maps import (
    divide_by_greatest,
    localisation_maps,
    prototype_cams,
    prototypes,
    structure_seeds,
)
from wsss_lib.classify.sipe.network import SIPENetwork, SIPESettings
from wsss_lib.scores import ClassScores


@torch.no_grad()
def image_specific_cams(
    network: SIPENetwork,
    image: np.ndarray,
    labels: Sequence[int],
    scales: Sequence[float] = (1.0, 0.5, 1.5, 2.0),
    flip: bool = True,
    background_weight: float | None = None,
) -> ClassScores:
    """The image-specific CAMs of an image and its background, brought to its size.

    At each scale the logits and the hierarchical features of the image and of its mirror image are
    added before anything else is made of them. The maps are brought to image size by bilinear
    interpolation and summed over the scales; each is then divided by its greatest value. There is
    no threshold: the background has a prototype of its own (SIPE, Chen et al. 2022, as released).

    Parameters
    ----------
    network : SIPENetwork
        Put in evaluation mode.
    image : ndarray, shape (H, W, 3), uint8
    labels : sequence of int
        The image-level labels, rising: class indices as in masks, from 1.
    scales : sequence of float
        Multiples of the image's size.
    flip : bool
        Whether the mirror image is looked at, too.
    background_weight : float, optional
        See `SIPESettings`; that of the training when left out. A network that was trained for a
        short time sees absent classes everywhere, which takes the background away; 1 gives it back.

    Returns
    -------
    ClassScores
        Of the background and the labels, in 0..1; all 0 for a class that no cell joins.

    Raises
    ------
    ParameterError
        If the network has no such class, or the labels do not rise.
    """
    network.check_classes(labels)
    network.eval()
    channels = [0, *labels]
    settings = network.settings
    if background_weight is not None:
        settings = replace(settings, background_weight=background_weight)
    cams = sum(_cams(network, settings, image, channels, scale, flip) for scale in scales)
    return ClassScores(divide_by_greatest(cams)[0].cpu().numpy(), tuple(channels))


def _cams(
    network: SIPENetwork,
    settings: SIPESettings,
    image: np.ndarray,
    channels: list[int],
    scale: float,
    flip: bool,
) -> torch.Tensor:
    """The image-specific CAMs at one scale, at image size: (1, channels, H, W)."""
    size = image.shape[:2]
    if scale != 1:
        image = rescale(image, max(round(max(size) * scale), 1))
    views = np.stack([image, image[:, ::-1]] if flip else [image])
    stages = network.backbone.stages(network.backbone.normalise(views))
    deepest, features = _united(stages[-1]), _united(network.hierarchical(stages))
    logits = _united(network.classifier(stages[-1]))
    source = {"F5": deepest, "hierarchical": features}[settings.inference_structure]
    # cells can join an absent class, whose map is not masked here, and then are no seeds at all
    seeds = structure_seeds(source, localisation_maps(logits), settings.background_weight)
    cams = prototype_cams(features, prototypes(seeds[:, channels], features))
    return functional.interpolate(cams, size, mode="bilinear")


def _united(maps: torch.Tensor) -> torch.Tensor:
    """The map of an image plus, turned back, that of its mirror image, if there is one."""
    return maps[:1] + maps[1:].flip(-1) if len(maps) > 1 else maps
