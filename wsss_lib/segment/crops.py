"""The training crops of a segmentation network: images with their masks, in batches."""

from collections.abc import Sequence

import numpy as np

from wsss_lib.classify.augment import augment_pair
from wsss_lib.classify.crops import EpochCrops
from wsss_lib.datasets.devkit import DevkitDataset


class SegmentationCrops(EpochCrops):
    """The crops of one epoch with their masks.

    Parameters
    ----------
    dataset : DevkitDataset
    crop : int
        Side of the square crops in pixels.
    factors : sequence of float
        Of an image's size; one is drawn for each crop.
    batch : int
    seed, epoch : int
    """

    def __init__(
        self,
        dataset: DevkitDataset,
        *,
        crop: int,
        factors: Sequence[float],
        batch: int,
        seed: int,
        epoch: int,
    ) -> None:
        super().__init__(dataset, batch, seed, epoch)
        self.crop, self.factors = crop, factors

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A crop, where it shows its image, and its mask, which is void beyond.

        Shapes (crop, crop, 3) uint8, (crop, crop) bool and (crop, crop) uint8.
        """
        sample, rng = self.dataset[index], self.random(index)
        factor = rng.choice(self.factors)
        return augment_pair(sample.image, sample.mask, factor, self.crop, rng)
