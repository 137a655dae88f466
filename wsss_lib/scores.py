"""Scores of classes for every pixel of an image: what each step of weak supervision hands on."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from wsss_lib.errors import ParameterError

if TYPE_CHECKING:
    from wsss_lib.expand.sampling import PixelSamples
    from wsss_lib.weak.rounds import Round


@dataclass(frozen=True)
class ClassScores:
    """How much each pixel of an image looks like each class that the image may show.

    Attributes
    ----------
    values : ndarray, shape (K, H, W), float32
        Not normalised; the greatest is the pixel's label.
    labels : tuple of int, length K
        Class indices as in masks, rising: the background (0) and the image-level labels, say.
    samples : PixelSamples, optional
        The labelled pixels that a classifier learned them from.
    rounds : tuple of Round
        Where an expansion in rounds made them: what each round made.

    Raises
    ------
    ParameterError
        If there are not as many maps as labels, or the labels do not rise.
    """

    values: np.ndarray
    labels: tuple[int, ...]
    samples: "PixelSamples | None" = None
    rounds: "tuple[Round, ...]" = ()

    def __post_init__(self) -> None:
        if self.values.ndim != 3 or len(self.values) != len(self.labels) or not self.labels:
            raise ParameterError(
                f"Scores of {self.values.shape} for the labels {self.labels}; expected (K, H, W), "
                "a map for each label."
            )
        if list(self.labels) != sorted(set(self.labels)):
            raise ParameterError(f"The labels {self.labels}; expected different ones, rising.")

    @property
    def image_size(self) -> tuple[int, int]:
        """(H, W) of the image."""
        return tuple(self.values.shape[1:])

    def mask(self) -> np.ndarray:
        """The label of each pixel's greatest score (of equal ones the first): (H, W) uint8."""
        return np.array(self.labels, np.uint8)[self.values.argmax(0)]

    def are_probabilities(self) -> bool:
        """Whether they sum to 1 at every pixel, and are not merely labels as 0 and 1."""
        if not np.allclose(self.values.sum(0), 1, atol=1e-3):
            return False
        return bool(((self.values > 0) & (self.values < 1)).any())
