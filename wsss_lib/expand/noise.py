"""Wrong labels among the samples, from the paper's upper bound towards weak supervision.

The upper bound learns from clean labels; seeds that come from a CAM have wrong ones: anywhere,
along displaced boundaries, or on what always accompanies an object. Every kind of noise puts
samples into an order and says which wrong label each would get; the first p percent get it. So more
noise leaves all labels wrong that less noise has made wrong, and curves over p are nested.
"""

import re
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from scipy.ndimage import distance_transform_edt

from wsss_lib.datasets.classes import VOID
from wsss_lib.errors import MaskError, ParameterError
from wsss_lib.expand.sampling import PixelSamples, random_stream

#: The labels in the random streams of the noise: those of sampling are classes, and `IMAGE`.
RANDOM = 512  # and the class on top
COMPANION = 768

#: Indices of samples in the order in which they become wrong, and the wrong label of each.
Wrong = tuple[np.ndarray, np.ndarray]


def corrupt(
    samples: PixelSamples,
    mask: np.ndarray,
    noise: str = "none",
    seed: int = 0,
    image_id: str = "",
    companions: np.ndarray | None = None,
) -> PixelSamples:
    """Give some samples a wrong label, by a kind of noise that fits on a command line.

    The same arguments give the same labels, and a larger percentage only adds wrong ones.

    Parameters
    ----------
    samples : PixelSamples
    mask : ndarray, shape (H, W), uint8
        Class indices, 255 = void; what the samples were drawn from.
    noise : str
        ``none``, or a kind and its p percent, the number of samples rounded to a whole one:

        - ``random20``: of each class, samples chosen at random get the label of another class of
          the samples, all of these equally likely.
        - ``border5``: of each class, the samples nearest to the region of another class get its
          label, as from a seed whose boundaries are displaced or blurred.
        - ``companion50``: of the background on companions, samples chosen at random get the label
          of the object, which is how a CAM errs.

        Where there is a single class, ``random`` and ``border`` change nothing.
    seed : int
        ``border`` does not depend on it, nor on `image_id`.
    image_id : str
    companions : ndarray, shape (H, W), uint8, optional
        The object label on companions, 0 elsewhere, as the toy set has them in ``Companions/``.

    Returns
    -------
    PixelSamples
        With other labels (a copy) and all else as it was.

    Raises
    ------
    ParameterError
        If the noise is unknown, or needs companions and there are none.
    MaskError
        If the companions are those of an image of another size.
    """
    kind, percent = parse_noise(noise)
    labels = samples.labels.copy()
    if kind == "random":
        orders = _at_random(samples, seed, image_id)
    elif kind == "border":
        orders = _near_others(samples, mask)
    elif kind == "companion":
        orders = _on_companions(samples, companions, seed, image_id)
    else:
        orders = ()
    for order, wrong in orders:
        count = round(len(order) * percent / 100)
        labels[order[:count]] = wrong[:count]
    return replace(samples, labels=labels)


def parse_noise(noise: str) -> tuple[str, float]:
    """Read the name of a noise: its kind, and its percentage (0 for ``none``).

    >>> parse_noise("border2.5"), parse_noise("none")
    (('border', 2.5), ('none', 0.0))

    Raises
    ------
    ParameterError
        If it is unknown, or the percentage above 100.
    """
    match = re.fullmatch(r"(none|(random|border|companion)(\d+(\.\d+)?))", noise)
    percent = float(match[3] or 0) if match else 0.0
    if not match or percent > 100:
        raise ParameterError(
            f"No noise {noise!r}; expected none, random<p>, border<p> or companion<p>, with p "
            "percent from 0 to 100."
        )
    return match[2] or match[1], percent


def _at_random(samples: PixelSamples, seed: int, image_id: str) -> Iterator[Wrong]:
    """Each class in random order, with random labels of the other classes."""
    classes = np.unique(samples.labels)
    if len(classes) < 2:
        return
    for label in classes:
        rng = random_stream(seed, image_id, RANDOM + int(label))
        order = rng.permutation(np.flatnonzero(samples.labels == label))
        yield order, rng.choice(classes[classes != label], len(order))


def _near_others(samples: PixelSamples, mask: np.ndarray) -> Iterator[Wrong]:
    """Each class by its distance from the nearest other region, with the label of that one.

    Equally near samples keep their order, which is random where they were drawn at random.
    """
    classes = np.unique(mask[mask != VOID])
    if len(classes) < 2:
        return
    distances = np.stack(
        [distance_transform_edt(mask != label)[samples.rows, samples.cols] for label in classes]
    )
    for label in classes:
        own = np.flatnonzero(samples.labels == label)
        others = classes != label
        to_others = distances[np.ix_(others, own)]
        order = to_others.min(0).argsort(kind="stable")
        yield own[order], classes[others][to_others.argmin(0)[order]]


def _on_companions(
    samples: PixelSamples, companions: np.ndarray | None, seed: int, image_id: str
) -> Iterator[Wrong]:
    """The background on companions in random order, with the labels of the objects."""
    if companions is None:
        raise ParameterError(
            "Noise on companions needs masks of companions, and the data set has none; use the toy "
            "set (dataset='toy') or another kind of noise, such as random or border."
        )
    if companions.shape != samples.image_size:
        raise MaskError(
            f"The mask of companions has shape {companions.shape}; that of its image, "
            f"{samples.image_size}, was expected. Is it the mask of another image?"
        )
    objects = companions[samples.rows, samples.cols]
    lured = np.flatnonzero((samples.labels == 0) & (objects > 0))
    order = random_stream(seed, image_id, COMPANION).permutation(lured)
    yield order, objects[order]
