"""Where a trained classification network sees the classes of an image, kept on the disk.

The maps take a network several passes over several sizes of an image, and many steps begin with
them: seeds, thresholds, the labels that IRN learns from. So each is made once.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from wsss_lib.classify.cam import class_activation_maps
from wsss_lib.classify.checkpoint import Trained, load_trained
from wsss_lib.classify.sipe.inference import image_specific_cams
from wsss_lib.classify.sipe.network import SIPENetwork
from wsss_lib.datasets import DevkitDataset
from wsss_lib.expand.seeds import with_background
from wsss_lib.files import atomic_path, sha256
from wsss_lib.paths import cache_dir
from wsss_lib.scores import ClassScores

#: Multiples of the image's size that the field looks at (IRN, SIPE).
SCALES = (1.0, 0.5, 1.5, 2.0)
#: IRN's constant background of CAMs, as SEAM and others tune it on the masks of train.
THRESHOLD = 0.15
#: Of SIPE's background: on VOC as the network was trained with it. The short training on toy leaves
#: absent classes with positive logits, which take a background of less weight away.
BACKGROUND_WEIGHT = {"voc": None, "toy": 1.0}


@dataclass(frozen=True)
class Localiser:
    """Gives the scores of images; small, so that it travels to workers.

    Attributes
    ----------
    path : Path
        The checkpoint of a classification network. One trained with SIPE gives image-specific CAMs
        with a background of their own, a plain one gives CAMs.
    scales : tuple of float
    threshold : float
        The constant background of CAMs; of no effect with SIPE.
    background_weight : float, optional
        Of SIPE's background, see `image_specific_cams`; that of the training when left out.
    device : str
        Where the network runs, see `wsss_lib.devices.choose_device`.
    """

    path: Path
    scales: tuple[float, ...] = SCALES
    threshold: float = THRESHOLD
    background_weight: float | None = None
    device: str = "cpu"

    def load(self) -> Trained:
        """The network, loaded once a process."""
        return _load(self.path, self.device)

    @property
    def has_background(self) -> bool:
        """Whether the maps have a background of their own, so that no threshold is needed."""
        return isinstance(self.load().network, SIPENetwork)

    def scores(self, dataset: DevkitDataset, id_: str) -> ClassScores:
        """The scores of the background and the image-level labels of an image.

        Returns
        -------
        ClassScores
            In 0..1 at image size, in steps of float16: that is what the disk keeps.

        Raises
        ------
        ImageError
            If the image cannot be read.
        ParameterError
            If the network does not know a label.
        """
        labels = dataset.labels(id_)
        path = cache_dir() / "maps" / self.name / f"{id_}-{self.key(dataset, id_)}.npy"
        maps = _read(path)
        if maps is None:
            maps = self._maps(dataset.image(id_), labels)
            with atomic_path(path) as temporary, open(temporary, "wb") as file:
                np.save(file, maps.astype(np.float16))
        maps = maps.astype(np.float16).astype(np.float32)
        if self.has_background:
            return ClassScores(maps, (0, *labels))
        return with_background(maps, labels, self.threshold)

    @property
    def name(self) -> str:
        """What all maps hang on, as one short hash: the weights, the scales and the background."""
        weight = [] if self.background_weight is None else [self.background_weight]
        return _hash([self.load().weights.sha256, self.scales, *weight])

    def key(self, dataset: DevkitDataset, id_: str) -> str:
        """What the maps of one image hang on besides: the photograph and its labels."""
        return _hash([sha256(dataset.image_path(id_)), dataset.labels(id_)])

    def _maps(self, image: np.ndarray, labels: Sequence[int]) -> np.ndarray:
        """Image-specific CAMs with the background in front, or CAMs without any."""
        network = self.load().network
        if not self.has_background:
            return class_activation_maps(network, image, labels, self.scales)
        how = {"scales": self.scales, "background_weight": self.background_weight}
        return image_specific_cams(network, image, labels, **how).values


def _read(path: Path) -> np.ndarray | None:
    """Maps from the disk; None where there are none, or where they are damaged."""
    try:
        return np.load(path)
    except (OSError, ValueError, EOFError):
        return None


def _hash(content: list) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:10]


@lru_cache(maxsize=2)
def _load(path: Path, device: str) -> Trained:
    return load_trained(path, device)
