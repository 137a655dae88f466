"""What determines one result: the setting of the classifier, and the weights of the network."""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import lru_cache

from wsss_lib.classify.backbones import Backbone, build_backbone
from wsss_lib.expand.sampling import check_samples
from wsss_lib.expand.svm import ImageSVM
from wsss_lib.features import check_layers

#: Raise it when a change of the code changes results: rows of older formats are computed anew.
FORMAT = 1


@dataclass(frozen=True)
class Setting:
    """One way of expanding an image.

    Attributes
    ----------
    feature : str
        ``img``, ``xy`` or ``F1`` to ``F5``.
    samples : int
        Pixels a class.
    kernel, C, gamma, solver
        As in `wsss_lib.expand.svm.ImageSVM`.
    seed : int
        Of the sampling.
    """

    feature: str
    samples: int
    kernel: str = "rbf"
    C: float = 1.0
    gamma: str | float = "scale"
    solver: str = "ours"
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse bad values here, before any long work starts."""
        check_layers([self.feature])
        check_samples(self.samples)
        self.svm().check_parameters()

    def svm(self) -> ImageSVM:
        """The unfitted image-specific classifier."""
        return ImageSVM(kernel=self.kernel, C=self.C, gamma=self.gamma, solver=self.solver)


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


def needs_backbone(feature: str) -> bool:
    """Whether a feature comes from the network (``img`` and ``xy`` do not)."""
    return feature not in ("img", "xy")


def row_key(setting: Setting, image_sha: str, mask_sha: str, weights_sha: str | None) -> str:
    """The name of a result: a hash of everything that determines it.

    Parameters
    ----------
    setting : Setting
    image_sha, mask_sha : str
        SHA-256 of the two files.
    weights_sha : str or None
        SHA-256 of backbone name and weights; None for a feature that needs no network.
    """
    parts = [FORMAT, asdict(setting), image_sha, mask_sha, weights_sha]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
