"""Where samples may lie: anywhere, in some blocks of the image only, or nowhere near each other.

Drawn anywhere, as in the paper, 2500 samples a class leave hardly a pixel without a labelled
neighbour. The other schemes take these neighbours away, so that a feature has to carry the labels
further than interpolation does.
"""

import re
from dataclasses import replace
from itertools import chain, zip_longest

import numpy as np

from wsss_lib.datasets.classes import VOID
from wsss_lib.errors import ParameterError
from wsss_lib.expand.sampling import PixelSamples, random_stream, sample_mask

#: The label in the random streams that belong to an image and not to a class.
IMAGE = 256


def draw_samples(
    mask: np.ndarray, n: int, scheme: str = "uniform", seed: int = 0, image_id: str = ""
) -> PixelSamples:
    """Draw samples by a scheme that fits on a command line.

    Parameters
    ----------
    mask : ndarray, shape (H, W), uint8
        Class indices, 255 = void, which is never drawn.
    n : int
        Pixels a class, at most.
    scheme : str
        ``uniform`` (the paper's, see `sample_mask`), ``blocks64`` (see `sample_blocks`, with the
        side in pixels) or ``apart8`` (see `sample_apart`, with the distance in pixels).
    seed : int
    image_id : str

    Returns
    -------
    PixelSamples

    Raises
    ------
    ParameterError
        If the scheme is unknown or `n` is not positive.
    MaskError
        If the mask is all void.
    """
    kind, pixels = parse_scheme(scheme)
    if kind == "blocks":
        return sample_blocks(mask, n, pixels, seed, image_id)
    samples = sample_mask(mask, n if kind == "uniform" else mask.size, seed, image_id)
    return samples if kind == "uniform" else sample_apart(samples, n, pixels)


def parse_scheme(scheme: str) -> tuple[str, int]:
    """Read the name of a scheme: its kind, and its pixels (0 for ``uniform``).

    >>> parse_scheme("blocks64"), parse_scheme("uniform")
    (('blocks', 64), ('uniform', 0))

    Raises
    ------
    ParameterError
        If it is none.
    """
    match = re.fullmatch(r"(uniform|(blocks|apart)([1-9]\d*))", scheme)
    if not match:
        raise ParameterError(
            f"No sampling {scheme!r}; expected uniform, blocks<side> or apart<distance>, in pixels."
        )
    return match[2] or match[1], int(match[3] or 0)


def sample_blocks(
    mask: np.ndarray, n: int, side: int, seed: int = 0, image_id: str = ""
) -> PixelSamples:
    """Draw from a random half of the square blocks of an image; the other half is set aside.

    A class without a sampled block gets one of its own, since it could not be learned otherwise; a
    class within one block is therefore never set aside.

    Parameters
    ----------
    mask, n, seed, image_id
        As in `draw_samples`.
    side : int
        Of a block, in pixels.

    Returns
    -------
    PixelSamples
        With ``set_aside``: the pixels of the blocks that no sample was drawn from.
    """
    height, width = mask.shape
    across = -(-width // side)
    block = (np.arange(height) // side)[:, None] * across + np.arange(width) // side
    rng = random_stream(seed, image_id, IMAGE)
    order = rng.permutation(block.max() + 1)
    drawn_from = np.zeros(len(order), bool)
    drawn_from[order[: -(-len(order) // 2)]] = True
    for label in np.unique(mask[mask != VOID]):
        own = np.unique(block[mask == label])
        if not drawn_from[own].any():
            drawn_from[rng.choice(own)] = True
    set_aside = ~drawn_from[block]
    samples = sample_mask(np.where(set_aside, VOID, mask), n, seed, image_id)
    return PixelSamples(
        samples.rows, samples.cols, samples.labels, mask.shape, n, set_aside=set_aside
    )


def sample_apart(samples: PixelSamples, n: int, distance: int) -> PixelSamples:
    """Thin samples out until no two are nearer to each other than a distance.

    The classes take turns, each with its samples in their random order, so that none is crowded out
    by a larger neighbour.

    Parameters
    ----------
    samples : PixelSamples
    n : int
        Samples a class, at most.
    distance : int
        In pixels.

    Returns
    -------
    PixelSamples
    """
    by_class = [np.flatnonzero(samples.labels == label).tolist() for label in samples.counts]
    free = np.ones(samples.image_size, bool)
    left = dict.fromkeys(samples.counts, n)
    offsets = np.indices((2 * distance - 1,) * 2) - (distance - 1)
    near = (offsets**2).sum(0) < distance**2
    kept = []
    for index in chain.from_iterable(zip_longest(*by_class)):
        if index is None:
            continue
        row, col, label = samples.rows[index], samples.cols[index], int(samples.labels[index])
        if free[row, col] and left[label]:
            kept.append(index)
            left[label] -= 1
            _forbid(free, row, col, near)
    return replace(samples.take(np.sort(kept)), requested=n)


def _forbid(free: np.ndarray, row: int, col: int, near: np.ndarray) -> None:
    """Take the neighbourhood of a sample out of the free pixels."""
    reach = len(near) // 2
    top, start = max(0, row - reach), max(0, col - reach)
    part = free[top : row + reach + 1, start : col + reach + 1]
    first, left = top - (row - reach), start - (col - reach)
    part &= ~near[first : first + part.shape[0], left : left + part.shape[1]]
