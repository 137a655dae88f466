"""What determines one result: the setting, the files and the weights of the network."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.cells import cell_labels, resize_labels
from wsss_lib.expand.image import Classifier, NearestSample
from wsss_lib.expand.noise import parse_noise
from wsss_lib.expand.pixels import CLASSIFIERS, PixelClassifier
from wsss_lib.expand.pooled import parse_pool
from wsss_lib.expand.product import ProductSVM
from wsss_lib.expand.sampling import SAMPLES_PER_CLASS, parse_scheme, samples_on
from wsss_lib.expand.svm import KERNELS, ImageSVM
from wsss_lib.features import needs_backbone, split_feature
from wsss_lib.store import FORMAT

#: Named parameters of the SVM. ``sklearn``: scikit-learn's defaults, which are not the paper's.
#: ``paper``: a guess. The paper names no parameters; on 296 images of VOC these bring the `img` row
#: to 2.7 points (root mean square) of the paper's, against 7.1 with ``sklearn``. C and gamma trade
#: against each other: with C = 1 and 100xscale it is 2.3, but that SVM ruins every shallow layer.
#: ``strokes``: the best for labels from a brush, see `wsss_lib.studies.strokes`.
SVM_PRESETS = {
    "sklearn": {"kernel": "rbf", "C": 1.0, "gamma": "scale"},
    "paper": {"kernel": "rbf", "C": 100.0, "gamma": "3xscale"},
    "strokes": {"kernel": "rbf", "C": 1.0, "gamma": "0.1xscale"},
}

#: Where pixels are sampled and predicted: ``pixels`` interpolates features to the image, ``cells``
#: stays on the feature map and gives a pixel the class of its cell. A cell is labelled by its most
#: frequent class, or by its first pixel: each gives the labels of a mask at the size of the map.
RESOLUTIONS = {"pixels": resize_labels, "cells": cell_labels, "cells_nearest": resize_labels}


def svm_preset(
    name: str,
    kernel: str | None = None,
    C: float | None = None,
    gamma: str | float | None = None,
) -> dict[str, object]:
    """Kernel, C and gamma of one of `SVM_PRESETS`, unless other values are given.

    Raises
    ------
    ParameterError
        If there is no such preset.
    """
    if name not in SVM_PRESETS:
        raise ParameterError(f"No SVM preset {name!r}; expected one of {', '.join(SVM_PRESETS)}.")
    given = {"kernel": kernel, "C": C, "gamma": gamma}
    return SVM_PRESETS[name] | {key: value for key, value in given.items() if value is not None}


@dataclass(frozen=True)
class Setting:
    """One way of expanding an image.

    Attributes
    ----------
    feature : str
        ``img``, ``xy`` or ``F1`` to ``F5``, or several, see `wsss_lib.features.split_feature`.
    samples : int or str
        Pixels per class, see `wsss_lib.expand.sampling.samples_on`; with several layers, cells are
        those of the first.
    kernel : str
        As in `wsss_lib.expand.svm.ImageSVM`; or, whatever C and gamma are, another classifier: one
        of `wsss_lib.expand.pixels.CLASSIFIERS`, or ``nearest``, the label of the nearest sample,
        which uses positions only, so that its feature is ``xy``.
    C, gamma, solver
        As in `wsss_lib.expand.svm.ImageSVM`.
    seed : int
        Of the sampling.
    zscore : bool
        Whether features are z-scored, see `wsss_lib.features.extract`.
    sampling : str
        See `wsss_lib.expand.sampling.draw_samples`.
    resolution : str
        One of `RESOLUTIONS`.
    noise : str
        Wrong labels among the samples, see `wsss_lib.expand.noise.corrupt`.
    weights : str
        Of the layers in a product, see `wsss_lib.expand.product.ProductSVM`.
    pool : str
        Whose samples the classifier is fitted to, see `wsss_lib.expand.pooled.parse_pool`.
    """

    feature: str
    samples: int | str
    kernel: str = "rbf"
    C: float = 1.0
    gamma: str | float = "scale"
    solver: str = "ours"
    seed: int = 0
    zscore: bool = True
    sampling: str = "uniform"
    resolution: str = "pixels"
    noise: str = "none"
    weights: str = "equal"
    pool: str = "own"

    def __post_init__(self) -> None:
        """Refuse bad values here, before any long work starts."""
        split_feature(self.feature)
        samples_on(self.samples, (1, 1))
        parse_noise(self.noise)
        parse_pool(self.pool)
        if self.seed < 0:
            raise ParameterError(f"seed={self.seed}; 0 or more was expected.")
        parse_scheme(self.sampling)
        if self.resolution not in RESOLUTIONS:
            raise ParameterError(
                f"resolution={self.resolution!r}; expected one of {', '.join(RESOLUTIONS)}."
            )
        self._check_together()
        if self.kernel not in (*CLASSIFIERS, "nearest"):
            self.svm().check_parameters()
        if "scale" not in str(self.gamma):  # 10 and "10" are one setting
            object.__setattr__(self, "gamma", float(self.gamma))

    def _check_together(self) -> None:
        """Refuse values that do not go together."""
        product, pooled = "*" in self.feature, self.pool != "own"
        clean = self.noise == "none" and self.resolution == "pixels"
        if self.resolution != "pixels" and (len(self.layers) > 1 or self.noise != "none"):
            raise ParameterError(
                f"resolution={self.resolution!r} is for a single layer with clean labels; with "
                f"feature={self.feature!r} and noise={self.noise!r} only 'pixels' is possible."
            )
        if self.weights != "equal" and not product:
            raise ParameterError(
                f"weights={self.weights!r} is for a product such as F1*F3, not for {self.feature}."
            )
        if product and (self.kernel, self.solver) != ("rbf", "ours"):
            raise ParameterError(
                f"{self.feature} is a product of RBF kernels; expected kernel='rbf' and "
                f"solver='ours', not {self.kernel!r} and {self.solver!r}."
            )
        shares = isinstance(self.samples, str)
        if pooled and (product or shares or self.kernel not in KERNELS or not clean):
            raise ParameterError(
                f"pool={self.pool!r} is for an SVM on one layer or a concatenation of layers, with "
                "a number of samples, clean labels and full resolution."
            )
        if self.kernel == "nearest" and self.feature != "xy":
            raise ParameterError(
                f"The nearest sample looks at positions only; its feature is xy, not "
                f"{self.feature}."
            )

    @property
    def name(self) -> str:
        """The feature as the name of a folder."""
        return self.feature.replace("*", "x")

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that the feature consists of."""
        return split_feature(self.feature)[0]

    @property
    def needs_companions(self) -> bool:
        """Whether the noise is on the companions of objects."""
        return parse_noise(self.noise)[0] == "companion"

    def svm(self, threads: int | None = 1) -> Classifier:
        """The unfitted classifier; `threads` as in `wsss_lib.expand.svm.ImageSVM`."""
        if self.kernel == "nearest":
            return NearestSample()
        if self.kernel in CLASSIFIERS:
            return PixelClassifier(CLASSIFIERS[self.kernel])
        if "*" in self.feature:
            return ProductSVM(self.C, self.gamma, self.weights, threads=threads)
        return ImageSVM(self.kernel, self.C, self.gamma, solver=self.solver, threads=threads)


def settings_for(
    dataset: DevkitDataset,
    layers: Sequence[str],
    samples: int | str | None = None,
    svm: str = "sklearn",
    *,
    kernel: str | None = None,
    C: float | None = None,
    gamma: str | float | None = None,
    solver: str = "ours",
    seed: int = 0,
    sampling: str = "uniform",
    noise: str = "none",
    weights: str = "equal",
    pool: str = "own",
) -> list[Setting]:
    """One setting per feature, otherwise the same.

    Parameters
    ----------
    dataset : DevkitDataset
        Gives the number of samples if that is left out.
    layers : sequence of str
        Features.
    samples : int or str, optional
        Pixels per class, see `Setting`.
    svm : str
        One of `SVM_PRESETS`.
    kernel, C, gamma : optional
        In place of the preset's.
    solver, seed, sampling, noise, weights, pool
        See `Setting`, which has some more.

    Raises
    ------
    ParameterError
        If a layer is unknown or named twice, or a value is outside its range.
    """
    twice = [layer for layer in layers if list(layers).count(layer) > 1]
    if twice:
        raise ParameterError(f"The layer {twice[0]} is named twice; once was expected.")
    chosen = svm_preset(svm, kernel, C, gamma)
    if samples is None:
        samples = SAMPLES_PER_CLASS[dataset.name]
    return [
        Setting(
            layer,
            samples,
            **chosen,
            solver=solver,
            seed=seed,
            sampling=sampling,
            noise=noise,
            weights=weights,
            pool=pool,
        )
        for layer in layers
    ]


def row_key(setting: Setting, *files: object, weights_sha: str | None) -> str:
    """The name of a result: a hash of everything that determines it.

    Parameters
    ----------
    setting : Setting
    *files : str or int
        What was read: the image's id (the sampling depends on it), the number of classes, the
        SHA-256 of photograph and mask, and of whatever else the setting needs.
    weights_sha : str or None
        Backbone and SHA-256 of its weights; ignored for a feature that needs no network.
    """
    weights = weights_sha if needs_backbone(setting.feature) else None
    parts = [FORMAT, asdict(setting), files, weights]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
