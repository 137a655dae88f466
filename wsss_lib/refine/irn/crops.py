"""The training crops of IRN's edge network: images with their affinity labels, in batches."""

from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from wsss_lib.classify.augment import random_crop, rescale
from wsss_lib.datasets.classes import VOID
from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.errors import MaskError, ParameterError

#: Least and greatest factor of an image's size.
SCALES = (0.5, 1.5)


class AffinityCrops(TorchDataset):
    """The crops of one epoch with their affinity labels.

    Order and crops come from (seed, epoch) and (seed, epoch, image): they are the same however many
    processes read them, and wherever a training was stopped.

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
        self.dataset, self.labels = dataset, labels
        self.crop, self.batch, self.seed, self.epoch = crop, batch, seed, epoch

    def __len__(self) -> int:
        return len(self.dataset.ids)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A crop, where it shows its image, and its labels at 1/4.

        Shapes (crop, crop, 3) uint8, (crop, crop) bool and (crop / 4, crop / 4) uint8.

        Raises
        ------
        MaskError
            If the labels have another size than the image.
        """
        rng = np.random.default_rng((self.seed, self.epoch, index))
        id_ = self.dataset.ids[index]
        image, labels = self.dataset.image(id_), self.labels(id_)
        if labels.shape != image.shape[:2]:
            raise MaskError(
                f"The labels of {id_} are {labels.shape}, its image is {image.shape[:2]}; they "
                "must agree."
            )
        return augment_both(image, labels, self.crop, rng)

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
    crop : ndarray, shape (crop, crop, 3), uint8
        0 beyond the image.
    valid : ndarray, shape (crop, crop), bool
        Where the crop shows the image.
    labels : ndarray, shape (crop / 4, crop / 4), uint8
        255 beyond the image. The nearest label, neither mixed nor smoothed.
    """
    image = rescale(image, max(round(max(labels.shape) * rng.uniform(*SCALES)), 1))
    size = image.shape[1::-1]
    labels = np.asarray(Image.fromarray(labels).resize(size, Image.Resampling.NEAREST))
    if rng.random() < 0.5:
        image, labels = image[:, ::-1], labels[:, ::-1]
    place = int(rng.integers(2**32))  # of both crops
    shown, valid = random_crop(image, crop, np.random.default_rng(place))
    as_image = labels[..., None].repeat(3, axis=2)
    cut = random_crop(as_image, crop, np.random.default_rng(place))[0][..., 0]
    return shown, valid, np.where(valid, cut, np.uint8(VOID))[2::4, 2::4]
