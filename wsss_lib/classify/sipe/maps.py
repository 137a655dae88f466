"""From logit maps to image-specific class activation maps, as tensor functions.

SIPE (Chen et al., "Self-supervised Image-specific Prototype Exploration for Weakly Supervised
Semantic Segmentation", CVPR 2022) lets every cell of an image join the class whose localisation map
is most like the cell's structure map: how alike the other cells are to it. The mean feature of a
class's cells, its prototype, then finds the class anew. Formulas are those of the released code.

Throughout: N images, K object classes, C = K + 1 channels with the background first, maps (h, w).
"""

import torch
from torch.nn import functional

#: Added to what is divided by: norms and greatest values.
EPSILON = 1e-5


def divide_by_greatest(maps: torch.Tensor) -> torch.Tensor:
    """Divide each map (N, C, h, w) by its greatest value; an empty one stays empty."""
    return maps / (maps.amax((2, 3), keepdim=True) + EPSILON)


def unit_vectors(features: torch.Tensor) -> torch.Tensor:
    """Bring the feature of each cell (N, D, h, w) to length 1; zero stays zero."""
    return features / (features.norm(dim=1, keepdim=True) + EPSILON)


def localisation_maps(logits: torch.Tensor) -> torch.Tensor:
    """Class activation maps with a background, which is what none of the classes claims.

    Absent classes take part: their maps are normalised and lower the background like all others.

    Parameters
    ----------
    logits : Tensor, shape (N, K, h, w)

    Returns
    -------
    Tensor, shape (N, C, h, w)
        In 0..1, differentiable.
    """
    maps = divide_by_greatest(logits.relu())
    return torch.cat([1 - maps.amax(1, keepdim=True), maps], 1)


def with_background(labels: torch.Tensor) -> torch.Tensor:
    """Image-level labels (N, K) with the background, which every image has, in front: (N, C)."""
    return torch.cat([torch.ones_like(labels[:, :1]), labels], 1)


def channel_mask(labels: torch.Tensor, valid: torch.Tensor, size: tuple[int, int]) -> torch.Tensor:
    """Where each channel may be: inside the image, and only if the image shows the class.

    Parameters
    ----------
    labels : Tensor, shape (N, K), float32
        Zeros and ones.
    valid : Tensor, shape (N, H, W), bool
        Where a crop shows its image.
    size : tuple of int
        (h, w) of the maps; `valid` is brought to it by the nearest pixel.

    Returns
    -------
    Tensor, shape (N, C, h, w), float32
        Zeros and ones.
    """
    inside = functional.interpolate(valid[:, None].float(), size, mode="nearest")
    return with_background(labels)[:, :, None, None] * inside


@torch.no_grad()
def structure_seeds(
    source: torch.Tensor, maps: torch.Tensor, background_weight: float = 0.5
) -> torch.Tensor:
    """Assign each cell to the channel whose map is most like the cell's structure map.

    The structure map of a cell is its cosine similarity to all cells, cut off below 0; alike means
    a large soft intersection over union.

    Parameters
    ----------
    source : Tensor, shape (N, D, h, w)
        The features that are compared.
    maps : Tensor, shape (N, C, h, w)
        See `localisation_maps`.
    background_weight : float
        The background's likeness is multiplied by it.

    Returns
    -------
    Tensor, shape (N, C, h, w), float32
        Ones and zeros, a single one in each cell; no gradient goes through them.
    """
    likeness = _soft_iou(source, maps)
    likeness[:, 0] *= background_weight
    seeds = functional.one_hot(likeness.argmax(1), maps.shape[1])
    return seeds.permute(0, 2, 1).reshape(maps.shape).float()


def _soft_iou(source: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
    """The soft IoU of every cell's structure map and every map: (N, C, h * w)."""
    cells, maps = unit_vectors(source).flatten(2), maps.flatten(2)
    structure = (cells.transpose(1, 2) @ cells).relu_()
    shared = maps @ structure  # which is symmetric: a product, not N x C x hw x hw numbers
    union = structure.sum(1, keepdim=True) + maps.sum(2, keepdim=True) - shared
    # a cell without a feature and an empty map share nothing of nothing: 0, not NaN
    return shared / union.clamp(min=EPSILON)


def prototypes(seeds: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
    """Sum the features of each channel's seeds, divided by the number of all cells.

    Only directions matter later, so this serves as well as the mean over the seeds and is 0 where
    there are none.

    Parameters
    ----------
    seeds : Tensor, shape (N, C, h, w)
    features : Tensor, shape (N, D, h, w)

    Returns
    -------
    Tensor, shape (N, C, D)
    """
    return seeds.flatten(2) @ features.flatten(2).transpose(1, 2) / features[0, 0].numel()


def prototype_cams(features: torch.Tensor, prototypes: torch.Tensor) -> torch.Tensor:
    """Image-specific class activation maps: cosine similarities to prototypes, cut off below 0.

    Parameters
    ----------
    features : Tensor, shape (N, D, h, w)
    prototypes : Tensor, shape (N, C, D)

    Returns
    -------
    Tensor, shape (N, C, h, w)
        In 0..1; all 0 for a prototype that is zero.
    """
    directions = functional.normalize(prototypes, dim=2)
    cosines = directions @ functional.normalize(features, dim=1).flatten(2)
    return cosines.relu().unflatten(2, features.shape[2:])
