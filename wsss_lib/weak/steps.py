"""The steps from image-level labels to a pseudo mask: seed, SVM, rounds of it, CRF, IRN and others.

Each step takes the scores of the classes that the step before it gave and gives its own
(`ClassScores`, whose `mask()` is the step's). It owns what it needs besides: the localiser, whose
network gives the features, too, or the checkpoint of IRN's edge network. So a step is small and can
be sent to workers; the networks are loaded once per process. A new step is a frozen dataclass below
`Step` with a `name` and a `run`. Its fields are part of the key of its rows, but for those that are
marked as `NO_PARAMETER`; if it has a network, `load` gives it.
"""

import time
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
from scipy.special import softmax

from wsss_lib.classify.network import ClassificationNetwork
from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.errors import ParameterError
from wsss_lib.expand.image import Classifier
from wsss_lib.expand.product import ProductSVM
from wsss_lib.expand.sampling import PixelSamples, check_samples
from wsss_lib.expand.svm import ImageSVM, one_vs_rest_maps
from wsss_lib.features import FeatureMap, check_layers, extract, split_feature
from wsss_lib.files import sha256
from wsss_lib.scores import ClassScores
from wsss_lib.training import Trained
from wsss_lib.weak.crf import DenseCRF, find_preset, refine_by_crf
from wsss_lib.weak.irn.network import edge_map
from wsss_lib.weak.irn.train import load_edges
from wsss_lib.weak.irn.walk import refine_scores
from wsss_lib.weak.mars import image_feature, load_centroids, remove_biased
from wsss_lib.weak.pmm import proportional_scores
from wsss_lib.weak.rounds import (
    Round,
    area_change,
    attached,
    cross_fitted,
    keep_lost,
    network_signs,
    random_halves,
    round_signs,
    sample_signs,
)
from wsss_lib.weak.seed_files import SeedFiles
from wsss_lib.weak.seeds import Localiser, with_background
from wsss_lib.weak.selection import check_selection, select_samples

#: The selection of an `SVM` that has classifiers judge each other's samples.
CROSSED = "crossed"

#: The mark of a field that belongs to the network of a step: which one, and where it runs.
NO_PARAMETER = {"parameter": False}


@dataclass(frozen=True)
class Step:
    """A step with its parameters and its network."""

    name: ClassVar[str]

    def run(self, dataset: DevkitDataset, id_: str, before: ClassScores | None) -> ClassScores:
        """The scores of an image, given those of the step before (of the first step None)."""
        raise NotImplementedError

    def parameters(self) -> dict[str, object]:
        """The parameters by name: plain values, without the network."""
        names = [each.name for each in fields(self) if each.metadata != NO_PARAMETER]
        return {name: getattr(self, name) for name in names}

    def load(self) -> Trained | None:
        """The network that the step needs, loaded once per process; None if it needs none.

        Raises
        ------
        WeightsError
            If its file is missing or holds another kind of network.
        """
        return None


@dataclass(frozen=True)
class Seed(Step):
    """CAMs with a constant background, or SIPE's image-specific CAMs; their argmax is the seed.

    Parameters
    ----------
    localiser : Localiser or SeedFiles
        What makes the maps, or the files of another method.
    """

    localiser: Localiser | SeedFiles = field(metadata=NO_PARAMETER)
    name: ClassVar[str] = "seed"

    def run(self, dataset: DevkitDataset, id_: str, before: None = None) -> ClassScores:
        """The scores of the localiser."""
        return self.localiser.scores(dataset, id_)

    def load(self) -> Trained | None:
        """The classification network; None of files without one."""
        return self.localiser.load()


@dataclass(frozen=True)
class SVM(Step):
    """The image-specific SVM of samples that were selected without ground truth.

    Parameters
    ----------
    localiser : Localiser or SeedFiles
        The backbone of its network gives the features.
    samples : int
        Pixels per class.
    feature : str
        A layer, or several: ``F1+F3`` concatenates, ``F1*F3`` multiplies kernels.
    selection : str
        See `wsss_lib.weak.selection.select_samples`. Stricter ones give cleaner labels, but
        leave out what lies along the border: on photographs the masks were no better for it, on
        toy they were. Or ``crossed``: of the samples of ``seed`` those whose label a classifier of
        the other half gives, too; a class of which none is left keeps all.
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

    localiser: Localiser | SeedFiles = field(metadata=NO_PARAMETER)
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
        if self.selection != CROSSED:
            check_selection(self.selection)
        self.classifier().check_parameters()
        if "scale" not in str(self.gamma):  # 10 and "10" are one setting
            object.__setattr__(self, "gamma", float(self.gamma))
        if not 0 < self.temperature < np.inf:
            raise ParameterError(f"temperature={self.temperature}; expected a number above 0.")

    def run(self, dataset: DevkitDataset, id_: str, before: ClassScores) -> ClassScores:
        """Select, fit, and give the softmax of the decision values, with the samples."""
        maps = self.maps(dataset, id_)
        samples = self.select(before, maps, id_)
        feature = [maps[layer] for layer in self.layers]
        svm = self.classifier().fit(feature, samples.label_image())
        return replace(decision_scores(svm, feature, self.temperature), samples=samples)

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers of the feature."""
        return split_feature(self.feature)[0]

    def maps(self, dataset: DevkitDataset, id_: str) -> dict[str, FeatureMap]:
        """The feature maps of an image that samples are selected by and learned from."""
        look, trained = [self.look] if self.selection == "consistent" else [], self.load()
        backbone = trained and trained.network.backbone
        return extract(dataset.image(id_), dict.fromkeys([*self.layers, *look]), backbone)

    def select(self, before: ClassScores, maps: dict[str, FeatureMap], id_: str) -> PixelSamples:
        """The samples of the scores that came before."""
        crossed = self.selection == CROSSED
        selection, look = "seed" if crossed else self.selection, maps.get(self.look)
        samples = select_samples(before, self.samples, selection, look, self.seed, id_)
        if not crossed:
            return samples
        feature = [maps[layer] for layer in self.layers]
        found = cross_fitted(self.classifier(), feature, samples, random_halves(samples))
        kept = found == samples.labels
        kept |= ~np.isin(samples.labels, samples.labels[kept])
        return samples.take(np.flatnonzero(kept))

    def load(self) -> Trained | None:
        """The network whose backbone gives the features; None of files without one."""
        return self.localiser.load()

    def classifier(self) -> Classifier:
        """The classifier, unfitted."""
        product = split_feature(self.feature)[1] == "*"
        return (ProductSVM if product else ImageSVM)(C=self.C, gamma=self.gamma, threads=1)


@dataclass(frozen=True)
class CRF(Step):
    """The dense CRF at image size.

    Scores that are no probabilities, such as a seed's maps, count by their labels alone, each right
    with probability 0.7, as in IRN.

    Parameters
    ----------
    preset : str
        See `wsss_lib.weak.crf.PRESETS`.
    """

    preset: str = "irn"
    name: ClassVar[str] = "crf"

    def __post_init__(self) -> None:
        find_preset(self.preset)

    def run(self, dataset: DevkitDataset, id_: str, before: ClassScores) -> ClassScores:
        """The marginal probabilities."""
        hard = not before.are_probabilities()
        return refine_by_crf(dataset.image(id_), before, self.preset, hard=hard)


@dataclass(frozen=True)
class Expand(Step):
    """The image-specific expansion in rounds: each round's mask is the next one's seed.

    A round selects samples, fits, softens the decision values and, unless `crf` is left out, runs
    the dense CRF. Parts of objects that do not touch their seed become background, and a class of
    the seed that no pixel has afterwards gets the seed's pixels back. A seed of a single class is
    handed on as it is.

    Parameters
    ----------
    svm : SVM
        Of the first round; each later one draws other samples.
    crf : CRF, optional
        After each round's SVM.
    rounds : int
    touching : bool
        Whether parts of objects have to touch their seed.
    least_change : float
        A rule that harms fewer images: where the first round changes the area of the objects by a
        smaller share of the seed's, such as 0.1, the seed stays, for there rounds have little to
        gain, and details to lose. 0 for never.
    watched : bool
        Whether the signs of `wsss_lib.weak.rounds` are taken after each round, for a study; those
        of the classification network only if the localiser has one.
    """

    svm: SVM
    crf: CRF | None
    rounds: int = 2
    touching: bool = True
    least_change: float = 0.0
    watched: bool = False
    name: ClassVar[str] = "expand"

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise ParameterError(f"rounds={self.rounds}; expected at least 1.")
        if not 0 <= self.least_change < np.inf:
            raise ParameterError(f"least_change={self.least_change}; expected a share, 0 or more.")

    def parameters(self) -> dict[str, object]:
        """The parameters by name, those of SVM and CRF among them."""
        crf = self.crf.parameters() if self.crf else {"preset": None}
        own = {"rounds": self.rounds, "touching": self.touching}
        if self.least_change:
            own["least_change"] = self.least_change
        if self.watched:
            own["watched"] = True
        return {**own, **self.svm.parameters(), **crf}

    def run(self, dataset: DevkitDataset, id_: str, before: ClassScores) -> ClassScores:
        """The scores after the last round, with its samples and all `rounds`."""
        start, seed, done = time.perf_counter(), before.mask(), []
        if len(np.unique(seed)) == 1:
            return replace(before, rounds=(Round(seed, 0.0, {}),) * self.rounds)
        image, maps = dataset.image(id_), self.svm.maps(dataset, id_)
        feature = [maps[layer] for layer in self.svm.layers]
        crf = self.crf and DenseCRF(image, find_preset(self.crf.preset))
        scores = before
        for number in range(self.rounds):
            step, last = replace(self.svm, seed=self.svm.seed + number), scores.mask()
            samples = step.select(scores, maps, id_)
            svm = step.classifier().fit(feature, samples.label_image())
            decided = decision_scores(svm, feature, step.temperature)
            refined = crf.refine(decided) if crf else decided
            placed = attached(refined, seed) if self.touching else refined
            scores, signs = keep_lost(placed, seed), {}
            if self.watched:
                trained = self.load()
                signs = sample_signs(step.classifier(), feature, samples)
                signs |= round_signs(scores, last, before)
                if trained and isinstance(trained.network, ClassificationNetwork):
                    labels = dataset.labels(id_)
                    signs |= network_signs(trained.network, image, scores.mask(), labels)
            done.append(Round(scores.mask(), time.perf_counter() - start, signs))
            if number == 0 and area_change(seed, scores.mask()) < self.least_change:
                return replace(before, rounds=(replace(done[0], mask=seed),) * self.rounds)
        return replace(scores, samples=samples, rounds=tuple(done))

    def load(self) -> Trained | None:
        """The network whose backbone gives the features; None of files without one."""
        return self.svm.load()


@dataclass(frozen=True)
class IRN(Step):
    """IRN's random walk along the edges that its network sees.

    Parameters
    ----------
    edges : path
        The checkpoint of the edge network.
    device : str
        Where it runs, see `wsss_lib.training.choose_device`.
    power, beta, doublings
        See `wsss_lib.weak.irn.walk.refine_scores`.
    background : float, optional
        If given, the background that comes in is no score of the image, so that only the objects
        walk, and this constant takes its place afterwards: IRN's way with plain CAMs. By default
        the background walks as the classes do: SIPE's way.
    """

    edges: Path = field(metadata=NO_PARAMETER)
    device: str = field(default="cpu", metadata=NO_PARAMETER)
    power: float = 1.5
    beta: float = 10
    doublings: int = 8
    background: float | None = None
    name: ClassVar[str] = "irn"

    def __post_init__(self) -> None:
        object.__setattr__(self, "edges", Path(self.edges).absolute())  # the same in any worker

    def run(self, dataset: DevkitDataset, id_: str, before: ClassScores) -> ClassScores:
        """The scores after the walk."""
        walk = {"power": self.power, "beta": self.beta, "doublings": self.doublings}
        edge = edge_map(self.load().network, dataset.image(id_))
        if self.background is None:
            return refine_scores(before, edge, **walk)
        labels = before.labels[1:]
        if not labels:  # nothing can walk
            return before
        objects = refine_scores(ClassScores(before.values[1:], labels), edge, **walk)
        return with_background(objects.values, labels, self.background)

    def load(self) -> Trained:
        """The edge network."""
        return load_edges(self.edges, self.device)


@dataclass(frozen=True)
class PMM(Step):
    """PMM's proportional pseudo masks; see `wsss_lib.weak.pmm`.

    Parameters
    ----------
    own_background : bool
        Whether the background that comes in is the image's own, and no constant.
    """

    own_background: bool = False
    name: ClassVar[str] = "pmm"

    def run(self, dataset: DevkitDataset, id_: str, before: ClassScores) -> ClassScores:
        """Each pixel's part of its class, where the class may be."""
        image = dataset.image(id_)
        return proportional_scores(image, before, own_background=self.own_background)


@dataclass(frozen=True)
class MARS(Step):
    """MARS's removal of biased objects; see `wsss_lib.weak.mars`.

    Parameters
    ----------
    localiser : Localiser or SeedFiles
        The backbone of its network gives the features.
    centroids : path
        See `wsss_lib.weak.mars.collect_centroids`.
    """

    localiser: Localiser | SeedFiles = field(metadata=NO_PARAMETER)
    centroids: Path = field(metadata=NO_PARAMETER)
    name: ClassVar[str] = "mars"

    def parameters(self) -> dict[str, object]:
        """The SHA-256 of the centroids."""
        return {"centroids": sha256(self.centroids)}

    def run(self, dataset: DevkitDataset, id_: str, before: ClassScores) -> ClassScores:
        """The scores without the biased objects."""
        feature = image_feature(dataset, self.localiser, id_)
        return remove_biased(dataset.image(id_), before, feature, load_centroids(self.centroids))

    def load(self) -> Trained | None:
        """The network whose backbone gives the features; None of files without one."""
        return self.localiser.load()


def decision_scores(
    svm: ImageSVM | ProductSVM, feature: FeatureMap | list[FeatureMap], temperature: float = 1.0
) -> ClassScores:
    """The softmax over the classes of a fitted SVM's decision values, for every pixel.

    Parameters
    ----------
    svm : ImageSVM or ProductSVM
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
    decision = one_vs_rest_maps(decision, len(svm.classes_))
    values = np.moveaxis(softmax(decision, -1), -1, 0)
    return ClassScores(values.astype(np.float32), tuple(svm.classes_.tolist()))
