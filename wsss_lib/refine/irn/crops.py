"""The training crops of IRN's edge network: images with their affinity labels, in batches."""

from collections.abc import Callable

import numpy as np

from wsss_lib.classify.augment import augment_pair
from wsss_lib.classify.crops import EpochCrops
from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.errors import MaskError, ParameterError

#: Least and greatest factor of an image's size.
SCALES = (0.5, 1.5)


class AffinityCrops(EpochCrops):
    """The crops of one epoch with their affinity labels.

    Parameters
    ----------
    dataset : DevkitDataset
    labels : callable
        The labels of an id, (H, W) uint8 with 255 = void, in the size of its image: the method
        `DevkitDataset.mask` of a data set whose masks are a folder of them, say.
    crop : int
        Side of the square crops in pixels, a multiple of 4.
    batch : int
    seed, epoch : int

    Raises
    ------
    ParameterError
        If `crop` is no multiple of 4.
    """

    def __init__(
        self,
        dataset: DevkitDataset,
        labels: Callable[[str], np.ndarray],
        *,
        crop: int,
        batch: int,
        seed: int,
        epoch: int,
    ) -> None:
        if crop < 4 or crop % 4:
            raise ParameterError(f"crop={crop}; a multiple of 4 pixels was expected.")
        super().__init__(dataset, batch, seed, epoch)
        self.labels, self.crop = labels, crop

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A crop, where it shows its image, and its labels at 1/4.

        Shapes (crop, crop, 3) uint8, (crop, crop) bool and (crop / 4, crop / 4) uint8.

        Raises
        ------
        MaskError
            If the labels have another size than the image.
        """
        id_ = self.dataset.ids[index]
        image, labels = self.dataset.image(id_), self.labels(id_)
        if labels.shape != image.shape[:2]:
            raise MaskError(
                f"The labels of {id_} are {labels.shape}, its image is {image.shape[:2]}; they "
                "must agree."
            )
        return augment_both(image, labels, self.crop, self.random(index))


def augment_both(
    image: np.ndarray, labels: np.ndarray, crop: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A random crop of a randomly scaled and mirrored image, and its labels at 1/4 (IRN).

    Parameters
    ----------
    image : ndarray, shape (H, W, 3), uint8
    labels : ndarray, shape (H, W), uint8
    crop : int
        The crop's side in pixels, a multiple of 4.
    rng : Generator

    Returns
    -------
    crop, valid : ndarray
        As of `augment_pair`.
    labels : ndarray, shape (crop / 4, crop / 4), uint8
        255 beyond the image. The nearest label, neither mixed nor smoothed.
    """
    shown, valid, labels = augment_pair(image, labels, rng.uniform(*SCALES), crop, rng)
    return shown, valid, labels[2::4, 2::4]
