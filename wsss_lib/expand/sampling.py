"""Which pixels an image-specific classifier learns from, and what share of an image they are.

The paper's upper bound (section 3.1, Figure 6) draws n pixels of each class in the image, and of
the background, uniformly at random, and labels them with the ground truth. Two other schemes keep
samples away from the pixels that are scored: random blocks of the image that are set aside, and
samples at a distance from each other. A third simulates a user's strokes.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain, zip_longest

import numpy as np
import pandas as pd
from scipy.ndimage import distance_transform_edt

from wsss_lib.datasets.classes import VOID, ClassSet
from wsss_lib.errors import MaskError, ParameterError

#: Pixels per class: the paper's number, and one that fits the small images of the toy set.
SAMPLES_PER_CLASS = {"voc": 2500, "toy": 300}
#: The label in the random streams that belong to an image and not to a class.
IMAGE = 256
#: Strokes that are simulated in each class; how far a hand looks ahead, in pixels, and where to (in
#: radians from where it is going), when it follows the middle of a region.
_STROKES, _AHEAD, _TURNS = 3, 8, np.linspace(-0.6, 0.6, 9)


@dataclass(frozen=True)
class PixelSamples:
    """Labelled pixels of one image.

    Attributes
    ----------
    rows, cols : ndarray, shape (m,), int64
    labels : ndarray, shape (m,), uint8
        Class indices.
    image_size : tuple of int
        (H, W).
    requested : int
        The n that was asked for; a class with fewer pixels gives all it has.
    set_aside : ndarray, shape (H, W), bool, optional
        The pixels that samples were kept out of, to be scored; all of them when left out.
    """

    rows: np.ndarray
    cols: np.ndarray
    labels: np.ndarray
    image_size: tuple[int, int]
    requested: int
    set_aside: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def counts(self) -> dict[int, int]:
        """Samples of each class."""
        classes, counts = np.unique(self.labels, return_counts=True)
        return dict(zip(classes.tolist(), counts.tolist(), strict=True))

    @property
    def short_classes(self) -> tuple[int, ...]:
        """The classes that have fewer pixels than were asked for."""
        return tuple(label for label, count in self.counts.items() if count < self.requested)

    def take(self, which: np.ndarray) -> "PixelSamples":
        """Some of the samples, by their indices; what was asked for stays as it is."""
        rows, cols, labels = (part[which] for part in (self.rows, self.cols, self.labels))
        return replace(self, rows=rows, cols=cols, labels=labels)

    def label_image(self) -> np.ndarray:
        """The samples as strokes: (H, W) uint8, 255 where nothing was sampled."""
        image = np.full(self.image_size, VOID, np.uint8)
        image[self.rows, self.cols] = self.labels
        return image

    def held_out(self) -> np.ndarray:
        """(H, W) bool, true where a pixel was not sampled and, if some were, is set aside."""
        unsampled = self.label_image() == VOID
        return unsampled if self.set_aside is None else unsampled & self.set_aside


def draw_samples(
    mask: np.ndarray, n: int, scheme: str = "uniform", seed: int = 0, image_id: str = ""
) -> PixelSamples:
    """Draw samples by a scheme that fits on a command line.

    Parameters
    ----------
    mask : ndarray, shape (H, W), uint8
        Class indices, 255 = void, which is never drawn.
    n : int
        Pixels per class, at most.
    scheme : str
        ``uniform`` (the paper's, see `sample_mask`), ``blocks64`` (see `sample_blocks`, with the
        side in pixels), ``apart8`` (see `sample_apart`, with the distance in pixels) or
        ``strokes100`` (see `simulate_strokes`, with the length in pixels).
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
    if kind == "uniform":
        return sample_mask(mask, n, seed, image_id)
    if kind == "blocks":
        return sample_blocks(mask, n, pixels, seed, image_id)
    if kind == "strokes":
        return sample_mask(simulate_strokes(mask, pixels, seed, image_id), n, seed, image_id)
    return sample_apart(sample_mask(mask, mask.size, seed, image_id), n, pixels)


def parse_scheme(scheme: str) -> tuple[str, int]:
    """Read the name of a scheme: its kind, and its pixels (0 for ``uniform``).

    >>> parse_scheme("blocks64"), parse_scheme("uniform")
    (('blocks', 64), ('uniform', 0))

    Raises
    ------
    ParameterError
        If it is unknown.
    """
    match = re.fullmatch(r"(uniform|(blocks|apart|strokes)([1-9]\d*))", scheme)
    if not match:
        raise ParameterError(
            f"No sampling {scheme!r}; expected uniform, blocks<side>, apart<distance> or "
            "strokes<length>, in pixels."
        )
    return match[2] or match[1], int(match[3] or 0)


def sample_mask(mask: np.ndarray, n: int, seed: int = 0, image_id: str = "") -> PixelSamples:
    """Draw n pixels of each class of a mask, uniformly and without replacement.

    Each class has a random stream of its own that depends on `seed`, `image_id` and the class
    alone, so neither the feature nor the order of images changes the pixels, and a larger n only
    adds some.

    Parameters
    ----------
    mask : ndarray, shape (H, W), uint8
        Class indices, 255 = void, which is never drawn.
    n : int
        Pixels per class, background included; a class with fewer gives what it has.
    seed : int
    image_id : str

    Returns
    -------
    PixelSamples

    Raises
    ------
    ParameterError
        If `n` is not positive.
    MaskError
        If the mask is all void.
    """
    check_samples(n)
    flat = mask.ravel()
    present = [int(value) for value in np.unique(flat) if value != VOID]
    if not present:
        raise MaskError(
            f"The mask{f' of {image_id}' if image_id else ''} is all void; at least one labelled "
            "pixel was expected. Leave the image out of the list."
        )
    drawn = [
        random_stream(seed, image_id, label).permutation(np.flatnonzero(flat == label))[:n]
        for label in present
    ]
    rows, cols = np.unravel_index(np.concatenate(drawn), mask.shape)
    labels = np.repeat(np.array(present, np.uint8), [len(pixels) for pixels in drawn])
    return PixelSamples(rows, cols, labels, mask.shape, n)


def sample_blocks(
    mask: np.ndarray, n: int, side: int, seed: int = 0, image_id: str = ""
) -> PixelSamples:
    """Draw from a random half of the square blocks of an image; the other half is set aside.

    A class without a sampled block gets one of its own, since it could not be learned otherwise. So
    a class that lies within one block is never set aside.

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
    return replace(samples, set_aside=set_aside)


def sample_apart(samples: PixelSamples, n: int, distance: int) -> PixelSamples:
    """Thin samples out until no two are nearer to each other than a distance.

    The classes take turns, each with its samples in their random order, so that none is crowded out
    by a larger neighbour.

    Parameters
    ----------
    samples : PixelSamples
    n : int
        Samples per class, at most.
    distance : int
        In pixels.

    Returns
    -------
    PixelSamples
    """
    by_class = [np.flatnonzero(samples.labels == label).tolist() for label in samples.counts]
    left = dict.fromkeys(samples.counts, n)
    reach = distance - 1
    offsets = np.indices((2 * reach + 1,) * 2) - reach
    near = (offsets**2).sum(0) < distance**2
    # with a margin, so that no neighbourhood is cut off
    free = np.pad(np.ones(samples.image_size, bool), reach)
    kept = []
    for index in chain.from_iterable(zip_longest(*by_class)):
        if index is None:
            continue
        row, col, label = samples.rows[index], samples.cols[index], int(samples.labels[index])
        around = free[row : row + len(near), col : col + len(near)]
        if around[reach, reach] and left[label]:
            kept.append(index)
            left[label] -= 1
            around &= ~near
    return replace(samples.take(np.sort(kept)), requested=n)


def simulate_strokes(
    mask: np.ndarray, length: int, seed: int = 0, image_id: str = ""
) -> np.ndarray:
    """Strokes as a user would paint them: three lines along the middle of each class's regions.

    A line begins at a random pixel, the likelier the farther it is from other classes, and is drawn
    both ways, always to where the border is farthest ahead, until it is long enough or the brush
    would touch the border. The brush is the painter's first one, an eightieth of the longer side.

    Parameters
    ----------
    mask : ndarray, shape (H, W), uint8
        Class indices, 255 = void, which is not painted.
    length : int
        Of a line, in pixels, at most.
    seed : int
    image_id : str

    Returns
    -------
    ndarray, shape (H, W), uint8
        255 = not labelled. Every class of the mask has a stroke, if only of a pixel.
    """
    strokes, radius = np.full_like(mask, VOID), max(3, max(mask.shape) // 80) / 2
    for label in np.unique(mask[mask != VOID]):
        rng, line = random_stream(seed, image_id, label), np.ones(mask.shape, bool)
        depth = distance_transform_edt(np.pad(mask == label, 1))[1:-1, 1:-1]
        likely = depth.ravel() ** 2 / np.square(depth).sum()
        for start in rng.choice(mask.size, _STROKES, p=likely):
            angle = rng.uniform(0, 2 * np.pi)
            for way in (angle, angle + np.pi):
                line[_follow(depth, divmod(start, mask.shape[1]), way, length / 2, radius)] = False
        strokes[(distance_transform_edt(line) <= radius) & (mask == label)] = label
    return strokes


def _follow(
    depth: np.ndarray, start: tuple[int, int], angle: float, length: float, radius: float
) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of a line along the middle of a region, from one pixel to every second."""
    place, places, top = np.array(start, float), [start], np.array(depth.shape) - 1
    for _ in range(int(length / 2)):
        turns = angle + _TURNS
        ways = np.stack([np.sin(turns), np.cos(turns)], 1)
        rows, cols = np.rint(place + _AHEAD * ways).astype(int).clip(0, top).T
        best = depth[rows, cols].argmax()
        place, angle = place + 2 * ways[best], turns[best]
        row, col = np.rint(place).astype(int).clip(0, top)
        if depth[row, col] <= radius:
            break
        places.append((row, col))
    rows, cols = np.transpose(places)
    return rows, cols


def random_stream(seed: int, image_id: str, label: int) -> np.random.Generator:
    """Random numbers that depend on these three alone."""
    digest = hashlib.sha256(image_id.encode()).digest()[:8]
    return np.random.default_rng([seed, int.from_bytes(digest, "big"), label])


def check_samples(n: int) -> None:
    """Raise ParameterError unless `n` is a usable number of samples."""
    if n != int(n) or n < 1:
        raise ParameterError(f"samples={n}; a whole number of at least 1 was expected.")


def samples_on(n: int | str, size: tuple[int, int]) -> int:
    """The samples per class on a feature map: a number, or a share of the map's cells.

    The paper finds it "interesting to set the total number of samples linked to the resolution of
    the feature" (section 3.1).

    Parameters
    ----------
    n : int or str
        A number, or e.g. ``"0.1xcells"``: a tenth of the map's cells, and at least 1.
    size : tuple of int
        (h, w) of the map.

    Raises
    ------
    ParameterError
        If it is neither.

    >>> samples_on(2500, (24, 32)), samples_on("0.1xcells", (24, 32))
    (2500, 77)
    """
    if not isinstance(n, str):
        check_samples(n)
        return n
    match = re.fullmatch(r"(\d*\.?\d+)xcells", n)
    if not match or not float(match[1]):
        raise ParameterError(
            f"samples={n!r}; a whole number or a share of the cells such as '0.1xcells' was "
            "expected."
        )
    return max(1, round(float(match[1]) * size[0] * size[1]))


def sample_coverage(mask: np.ndarray, pixels: PixelSamples, classes: ClassSet) -> pd.DataFrame:
    """What was sampled of each class of one image, and what was held out.

    Parameters
    ----------
    mask : ndarray, shape (H, W), uint8
    pixels : PixelSamples
        Drawn from that mask.
    classes : ClassSet

    Returns
    -------
    DataFrame
        Indexed by ``class``: its ``pixels``, the ``sampled`` ones, those ``held out``, and which
        ``share`` of it was sampled (%).
    """
    labels = list(pixels.counts)
    table = pd.DataFrame(
        {"pixels": [int((mask == label).sum()) for label in labels], "sampled": pixels.counts},
        index=labels,
    )
    table["held out"] = table["pixels"] - table["sampled"]
    table["share"] = 100 * table["sampled"] / table["pixels"]
    return table.set_axis(pd.Index([classes.names[label] for label in labels], name="class"))


def coverage_by_n(counts: np.ndarray, numbers: Sequence[int]) -> pd.DataFrame:
    """What n samples per class cover in a whole data set.

    Parameters
    ----------
    counts : ndarray, shape (images, K + 1), int
        As `wsss_lib.datasets.statistics.pixel_counts` gives them.
    numbers : sequence of int
        The n to look at.

    Returns
    -------
    DataFrame
        In %, indexed by ``n``: ``objects with fewer pixels`` (of all pairs of an image and an
        object class in it), ``object pixels sampled`` and ``background pixels sampled``.
    """
    background, objects = counts[:, 0], counts[:, 1:-1]
    objects = objects[objects > 0]
    rows = [
        (
            100 * (objects < n).mean(),
            100 * np.minimum(objects, n).sum() / objects.sum(),
            100 * np.minimum(background, n).sum() / background.sum(),
        )
        for n in numbers
    ]
    columns = ["objects with fewer pixels", "object pixels sampled", "background pixels sampled"]
    return pd.DataFrame(rows, pd.Index(numbers, name="n"), columns)
