"""The training crops of an epoch, in batches."""

import numpy as np
import torch
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from wsss_lib.classify.augment import augment
from wsss_lib.datasets.devkit import DevkitDataset


class EpochCrops(TorchDataset):
    """The crops of one epoch, one of each image; what a crop is, a subclass says.

    Order and crops come from (seed, epoch) and (seed, epoch, image): they are the same however many
    processes read them, and wherever a training was stopped.

    Parameters
    ----------
    dataset : DevkitDataset
    batch : int
        Images in a batch.
    seed, epoch : int
    """

    def __init__(self, dataset: DevkitDataset, batch: int, seed: int, epoch: int) -> None:
        self.dataset, self.batch, self.seed, self.epoch = dataset, batch, seed, epoch

    def __len__(self) -> int:
        return len(self.dataset.ids)

    def random(self, index: int) -> np.random.Generator:
        """The random numbers of an image in this epoch."""
        return np.random.default_rng((self.seed, self.epoch, index))

    def batches(self, workers: int = 0) -> DataLoader:
        """The batches in random order; images that do not fill the last one are left out."""
        order = np.random.default_rng((self.seed, self.epoch)).permutation(len(self))
        return DataLoader(
            self,
            batch_size=min(self.batch, len(self)),
            sampler=order.tolist(),
            drop_last=True,
            num_workers=workers,
            generator=torch.Generator(),  # or it would draw from the global random state
        )


class Crops(EpochCrops):
    """The crops of one epoch with their image-level labels.

    Parameters
    ----------
    dataset : DevkitDataset
    labels : ndarray, shape (images, classes), float32
    setting : dict
        Of the training: ``seed`` and ``preset``.
    epoch : int
    """

    def __init__(
        self, dataset: DevkitDataset, labels: np.ndarray, setting: dict, epoch: int
    ) -> None:
        super().__init__(dataset, setting["preset"]["batch"], setting["seed"], epoch)
        self.labels, self.preset = labels, setting["preset"]

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A crop (size, size, 3) uint8, where it shows its image (size, size) bool, its labels."""
        image = self.dataset.image(self.dataset.ids[index])
        size, long_side = self.preset["crop"], self.preset["long_side"]
        crop, valid = augment(image, size, long_side, self.random(index))
        return crop, valid, self.labels[index]
