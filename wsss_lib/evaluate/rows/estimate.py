"""What a long run will take, told from its first image before the others are begun."""

import math
import resource
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import torch
from PIL import Image

from wsss_lib.datasets import DevkitDataset
from wsss_lib.errors import WsssError
from wsss_lib.evaluate.settings import Setting
from wsss_lib.expand.image import expand
from wsss_lib.features import FeatureMap


@dataclass(frozen=True)
class Measured:
    """What one image took.

    Attributes
    ----------
    cost : float
        See `image_cost`; NaN where it is not known.
    seconds : float
    rows : int
        One a setting.
    disk_bytes : int
        Of its rows, and of its masks where they are written.
    memory_bytes : int
        See `peak_memory`.
    """

    cost: float
    seconds: float
    rows: int
    disk_bytes: int
    memory_bytes: int


@dataclass(frozen=True)
class Estimate:
    """What the rest of a run will take; as a string a sentence.

    Attributes
    ----------
    images, rows, workers : int
    seconds : float
    memory_bytes, disk_bytes : int
        Of all workers together.
    """

    images: int
    rows: int
    workers: int
    seconds: float
    memory_bytes: int
    disk_bytes: int

    def __str__(self) -> str:
        return (
            f"Left: {self.images} images x {self.rows / self.images:.3g} settings, about "
            f"{_duration(self.seconds)} on {self.workers} worker{'s' * (self.workers > 1)}, "
            f"{_size(self.memory_bytes)} of memory, {_size(self.disk_bytes)} of disk."
        )


def estimate(
    measured: Measured, costs: Sequence[float], images: int, rows: int, workers: int
) -> Estimate:
    """Project what one image took onto those that are left.

    Parameters
    ----------
    measured : Measured
    costs : sequence of float
        `image_cost` of some of the images that are left; NaN where it is not known.
    images, rows : int
        That are left.
    workers : int
        Processes, each as fast as the one that was measured.

    Returns
    -------
    Estimate
    """
    known = [cost for cost in costs if math.isfinite(cost)]
    share = fmean(known) / measured.cost if known and math.isfinite(measured.cost) else 1.0
    busy = min(workers, images)
    return Estimate(
        images=images,
        rows=rows,
        workers=workers,
        seconds=measured.seconds * share * images / busy,
        memory_bytes=measured.memory_bytes * busy,
        disk_bytes=measured.disk_bytes * rows // measured.rows,
    )


def image_cost(dataset: DevkitDataset, id_: str, settings: int) -> float:
    """What an image costs, in a unit that only serves to compare images.

    Settings x classes^2 x pixels: the support vectors grow with the classes (n samples each), and
    so do the one-vs-rest problems. On 12 photographs of VOC with all six features the seconds
    scattered by 14 % about it, against 27 % with classes^1.

    Returns
    -------
    float
        NaN if the image or its labels cannot be read.
    """
    try:
        with Image.open(dataset.image_path(id_)) as image:
            width, height = image.size
        classes = len(dataset.labels(id_)) + 1
    except (OSError, WsssError):
        return math.nan
    return float(settings * classes**2 * width * height)


def warm_up(settings: Iterable[Setting]) -> None:
    """Have the compiled loops loaded before a clock starts: the first image would pay for it."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, (16, 16), np.uint8)
    feature = FeatureMap(
        torch.from_numpy(rng.normal(size=(2, 16, 16)).astype(np.float32)), (16, 16)
    )
    for setting in {setting.kernel: setting for setting in settings}.values():
        expand(feature, labels, setting.svm())


def peak_memory() -> int:
    """The most bytes of memory that this process ever had."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _duration(seconds: float) -> str:
    if seconds >= 5400:
        return f"{seconds / 3600:.1f} hours"
    if seconds >= 90:
        return f"{seconds / 60:.0f} minutes"
    return f"{seconds:.0f} seconds"


def _size(count: int) -> str:
    if count >= 2**30:
        return f"{count / 2**30:.1f} GB"
    return f"{count / 2**20:.1f} MB"
