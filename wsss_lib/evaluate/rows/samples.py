"""What settings sample from one image, and which of its pixels are held out."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np

from wsss_lib.datasets import DevkitDataset
from wsss_lib.datasets.classes import VOID
from wsss_lib.evaluate.cells import spread_cells
from wsss_lib.evaluate.rows.regions import sample_distance
from wsss_lib.evaluate.rows.settings import RESOLUTIONS, Setting
from wsss_lib.expand.noise import corrupt
from wsss_lib.expand.sampling import PixelSamples, samples_on
from wsss_lib.expand.schemes import draw_samples


class ImageSamples:
    """What is drawn from one image: once for all settings that draw alike.

    Parameters
    ----------
    dataset : DevkitDataset
    id_ : str
    truth : ndarray, shape (H, W), uint8
        The mask of the image.
    """

    def __init__(self, dataset: DevkitDataset, id_: str, truth: np.ndarray) -> None:
        self.dataset, self.id, self.truth = dataset, id_, truth
        self.drawn, self.scored = cache(self._drawn), cache(self._scored)

    def where(self, setting: Setting, size: tuple[int, int]) -> tuple:
        """The arguments of `drawn` and `scored` for a setting with a map of this size."""
        n = samples_on(setting.samples, size)
        size = self.truth.shape if setting.resolution == "pixels" else size
        return size, setting.resolution, n, setting.sampling, setting.seed

    def _drawn(self, size: tuple[int, int], resolution: str, *how: object) -> PixelSamples:
        labels = RESOLUTIONS[resolution]
        return draw_samples(labels(self.truth, size) if labels else self.truth, *how, self.id)

    def _scored(self, *where: object) -> tuple[np.ndarray, np.ndarray]:
        """The held-out pixels, and how far each pixel is from the nearest sample."""
        pixels = _on_image(self.drawn(*where), self.truth.shape)
        return pixels.held_out(), sample_distance(pixels)

    def told(self, setting: Setting, clean: PixelSamples) -> PixelSamples:
        """The samples as the classifier is told them."""
        companions = None
        path = companion_path(self.dataset, self.id)
        if setting.needs_companions and path.is_file():
            companions = replace(self.dataset, masks=str(path.parent)).mask(self.id)
        how = setting.noise, setting.seed, self.id
        return corrupt(clean, self.truth, *how, companions)


def companion_path(dataset: DevkitDataset, id_: str) -> Path:
    """Where the mask of the companions of an id lies, if the data set has them (toy has)."""
    return dataset.devkit / "Companions" / f"{id_}.png"


def _on_image(pixels: PixelSamples, image_size: tuple[int, int]) -> PixelSamples:
    """Samples of cells as all the pixels in these cells."""
    if pixels.image_size == image_size:
        return pixels
    labels = spread_cells(pixels.label_image(), image_size)
    rows, cols = np.nonzero(labels != VOID)
    aside = pixels.set_aside
    return PixelSamples(
        rows,
        cols,
        labels[rows, cols],
        image_size,
        pixels.requested,
        None if aside is None else spread_cells(aside, image_size),
    )
