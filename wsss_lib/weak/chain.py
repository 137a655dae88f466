"""Chains of steps: made by their names, with the networks that they need, and run on one image."""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TypeVar

from wsss_lib.classify.spec import choose_backbone, choose_classifier
from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.errors import ParameterError
from wsss_lib.expand.sampling import SAMPLES_PER_CLASS
from wsss_lib.scores import ClassScores
from wsss_lib.weak.irn.train import trained_edges
from wsss_lib.weak.mars import collect_centroids
from wsss_lib.weak.seed_files import SeedFiles
from wsss_lib.weak.seeds import THRESHOLD, Localiser
from wsss_lib.weak.steps import CRF, IRN, MARS, PMM, SVM, Expand, Seed, Step

#: Of IRN's random walk: as published, and as the small objects of the toy set need it. With 10 they
#: are smeared out there.
BETA = {"voc": 10.0, "toy": 80.0}
#: Of the CRF after a seed or an SVM: IRN's, and what suits the small images of toy.
CRF_AFTER = {"voc": "irn", "toy": "deeplab"}
#: What a single SVM learns from: on VOC `SVM`'s own defaults.
SINGLE = {"voc": {}, "toy": {"feature": "F2", "selection": "confident"}}
#: Where the SVM of an expansion in rounds differs from a single one.
EXPANSION = {"samples": 300, "C": 0.1, "gamma": "0.3xscale"}
#: Its feature.
PRODUCT = {"voc": "F3*F4*F5", "toy": "F2*F3*F4"}
#: Of the CRF between its rounds.
PRESET = "deeplab"
# toy's values were chosen with the ground truth of 40 images that notebook 13 does not score

#: The background after IRN's walk of plain CAMs, which have none: IRN's constant.
BACKGROUND = 0.25

#: The steps that take features of a network.
FEATURED = {"svm", "expand", "mars"}

Made = TypeVar("Made")


def run_steps(
    dataset: DevkitDataset, id_: str, steps: Sequence[Step]
) -> dict[Step, tuple[ClassScores, float]]:
    """Take one image through the steps, each from the scores of the one before.

    Returns
    -------
    dict of Step to (ClassScores, float)
        What each step made, and the seconds that it took.
    """
    results, scores = {}, None
    for step in steps:
        start = time.perf_counter()
        scores = step.run(dataset, id_, scores)
        results[step] = scores, time.perf_counter() - start
    return results


def make_steps(
    names: Sequence[str],
    dataset: DevkitDataset,
    *,
    localiser: Localiser | SeedFiles,
    edges: str | Path | None = None,
    centroids: str | Path | None = None,
    samples: int | None = None,
    feature: str | None = None,
    selection: str | None = None,
    look: str = "F2",
    C: float | None = None,
    gamma: str | float | None = None,
    temperature: float = 1.0,
    seed: int = 0,
    rounds: int = 2,
    between: bool = True,
    touching: bool = True,
    least_change: float = 0.0,
    watched: bool = False,
    preset: str | None = None,
    beta: float | None = None,
) -> tuple[Step, ...]:
    """Steps by their names.

    Parameters
    ----------
    names : sequence of str
        ``seed``, then some of ``svm``, ``expand``, ``crf``, ``irn``, ``pmm``, ``mars``.
    dataset : DevkitDataset
        Its name gives what is left out of samples, feature, selection, CRF and the walk's beta.
    localiser : Localiser or SeedFiles
        Gives the seeds, and its network the features.
    edges : path, optional
        The checkpoint of IRN's edge network, which runs where the localiser does.
    centroids : path, optional
        See `MARS`.
    samples, feature, selection, look, C, gamma, temperature, seed
        See `SVM`; what is left out is, for ``svm``, as in `SINGLE`, and for ``expand`` as in
        `EXPANSION` and `PRODUCT` besides.
    rounds : int
        See `Expand`.
    touching, least_change, watched
        See `Expand`.
    between : bool
        Whether each round of ``expand`` runs the CRF.
    preset
        See `CRF`. By default the data set's of `CRF_AFTER`, and `PRESET` between the rounds of
        ``expand``.
    beta
        See `IRN`, which walks as IRN's own code does right after a seed of plain CAMs.

    Raises
    ------
    ParameterError
        If a name is unknown or comes twice, the first is not a seed, a value is out of range, or
        ``irn`` has no edge network, or ``mars`` no centroids.
    """
    given = {"samples": samples, "feature": feature, "selection": selection, "C": C, "gamma": gamma}
    given = {name: value for name, value in given.items() if value is not None}
    given |= {"look": look, "temperature": temperature, "seed": seed}
    single = {"samples": SAMPLES_PER_CLASS[dataset.name]} | SINGLE[dataset.name]
    steps = []
    for name in names:
        after_seed = bool(steps) and steps[-1].name == "seed"
        match name:
            case "seed":
                step = Seed(localiser)
            case "svm":
                step = SVM(localiser, **(single | given))
            case "expand":
                weak = EXPANSION | {"feature": PRODUCT[dataset.name]}
                svm = SVM(localiser, **(single | weak | given))
                crf = CRF(preset or PRESET) if between else None
                step = Expand(svm, crf, rounds, touching, least_change, watched)
            case "crf":
                step = CRF(preset or CRF_AFTER[dataset.name])
            case "irn" if edges is not None:
                strength = BETA[dataset.name] if beta is None else beta
                step = IRN(edges, localiser.device, beta=strength)
                if after_seed and not localiser.has_background:
                    step = replace(step, power=1.0, background=BACKGROUND)
            case "irn":
                raise ParameterError("The step irn needs IRN's edge network, and none was given.")
            case "pmm":
                step = PMM(own_background=not after_seed or localiser.has_background)
            case "mars" if centroids is not None:
                step = MARS(localiser, Path(centroids).absolute())  # the same in any worker
            case "mars":
                raise ParameterError("The step mars needs centroids, and none were given.")
            case _:
                raise ParameterError(
                    f"No step {name!r}; expected some of seed, svm, expand, crf, irn, pmm, mars."
                )
        steps.append(step)
    check_order(steps)
    return tuple(steps)


def check_order(steps: Sequence[Step]) -> None:
    """Raise `ParameterError` unless the steps are different ones, a seed first."""
    names = [step.name for step in steps]
    if not names or names[0] != "seed" or len(set(names)) < len(names):
        raise ParameterError(f"The steps {', '.join(names)}; expected a seed, then different ones.")


def with_networks(
    make: Callable[..., Made],
    dataset: DevkitDataset,
    steps: Collection[str],
    *,
    seeds: Path | None = None,
    weights: str = "sipe",
    backbone: str | None = None,
    threshold: float = THRESHOLD,
    background_weight: float | None = None,
    irn_weights: Path | None = None,
    device: str = "cpu",
    workers: int | None = None,
) -> Made:
    """Make steps with the networks that they need; missing ones are trained.

    Parameters
    ----------
    make : callable
        Takes ``localiser``, ``edges`` and ``centroids``, as `make_steps` does. It is called twice:
        first without any network, so that it refuses bad values before a training.
    dataset : DevkitDataset
    steps : collection of str
        The names of all steps: ``irn`` needs the edge network, ``mars`` the centroids.
    seeds : path, optional
        A folder of files of seeds. With them a network is only loaded, or trained, for a step that
        takes features, or to train the edge network with.
    weights, backbone
        See `wsss_lib.classify.spec.choose_classifier`; with `seeds` also ``imagenet``, the backbone
        alone, which an edge network cannot be trained with.
    threshold, background_weight
        See `Localiser`.
    irn_weights : path, optional
        The checkpoint of the edge network.
    device : str
    workers : int, optional
    """
    unknown, later = SimpleNamespace(has_background=True, device=device), "not chosen yet"
    files = seeds and SeedFiles(seeds, threshold, device=device)
    make(localiser=files or unknown, edges=later, centroids=later)
    featured, learns_edges = FEATURED & set(steps), "irn" in steps and irn_weights is None
    localiser = files
    if files and featured and weights == "imagenet" and not learns_edges:
        localiser = replace(files, network=choose_backbone(dataset, backbone, weights))
    elif not files or featured or learns_edges:
        path = choose_classifier(dataset, weights, backbone, device=device)
        own = Localiser(
            path, threshold=threshold, background_weight=background_weight, device=device
        )
        localiser = replace(files, network=path) if files else own
        if learns_edges:
            irn_weights = trained_edges(dataset, own, device=device, workers=workers)
    centroids = None
    if "mars" in steps:
        centroids = collect_centroids(dataset, localiser, workers=workers)
    return make(localiser=localiser, edges=irn_weights, centroids=centroids)
