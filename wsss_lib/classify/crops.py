"""The training crops of an epoch, in batches."""

import numpy as np
import torch
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from wsss_lib.classify.augment import augment
from wsss_lib.datasets.devkit import DevkitDataset


class Crops(TorchDataset):
    """The crops of one epoch with their image-level labels.

    Order and crops come from (seed, epoch) and (seed, epoch, image): they are the same however many
    processes read them, and wherever a training was stopped.

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
        self.dataset, self.labels, self.epoch = dataset, labels, epoch
        self.seed, self.preset = setting["seed"], setting["preset"]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A crop (size, size, 3) uint8, where it shows its image (size, size) bool, its labels."""
        rng = np.random.default_rng((self.seed, self.epoch, index))
        image = self.dataset.image(self.dataset.ids[index])
        crop, valid = augment(image, self.preset["crop"], self.preset["long_side"], rng)
        return crop, valid, self.labels[index]

    def batches(self, workers: int = 0) -> DataLoader:
        """The batches in random order; images that do not fill the last one are left out."""
        order = np.random.default_rng((self.seed, self.epoch)).permutation(len(self))
        return DataLoader(
            self,
            batch_size=min(self.preset["batch"], len(self)),
            sampler=order.tolist(),
            drop_last=True,
            num_workers=workers,
            generator=torch.Generator(),  # or it would draw from the global random state
        )
