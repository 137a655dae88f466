"""Rounds of an expansion: what each one made, and what is known of it without ground truth.

In a round a classifier of the image learns from the mask of the round before, first from that of
the seed. So rounds amplify what the seed says, right or wrong; the signs below are what a rule can
look at to tell the two apart. They are ours.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy import ndimage
from sklearn.base import clone
from torch.nn.functional import avg_pool2d

from wsss_lib.classify.network import ClassificationNetwork
from wsss_lib.datasets.classes import VOID
from wsss_lib.expand.image import Classifier
from wsss_lib.expand.product import split_halves
from wsss_lib.expand.sampling import PixelSamples
from wsss_lib.features import FeatureMap
from wsss_lib.metrics import confusion_matrix, iou_of_counted, mean
from wsss_lib.scores import ClassScores

#: Samples of each class, at most, that signs are taken from: more take longer and say the same.
JUDGED = 300


@dataclass(frozen=True)
class Round:
    """What a round made of an image.

    Attributes
    ----------
    mask : ndarray, shape (H, W), uint8
    seconds : float
        From the beginning of the step to the end of the round.
    signs : dict of str to float
        See `round_signs`; empty unless they are watched.
    """

    mask: np.ndarray
    seconds: float
    signs: dict[str, float]


def keep_lost(scores: ClassScores, seed: np.ndarray) -> ClassScores:
    """Give each class of the seed that no pixel has any more the pixels of the seed back.

    An image-level label says that the class is there. Seeds of different classes do not overlap, so
    that each class is given back at most once.

    Parameters
    ----------
    scores : ClassScores
        Of all classes of the seed.
    seed : ndarray, shape (H, W), uint8

    Returns
    -------
    ClassScores
        The same where no class was lost.
    """
    values = None
    while lost := sorted(set(np.unique(seed).tolist()) - set(np.unique(scores.mask()).tolist())):
        values = scores.values.copy() if values is None else values
        own = np.array(scores.labels) == lost[0]
        values[:, seed == lost[0]] = own[:, None]
        scores = replace(scores, values=values)
    return scores


def attached(scores: ClassScores, seed: np.ndarray) -> ClassScores:
    """Leave of each object only the connected parts that share a pixel with its seed.

    A classifier that knows colours and textures only finds them anywhere in the image; the seed
    says where.

    Parameters
    ----------
    scores : ClassScores
        Of all classes of the seed.
    seed : ndarray, shape (H, W), uint8

    Returns
    -------
    ClassScores
        With nothing but background in all other parts; the same where there is no background.
    """
    mask, far = scores.mask(), np.zeros(scores.image_size, bool)
    for label in set(scores.labels) - {0}:
        parts, count = ndimage.label(mask == label)
        away = np.arange(count + 1) > 0
        away[parts[seed == label]] = False
        far |= away[parts]
    if not far.any() or 0 not in scores.labels:
        return scores
    values = scores.values.copy()
    values[:, far] = (np.array(scores.labels) == 0)[:, None]
    return replace(scores, values=values)


def area_change(seed: np.ndarray, mask: np.ndarray) -> float:
    """How much the area of all objects differs from the seed's, as a share of the seed's.

    Parameters
    ----------
    seed, mask : ndarray, shape (H, W), uint8
    """
    before, now = np.count_nonzero(seed), np.count_nonzero(mask)
    return abs(now - before) / max(before, 1)


def cross_fitted(
    svm: Classifier, maps: Sequence[FeatureMap], samples: PixelSamples, half: np.ndarray
) -> np.ndarray:
    """The label of each sample by a classifier of the samples in the other half.

    Parameters
    ----------
    svm : ImageSVM or ProductSVM
        Unfitted, and left so.
    maps : sequence of FeatureMap
    samples : PixelSamples
    half : ndarray, shape (n,), bool
        Which of the two each sample belongs to.

    Returns
    -------
    ndarray, shape (n,), uint8
        The samples' own where the other half is empty.
    """
    strip = [  # an image of a single row, of the samples only
        replace(
            map_,
            values=torch.from_numpy(map_.at(samples.rows, samples.cols).T[:, None].copy()),
            image_size=(1, len(samples)),
        )
        for map_ in maps
    ]
    found = samples.labels.copy()
    for fitting in (half, ~half):
        if fitting.any() and not fitting.all():
            known = np.where(fitting, samples.labels, VOID).astype(np.uint8)[None]
            found[~fitting] = clone(svm).fit(strip, known).predict(strip)[0, ~fitting]
    return found


def random_halves(samples: PixelSamples) -> np.ndarray:
    """Half of the samples of each class, at random: (n,) bool."""
    half = np.zeros(len(samples), bool)
    half[split_halves(samples.labels)[0]] = True
    return half


def block_halves(samples: PixelSamples, side: int = 64) -> np.ndarray:
    """The samples in the white squares of a chessboard over the image: (n,) bool."""
    return (samples.rows // side + samples.cols // side) % 2 == 0


def sample_signs(
    svm: Classifier, maps: Sequence[FeatureMap], samples: PixelSamples
) -> dict[str, float]:
    """The shares of samples whose `cross_fitted` label is their own.

    Returns
    -------
    dict of str to float
        ``agreement``: with random halves; ``carried``: from the squares of a chessboard to the
        others, so that no neighbour helps.
    """
    order = [np.flatnonzero(samples.labels == label)[:JUDGED] for label in samples.counts]
    few = samples.take(np.concatenate(order))
    halves = {"agreement": random_halves(few), "carried": block_halves(few)}
    return {
        name: float((cross_fitted(svm, maps, few, half) == few.labels).mean())
        for name, half in halves.items()
    }


@torch.no_grad()
def network_signs(
    network: ClassificationNetwork, image: np.ndarray, mask: np.ndarray, labels: Sequence[int]
) -> dict[str, float]:
    """Whether the classification network still sees the image-level labels in parts of an image.

    At half the size, in a quarter of the time. What is taken away gets the mean colour of the
    network's training, as crops beyond an image do.

    Parameters
    ----------
    network : ClassificationNetwork
        Put in evaluation mode.
    image : ndarray, shape (H, W, 3), uint8
    mask : ndarray, shape (H, W), uint8
    labels : sequence of int
        From 1; at least one.

    Returns
    -------
    dict of str to float
        The least probability of a label ``whole``, in the image; ``seen``, with only the objects of
        the mask; and the greatest one ``left``, without them.
    """
    network.eval()
    x = network.backbone.normalise(image[None])
    objects = torch.from_numpy(mask > 0).to(x.device)
    parts = torch.cat([x, x * objects, x * ~objects])
    probability = network(avg_pool2d(parts, 2, ceil_mode=True)).sigmoid()
    whole, seen, left = probability[:, np.array(labels) - 1]
    return {"whole": float(whole.min()), "seen": float(seen.min()), "left": float(left.max())}


def round_signs(scores: ClassScores, before: np.ndarray, seed: ClassScores) -> dict[str, float]:
    """What is known of a round without ground truth.

    Parameters
    ----------
    scores : ClassScores
        What the round made.
    before : ndarray, shape (H, W), uint8
        The mask that it learned from.
    seed : ClassScores
        What the first round began with.

    Returns
    -------
    dict of str to float
        ``stays``: the mean IoU of the mask with the one before; ``near``: with the
        seed's; ``margin``: the mean difference of the two greatest scores; ``objects`` and
        ``seed_objects``: the share of pixels that are no background, now and in the seed;
        ``least``: the least share that a class of the seed has now; ``outline``: the length of the
        borders between labels, as a multiple of the seed's; ``entropy``: of the seed's
        scores, normalised over the classes, as a share of the greatest possible.
    """
    mask, first = scores.mask(), seed.mask()
    ranked = np.sort(scores.values, axis=0)
    margin = ranked[-1] - ranked[-2] if len(ranked) > 1 else ranked[-1]
    shares = [float((mask == label).mean()) for label in np.unique(first)]
    return {
        "stays": _overlap(before, mask),
        "near": _overlap(first, mask),
        "margin": float(margin.mean()),
        "objects": float((mask > 0).mean()),
        "seed_objects": float((first > 0).mean()),
        "least": min(shares),
        "outline": _outline(mask) / max(_outline(first), 1),
        "entropy": _entropy(seed.values),
    }


def _overlap(one: np.ndarray, other: np.ndarray) -> float:
    """The mean IoU of two masks over the classes of the first."""
    return float(mean(iou_of_counted(confusion_matrix(one, other, VOID))))


def _outline(mask: np.ndarray) -> int:
    """How many pairs of neighbours have different labels."""
    return int((mask[1:] != mask[:-1]).sum() + (mask[:, 1:] != mask[:, :-1]).sum())


def _entropy(values: np.ndarray) -> float:
    if len(values) == 1:
        return 0.0
    shares = values / np.maximum(values.sum(0), np.finfo(np.float32).tiny)
    entropy = -(shares * np.log(np.maximum(shares, np.finfo(np.float32).tiny))).sum(0)
    return float(entropy.mean() / np.log(len(values)))
