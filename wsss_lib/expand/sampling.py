"""Which pixels an image-specific classifier learns from.

The paper's upper bound (section 3.1, Figure 6) draws n pixels of each class in the image, and of
the background, uniformly at random, and labels them with the ground truth.
"""

import hashlib
import re
from dataclasses import dataclass

import numpy as np

from wsss_lib.datasets.classes import VOID
from wsss_lib.errors import MaskError, ParameterError

#: Pixels a class: the paper's number, and one that fits the small images of the toy set.
SAMPLES_PER_CLASS = {"voc": 2500, "toy": 300}


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
        parts = (part[which] for part in (self.rows, self.cols, self.labels))
        return PixelSamples(*parts, self.image_size, self.requested, self.set_aside)

    def label_image(self) -> np.ndarray:
        """The samples as strokes: (H, W) uint8, 255 where nothing was sampled."""
        image = np.full(self.image_size, VOID, np.uint8)
        image[self.rows, self.cols] = self.labels
        return image

    def held_out(self) -> np.ndarray:
        """(H, W) bool, true where a pixel was not sampled and, if some were, is set aside."""
        unsampled = self.label_image() == VOID
        return unsampled if self.set_aside is None else unsampled & self.set_aside


def sample_mask(mask: np.ndarray, n: int, seed: int = 0, image_id: str = "") -> PixelSamples:
    """Draw n pixels of each class of a mask, uniformly and without replacement.

    Each class has a random stream of its own that hangs on `seed`, `image_id` and the class alone,
    so neither the feature nor the order of images changes the pixels, and a larger n only adds.

    Parameters
    ----------
    mask : ndarray, shape (H, W), uint8
        Class indices, 255 = void, which is never drawn.
    n : int
        Pixels a class, background included; a class with fewer gives what it has.
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
    drawn = [_draw(np.flatnonzero(flat == label), n, seed, image_id, label) for label in present]
    rows, cols = np.unravel_index(np.concatenate(drawn), mask.shape)
    labels = np.repeat(np.array(present, np.uint8), [len(pixels) for pixels in drawn])
    return PixelSamples(rows, cols, labels, mask.shape, n)


def check_samples(n: int) -> None:
    """Raise ParameterError unless `n` is a usable number of samples."""
    if n != int(n) or n < 1:
        raise ParameterError(f"samples={n}; a whole number of at least 1 was expected.")


def samples_on(n: int | str, size: tuple[int, int]) -> int:
    """The samples a class on a feature map: a number, or a share of the map's cells.

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


def random_stream(seed: int, image_id: str, label: int) -> np.random.Generator:
    """Random numbers that hang on these three alone."""
    digest = hashlib.sha256(image_id.encode()).digest()[:8]
    return np.random.default_rng([seed, int.from_bytes(digest, "big"), label])


def _draw(pixels: np.ndarray, n: int, seed: int, image_id: str, label: int) -> np.ndarray:
    return random_stream(seed, image_id, label).permutation(pixels)[:n]
