"""Training crops: rescale, mirror, crop (the augmentation of SIPE, shared by IRN and PSA)."""

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from wsss_lib.datasets.classes import VOID
from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.training import TrainingSettings


def rescale(image: np.ndarray, factor: float) -> np.ndarray:
    """Resize to a multiple of the size, each side rounded, bicubic; (H, W, 3) uint8 both."""
    height, width = image.shape[:2]
    size = max(round(width * factor), 1), max(round(height * factor), 1)
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BICUBIC))


def random_crop(
    image: np.ndarray, size: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a square out of an image, or paste the image into it where a side is shorter.

    Parameters
    ----------
    image : ndarray, shape (H, W, C), uint8
    size : int
    rng : Generator

    Returns
    -------
    crop : ndarray, shape (size, size, C), uint8
        0 beyond the image.
    valid : ndarray, shape (size, size), bool
        Where the crop shows the image.
    """
    crop = np.zeros((size, size, image.shape[2]), np.uint8)
    valid = np.zeros((size, size), bool)
    (rows_to, rows), (cols_to, cols) = (_place(n, size, rng) for n in image.shape[:2])
    crop[rows_to, cols_to] = image[rows, cols]
    valid[rows_to, cols_to] = True
    return crop, valid


def _place(side: int, size: int, rng: np.random.Generator) -> tuple[slice, slice]:
    """Along one axis: which cells of the crop show which cells of the image."""
    offset = int(rng.integers(abs(side - size) + 1))
    length = min(side, size)
    short, long = slice(0, length), slice(offset, offset + length)
    return (short, long) if side > size else (long, short)


def augment(
    image: np.ndarray, crop: int, long_side: tuple[int, int] | None, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """A random crop of a randomly scaled and mirrored image.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3), uint8
    crop : int
        The crop's side in pixels.
    long_side : tuple of int, optional
        Least and greatest length of the longer side after scaling; None keeps the size.
    rng : Generator

    Returns
    -------
    crop, valid : ndarray
        As of `random_crop`.
    """
    if long_side is not None:
        longer = int(rng.integers(long_side[0], long_side[1] + 1))
        image = rescale(image, longer / max(image.shape[:2]))
    if rng.random() < 0.5:
        image = image[:, ::-1]
    return random_crop(image, crop, rng)


def augment_pair(
    image: np.ndarray, labels: np.ndarray, factor: float, crop: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A random crop of an image at another size, at times mirrored, and of the labels on it.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3), uint8
    labels : ndarray, shape (H, W), uint8
    factor : float
        Of the image's size.
    crop : int
        The crop's side in pixels.
    rng : Generator

    Returns
    -------
    crop, valid : ndarray
        As of `random_crop`.
    labels : ndarray, shape (crop, crop), uint8
        The nearest label, neither mixed nor smoothed; 255 beyond the image.
    """
    image = rescale(image, factor)
    size = image.shape[1::-1]
    labels = np.asarray(Image.fromarray(labels).resize(size, Image.Resampling.NEAREST))
    both = np.dstack([image, labels])
    if rng.random() < 0.5:
        both = both[:, ::-1]
    # the place has a generator of its own, so that crops stay those that networks learnt from
    both, valid = random_crop(both, crop, np.random.default_rng(int(rng.integers(2**32))))
    return both[..., :3], valid, np.where(valid, both[..., 3], np.uint8(VOID))


@dataclass(eq=False)
class EpochCrops(TorchDataset):
    """The crops of one epoch, one of each image; what a crop is, a subclass says.

    Order and crops come from (seed, epoch) and (seed, epoch, image): they are the same however many
    processes read them, and wherever a training was stopped.

    Parameters
    ----------
    dataset : DevkitDataset
    settings : TrainingSettings
        Of the training, complete.
    seed, epoch : int
    """

    dataset: DevkitDataset
    settings: TrainingSettings
    seed: int
    epoch: int

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
            batch_size=min(self.settings.batch, len(self)),
            sampler=order.tolist(),
            drop_last=True,
            num_workers=workers,
            generator=torch.Generator(),  # or it would draw from the global random state
        )


@dataclass(eq=False)
class ClassifierCrops(EpochCrops):
    """The crops of one epoch with their image-level labels.

    Parameters
    ----------
    dataset, settings, seed, epoch
        As of `EpochCrops`; the settings have a ``long_side``, see `augment`.
    labels : ndarray, shape (images, classes), float32
    """

    labels: np.ndarray

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A crop (size, size, 3) uint8, where it shows its image (size, size) bool, its labels."""
        image, settings = self.dataset.image(self.dataset.ids[index]), self.settings
        crop, valid = augment(image, settings.crop, settings.long_side, self.random(index))
        return crop, valid, self.labels[index]


def network_input(
    network: nn.Module, batch: list[torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A batch of crops as a network learns from it, on its device.

    Parameters
    ----------
    network : Module
        With a ``backbone``.
    batch : list of Tensor
        Crops (N, H, W, 3) uint8, where they show their images (N, H, W) bool, their labels.

    Returns
    -------
    x : Tensor, shape (N, 3, H, W), float32
        Normalised crops, 0 where they reach beyond their image.
    labels, valid : Tensor
    """
    images, valid, labels = batch
    device = next(network.parameters()).device
    valid = valid.to(device)
    x = network.backbone.normalise(images.numpy()) * valid[:, None]
    return x, labels.to(device), valid
