"""What determines one result: the setting, the files and the weights of the network."""

import hashlib
import json
from dataclasses import asdict, dataclass

from wsss_lib.errors import ParameterError
from wsss_lib.expand.sampling import check_samples
from wsss_lib.expand.svm import ImageSVM
from wsss_lib.features import check_layers, needs_backbone

#: Raise it when a change of the code changes results: rows of older formats are computed anew.
FORMAT = 1

#: Named parameters of the SVM. ``sklearn``: scikit-learn's defaults, which are not the paper's.
SVM_PRESETS = {"sklearn": {"kernel": "rbf", "C": 1.0, "gamma": "scale"}}


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
        if self.seed < 0:
            raise ParameterError(f"seed={self.seed}; 0 or more was expected.")
        self.svm().check_parameters()
        if "scale" not in str(self.gamma):  # 10 and "10" are one setting
            object.__setattr__(self, "gamma", float(self.gamma))

    def svm(self) -> ImageSVM:
        """The unfitted image-specific classifier."""
        return ImageSVM(kernel=self.kernel, C=self.C, gamma=self.gamma, solver=self.solver)


def row_key(setting: Setting, *image: object, weights_sha: str | None) -> str:
    """The name of a result: a hash of everything that determines it.

    Parameters
    ----------
    setting : Setting
    *image : str or int
        What the image is: its id (the sampling hangs on it), the number of classes, and the SHA-256
        of photograph and mask.
    weights_sha : str or None
        Backbone and SHA-256 of its weights; left out for a feature that needs no network.
    """
    weights = weights_sha if needs_backbone(setting.feature) else None
    parts = [FORMAT, asdict(setting), image, weights]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
