"""The steps of weak supervision, each from the scores of the one before (Figure 5a).

A step is a small frozen object with its parameters; what it needs of the image and the networks it
takes from a `View`. Every step hands on scores that are not negative, so that any may follow.
"""

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.pseudo.view import View
from wsss_lib.expand.sampling import PixelSamples, check_samples
from wsss_lib.expand.selection import SELECTIONS, select_samples
from wsss_lib.expand.svm import ImageSVM
from wsss_lib.features import FeatureMap, check_layers, split_feature
from wsss_lib.refine.crf import dense_crf, find_preset, unary_from_labels, unary_from_probabilities
from wsss_lib.refine.irn.network import edge_map
from wsss_lib.refine.irn.walk import refine_scores
from wsss_lib.scores import ClassScores


@dataclass(frozen=True)
class StepResult:
    """What a step made of an image.

    Attributes
    ----------
    scores : ClassScores
        Their mask is the step's.
    samples : PixelSamples, optional
        What a classifier learned from.
    """

    scores: ClassScores
    samples: PixelSamples | None = None


class Step(Protocol):
    """A step with its parameters."""

    name: ClassVar[str]

    def run(self, view: View, before: ClassScores | None) -> StepResult:
        """Make scores of an image, given those of the step before."""


@dataclass(frozen=True)
class Seed:
    """CAMs with a constant background, or SIPE's image-specific CAMs; their argmax is the seed."""

    name: ClassVar[str] = "seed"

    def run(self, view: View, before: None) -> StepResult:
        """The scores of the localiser."""
        return StepResult(view.networks.localiser.scores(view.dataset, view.id))


@dataclass(frozen=True)
class SVM:
    """The image-specific SVM of samples that were selected without ground truth.

    Parameters
    ----------
    samples : int
        Pixels a class.
    feature : str
        A layer, or several concatenated: ``F1+F3``.
    selection : str
        See `wsss_lib.expand.selection.select_samples`. Stricter ones give cleaner labels and, on
        all images that we tried, no better masks: they leave out what lies along the border.
    look : str
        The shallow layer in which ``consistent`` samples look like their class.
    C, gamma
        See `wsss_lib.expand.svm.ImageSVM`.
    temperature : float
        Decision values are divided by it before their softmax.
    seed : int
        Of the selection.

    Raises
    ------
    ParameterError
        If a value is out of range.
    """

    samples: int
    feature: str = "F4"
    selection: str = "seed"
    look: str = "F2"
    C: float = 1.0
    gamma: str | float = "scale"
    temperature: float = 1.0
    seed: int = 0
    name: ClassVar[str] = "svm"

    def __post_init__(self) -> None:
        check_samples(self.samples)
        check_layers([self.look])
        self._svm().check_parameters()
        if split_feature(self.feature)[1] == "*":
            raise ParameterError(
                f"feature={self.feature!r}; expected a layer, or several joined by +."
            )
        if self.selection not in SELECTIONS:
            raise ParameterError(
                f"selection={self.selection!r}; expected one of {', '.join(SELECTIONS)}."
            )
        if "scale" not in str(self.gamma):  # 10 and "10" are one setting
            object.__setattr__(self, "gamma", float(self.gamma))
        if not 0 < self.temperature < np.inf:
            raise ParameterError(f"temperature={self.temperature}; expected a number above 0.")

    def run(self, view: View, before: ClassScores) -> StepResult:
        """Select, fit, and give the softmax of the decision values."""
        layers = split_feature(self.feature)[0]
        look = self.look if self.selection == "consistent" else None
        maps = view.features(list(dict.fromkeys([*layers, *filter(None, [look])])))
        chosen = select_samples(
            before, self.samples, self.selection, maps.get(look), self.seed, view.id
        )
        feature = [maps[layer] for layer in layers]
        svm = self._svm().fit(feature, chosen.label_image())
        return StepResult(decision_scores(svm, feature, self.temperature), chosen)

    def _svm(self) -> ImageSVM:
        return ImageSVM(C=self.C, gamma=self.gamma, threads=1)


@dataclass(frozen=True)
class CRF:
    """The dense CRF at image size.

    Parameters
    ----------
    preset : str
        See `wsss_lib.refine.crf.PRESETS`.
    hard : bool
        Take the labels of the scores as right with probability 0.7, as IRN does, and not the
        scores themselves as probabilities.
    """

    preset: str = "irn"
    hard: bool = False
    name: ClassVar[str] = "crf"

    def __post_init__(self) -> None:
        find_preset(self.preset)

    def run(self, view: View, before: ClassScores) -> StepResult:
        """The marginal probabilities."""
        if self.hard:
            unary = unary_from_labels(before.values.argmax(0), len(before.labels))
        else:
            unary = unary_from_probabilities(before.values)
        marginals = dense_crf(view.image, unary, find_preset(self.preset))
        return StepResult(ClassScores(marginals, before.labels))


@dataclass(frozen=True)
class IRN:
    """IRN's random walk along the edges that its network sees.

    Parameters
    ----------
    power, beta, doublings
        See `wsss_lib.refine.irn.walk.refine_scores`.
    """

    power: float = 1.5
    beta: float = 10
    doublings: int = 8
    name: ClassVar[str] = "irn"

    def run(self, view: View, before: ClassScores) -> StepResult:
        """The scores after the walk."""
        edge = edge_map(view.networks.load_edges(), view.image)
        how = {"power": self.power, "beta": self.beta, "doublings": self.doublings}
        return StepResult(refine_scores(before, edge, **how))


def decision_scores(
    svm: ImageSVM, feature: FeatureMap | list[FeatureMap], temperature: float = 1.0
) -> ClassScores:
    """The softmax over the classes of a fitted SVM's decision values, for every pixel.

    Parameters
    ----------
    svm : ImageSVM
        Fitted.
    feature : FeatureMap, or list of FeatureMap
    temperature : float
        Decision values are divided by it: above 1 softer, below 1 harder.

    Returns
    -------
    ClassScores
        Whose mask is ``svm.predict(feature)``.
    """
    decision = svm.decision_function(feature) / temperature
    if decision.ndim == 2:
        pair = [decision] if len(svm.classes_) == 1 else [-decision, decision]
        decision = np.stack(pair, -1)
    exponentials = np.exp(decision - decision.max(-1, keepdims=True))
    values = np.moveaxis(exponentials / exponentials.sum(-1, keepdims=True), -1, 0)
    return ClassScores(values.astype(np.float32), tuple(svm.classes_.tolist()))
