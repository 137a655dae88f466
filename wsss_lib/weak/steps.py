"""What the steps of weak supervision look at: an image and the trained networks."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Protocol

import numpy as np

from wsss_lib.datasets import DevkitDataset
from wsss_lib.errors import ParameterError
from wsss_lib.expand.sampling import SAMPLES_PER_CLASS, PixelSamples, check_samples
from wsss_lib.expand.svm import ImageSVM
from wsss_lib.features import FeatureMap, check_layers, extract, split_feature
from wsss_lib.scores import ClassScores
from wsss_lib.weak.crf import dense_crf, find_preset, unary_from_labels, unary_from_probabilities
from wsss_lib.weak.irn.network import EdgeNetwork, edge_map
from wsss_lib.weak.irn.train import load_edges
from wsss_lib.weak.irn.walk import refine_scores
from wsss_lib.weak.seeds import Localiser
from wsss_lib.weak.selection import SELECTIONS, select_samples


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
        """The edge network, loaded once in a process.

        Raises
        ------
        ParameterError
            If there is none.
        """
        if self.edges is None:
            raise ParameterError("The step irn needs IRN's edge network, and none was given.")
        return load_edges(self.edges, self.localiser.device).network


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
        See `wsss_lib.weak.selection.select_samples`. Stricter ones give cleaner labels and, on
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
        See `wsss_lib.weak.crf.PRESETS`.
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
        See `wsss_lib.weak.irn.walk.refine_scores`.
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


#: Of IRN's random walk: as published, and as the small objects of the toy set need it. With 10 they
#: are smeared out there (measured on images of its train list).
BETA = {"voc": 10.0, "toy": 20.0}


def run_steps(view: View, steps: Sequence[Step]) -> dict[Step, tuple[StepResult, float]]:
    """Take one image through the steps, each from the scores of the one before.

    Returns
    -------
    dict of Step to (StepResult, float)
        What each step made, and the seconds that it took.
    """
    results, before = {}, None
    for step in steps:
        start = time.perf_counter()
        result = step.run(view, before)
        results[step] = result, time.perf_counter() - start
        before = result.scores
    return results


def make_steps(names: Sequence[str], dataset: str, **chosen: object) -> tuple[Step, ...]:
    """Steps by their names: ``seed``, then some of ``svm``, ``crf``, ``irn``.

    Parameters
    ----------
    names : sequence of str
    dataset : str
        Gives the number of samples and the beta of the walk where they are left out.
    **chosen
        Parameters of the steps; each takes those that it has. None leaves its own.

    Raises
    ------
    ParameterError
        If a name is unknown or comes twice, the first is no seed, or a value is out of range.
    """
    kinds = {kind.name: kind for kind in (Seed, SVM, CRF, IRN)}
    given = {"samples": SAMPLES_PER_CLASS[dataset], "beta": BETA[dataset]}
    given |= {name: value for name, value in chosen.items() if value is not None}
    steps = []
    for before, name in zip([None, *names], names, strict=False):
        if name not in kinds:
            raise ParameterError(f"No step {name!r}; expected some of {', '.join(kinds)}.")
        known = {field.name for field in fields(kinds[name])}
        own = {key: value for key, value in given.items() if key in known}
        if name == "crf":
            own["hard"] = before == "seed"  # maps are no probabilities
        steps.append(kinds[name](**own))
    check_order(steps)
    return tuple(steps)


def check_order(steps: Sequence[Step]) -> None:
    """Raise `ParameterError` unless the steps are different ones, a seed first."""
    names = [step.name for step in steps]
    if not names or names[0] != "seed" or len(set(names)) < len(names):
        raise ParameterError(f"The steps {', '.join(names)}; expected a seed, then different ones.")
