"""What the steps of weak supervision look at: an image and the trained networks."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np

from wsss_lib.datasets import DevkitDataset
from wsss_lib.errors import ParameterError
from wsss_lib.expand.localise import Localiser
from wsss_lib.features import FeatureMap, extract
from wsss_lib.refine.irn.network import EdgeNetwork
from wsss_lib.refine.irn.train import load_edges


@dataclass(frozen=True)
class Networks:
    """The trained networks of a pipeline; small, so that they travel to workers.

    Attributes
    ----------
    localiser : Localiser
        Its network gives the features of the SVM, too.
    edges : Path, optional
        The checkpoint of IRN's edge network; it runs where the localiser's does.
    """

    localiser: Localiser
    edges: Path | None = None

    def load_edges(self) -> EdgeNetwork:
        """The edge network, loaded once a process.

        Raises
        ------
        ParameterError
            If there is none.
        """
        if self.edges is None:
            raise ParameterError("The step irn needs IRN's edge network, and none was given.")
        return _load_edges(self.edges, self.localiser.device)


@lru_cache(maxsize=1)
def _load_edges(path: Path, device: str) -> EdgeNetwork:
    return load_edges(path, device)


@dataclass
class View:
    """One image with what the steps look at."""

    dataset: DevkitDataset
    id: str
    networks: Networks

    @cached_property
    def image(self) -> np.ndarray:
        """The photograph, (H, W, 3) uint8."""
        return self.dataset.image(self.id)

    def features(self, layers: Sequence[str]) -> dict[str, FeatureMap]:
        """Z-scored features of the image by layer; the network runs once, see `extract`."""
        network = self.networks.localiser.load().network.backbone
        return extract(self.image, layers, network)
