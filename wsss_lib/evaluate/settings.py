"""What determines one result: the setting, the files and the weights of the network."""

import hashlib
import json
from dataclasses import asdict, dataclass

from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.cells import cell_labels, nearest_labels
from wsss_lib.expand.nearest import NearestSample
from wsss_lib.expand.sampling import check_samples
from wsss_lib.expand.schemes import parse_scheme
from wsss_lib.expand.svm import ImageSVM
from wsss_lib.features import check_layers, needs_backbone

#: Raise it when a change of the code changes results: rows of older formats are computed anew.
FORMAT = 2

#: Named parameters of the SVM. ``sklearn``: scikit-learn's defaults, which are not the paper's.
#: ``paper``: a guess. The paper names no parameters; on 296 images of VOC these bring the `img` row
#: to 2.7 points (root mean square) of the paper's, against 7.1 with ``sklearn``. C and gamma trade
#: against each other: with C = 1 and 100xscale it is 2.3, but that SVM ruins every shallow layer.
SVM_PRESETS = {
    "sklearn": {"kernel": "rbf", "C": 1.0, "gamma": "scale"},
    "paper": {"kernel": "rbf", "C": 100.0, "gamma": "3xscale"},
}

#: Where pixels are sampled and predicted: ``pixels`` interpolates features to the image, ``cells``
#: stays on the feature map and gives a pixel the class of its cell. A cell is labelled by its most
#: frequent class, or by its first pixel.
RESOLUTIONS = {"pixels": None, "cells": cell_labels, "cells_nearest": nearest_labels}


@dataclass(frozen=True)
class Setting:
    """One way of expanding an image.

    Attributes
    ----------
    feature : str
        ``img``, ``xy`` or ``F1`` to ``F5``.
    samples : int
        Pixels a class.
    kernel : str
        As in `wsss_lib.expand.svm.ImageSVM`, or ``nearest``: the label of the nearest sample,
        whatever C and gamma are. It looks at positions only, so its feature is ``xy``.
    C, gamma, solver
        As in `wsss_lib.expand.svm.ImageSVM`.
    seed : int
        Of the sampling.
    zscore : bool
        Whether features are z-scored, see `wsss_lib.features.extract`.
    sampling : str
        See `wsss_lib.expand.schemes.draw_samples`.
    resolution : str
        One of `RESOLUTIONS`.
    """

    feature: str
    samples: int
    kernel: str = "rbf"
    C: float = 1.0
    gamma: str | float = "scale"
    solver: str = "ours"
    seed: int = 0
    zscore: bool = True
    sampling: str = "uniform"
    resolution: str = "pixels"

    def __post_init__(self) -> None:
        """Refuse bad values here, before any long work starts."""
        check_layers([self.feature])
        check_samples(self.samples)
        if self.seed < 0:
            raise ParameterError(f"seed={self.seed}; 0 or more was expected.")
        parse_scheme(self.sampling)
        if self.resolution not in RESOLUTIONS:
            raise ParameterError(
                f"resolution={self.resolution!r}; expected one of {', '.join(RESOLUTIONS)}."
            )
        if self.kernel == "nearest" and self.feature != "xy":
            raise ParameterError(
                f"The nearest sample looks at positions only; its feature is xy, not "
                f"{self.feature}."
            )
        if self.kernel != "nearest":
            self.svm().check_parameters()
        if "scale" not in str(self.gamma):  # 10 and "10" are one setting
            object.__setattr__(self, "gamma", float(self.gamma))

    def svm(self) -> ImageSVM | NearestSample:
        """The unfitted image-specific classifier, for one thread."""
        if self.kernel == "nearest":
            return NearestSample()
        return ImageSVM(self.kernel, self.C, self.gamma, solver=self.solver, threads=1)


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
