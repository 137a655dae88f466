"""Which network gives the features, in words that fit on a command line."""

from dataclasses import dataclass
from functools import lru_cache

from wsss_lib.classify.backbones import Backbone, build_backbone


@dataclass(frozen=True)
class BackboneSpec:
    """Which network gives F1 to F5; small, so that it travels to the workers in its place.

    Attributes
    ----------
    name : str
        As in `wsss_lib.classify.backbones.build_backbone`.
    weights : str
        ``random``, ``imagenet`` or a file.
    seed : int
        Of random weights.
    """

    name: str = "resnet50"
    weights: str = "imagenet"
    seed: int = 0

    def load(self) -> Backbone:
        """The network, built once a process."""
        return _load(self)


@lru_cache(maxsize=2)
def _load(spec: BackboneSpec) -> Backbone:
    return build_backbone(spec.name, spec.weights, spec.seed).eval()
