"""Which pixels an image-specific classifier learns from where there is no ground truth.

The paper selects samples by the CAM, the seed and shallow features, and labels them by the seed
(section 1, Figure 5a), but does not say how. What is done here with the three is ours: the seed
gives the label, the scores (of CAMs, say) say how sure it is, and the shallow feature whether the
pixel looks like its class. Each selection adds one of them, so that its worth can be measured.
Where there is ground truth, `count_right` and `precision_table` say how many labels are right.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd
from sklearn.cluster import MiniBatchKMeans
from sklearn.metrics.pairwise import euclidean_distances

from wsss_lib.datasets.classes import VOID, ClassSet
from wsss_lib.errors import ParameterError
from wsss_lib.expand.sampling import PixelSamples, random_stream, sample_mask
from wsss_lib.features import FeatureMap
from wsss_lib.scores import ClassScores

#: The selections, each stricter than the one before.
SELECTIONS = ("seed", "confident", "consistent")
#: The share of a class that counts as confident: the half with the larger margins. Less is cleaner,
#: but keeps to the core of the object, and the borders are what a classifier is to find.
SHARE = 0.5
#: Prototypes per class: several, since an object has several colours and textures.
PROTOTYPES = 8
#: Confident pixels that are looked at for each sample that is wanted: enough for n to stay where a
#: third looks like its class. More take longer, and give rare looks a larger part of the samples.
CANDIDATES = 3
#: Candidates of a class that its prototypes are made of, at most, to save time.
FITTED = 2000
#: The labels in the random streams of prototypes: those below are of sampling and noise.
STREAM = 1024  # and the class on top


def check_selection(selection: str) -> None:
    """Raise `ParameterError` unless it is one of `SELECTIONS`."""
    if selection not in SELECTIONS:
        raise ParameterError(
            f"No selection {selection!r}; expected one of {', '.join(SELECTIONS)}."
        )


def select_samples(
    scores: ClassScores,
    n: int,
    selection: str,
    feature: FeatureMap | None = None,
    seed: int = 0,
    image_id: str = "",
) -> PixelSamples:
    """Draw n pixels of each class of a seed, labelled by the seed.

    Parameters
    ----------
    scores : ClassScores
        Whose `mask` is the seed.
    n : int
        Pixels per class, background included; a class of which fewer are left gives these, one that
        the seed lost gives none.
    selection : str
        - ``seed``: uniformly at random.
        - ``confident``: at random among the pixels of the class with the largest margins, see
          `confident_seed`.
        - ``consistent``: of confident pixels, those that look like their class: the nearest of all
          classes' prototypes (centres of k-means) in feature space is one of its own. They are
          drawn evenly over the prototypes, so that rare looks of a class are learned, too. A class
          of which nothing is left gives confident pixels.
    feature : FeatureMap, optional
        A shallow layer of the same image, z-scored; for ``consistent`` only.
    seed : int
    image_id : str
        The pixels depend on the two, as in `wsss_lib.expand.sampling.sample_mask`.

    Returns
    -------
    PixelSamples

    Raises
    ------
    ParameterError
        If there is no such selection, `n` is not positive, or the feature is missing or that of an
        image of another size.
    """
    check_selection(selection)
    if selection == "seed":
        return sample_mask(scores.mask(), n, seed, image_id)
    confident = confident_seed(scores)
    if selection == "confident":
        return sample_mask(confident, n, seed, image_id)
    if feature is None or feature.image_size != scores.image_size:
        found = "none" if feature is None else f"one of {feature.image_size}"
        raise ParameterError(
            f"The selection 'consistent' needs a feature of an image of {scores.image_size}, "
            f"and {found} was given. Give a shallow layer of the same image, such as F2."
        )
    candidates = sample_mask(confident, CANDIDATES * n, seed, image_id)
    return _consistent(candidates, n, feature, seed, image_id)


def confident_seed(scores: ClassScores) -> np.ndarray:
    """The seed where it is sure, void elsewhere.

    The margin of a pixel is the greatest score minus the second; where there is one class only, all
    are alike. Of the pixels of each class the share `SHARE` with the largest margins is kept, and
    all that equal the last.

    Parameters
    ----------
    scores : ClassScores

    Returns
    -------
    ndarray, shape (H, W), uint8
    """
    mask = scores.mask()
    ranked = np.sort(scores.values, axis=0)
    margin = ranked[-1] - ranked[-2] if len(ranked) > 1 else np.zeros(mask.shape)
    least = np.zeros(VOID)
    for label in np.unique(mask):
        least[label] = np.quantile(margin[mask == label], 1 - SHARE, method="higher")
    return np.where(margin >= least[mask], mask, VOID).astype(np.uint8)


def _consistent(
    candidates: PixelSamples, n: int, feature: FeatureMap, seed: int, image_id: str
) -> PixelSamples:
    """The candidates that look like their class, n per class, evenly over its prototypes."""
    values, labels = feature.at(candidates.rows, candidates.cols), candidates.labels
    classes = list(candidates.counts)
    centres = [_prototypes(values[labels == label], seed, image_id, label) for label in classes]
    owners = np.repeat(classes, [len(own) for own in centres])
    distances = euclidean_distances(values, np.concatenate(centres), squared=True)
    of_own = owners == labels[:, None]
    to_own = np.where(of_own, distances, np.inf)
    stays = to_own.min(1) < np.where(of_own, np.inf, distances).min(1)
    cluster = to_own.argmin(1)
    chosen = []
    for label in classes:
        own = np.flatnonzero(labels == label)
        kept = own[stays[own]]
        # the first of each cluster, then the second of each that has one, and so on
        turn = pd.Series(kept).groupby(cluster[kept]).cumcount().to_numpy()
        chosen.append(kept[turn.argsort(kind="stable")][:n] if len(kept) else own[:n])
    return replace(candidates.take(np.concatenate(chosen)), requested=n)


def _prototypes(values: np.ndarray, seed: int, image_id: str, label: int) -> np.ndarray:
    """Centres of the feature vectors of a class, which stand in random order."""
    values = values[:FITTED]
    state = int(random_stream(seed, image_id, STREAM + label).integers(2**31))
    means = MiniBatchKMeans(min(PROTOTYPES, len(values)), random_state=state, n_init=1)
    return means.fit(values).cluster_centers_


def count_right(samples: PixelSamples, truth: np.ndarray) -> dict[str, list[int]]:
    """Count the samples of an image that have the right label.

    Parameters
    ----------
    samples : PixelSamples
    truth : ndarray, shape (H, W), uint8
        Samples on void (255) count nowhere.

    Returns
    -------
    dict of str to list of int
        For each label that was given, as text, since rows are JSON: ``[right, drawn]``.
    """
    true = truth[samples.rows, samples.cols]
    counts = {}
    for label in samples.counts:
        judged = true[(samples.labels == label) & (true != VOID)]
        counts[str(label)] = [int((judged == label).sum()), len(judged)]
    return counts


def precision_table(rows: Iterable[Mapping[str, list[int]]], classes: ClassSet) -> pd.DataFrame:
    """The share of right labels among the samples of each class, pooled over images.

    Parameters
    ----------
    rows : iterable of mapping
        Of each image what `count_right` gave.
    classes : ClassSet

    Returns
    -------
    DataFrame
        Indexed by ``class``, by short names, ``all`` in the last line: ``right`` and ``drawn``
        samples, and the ``precision`` in %; NaN where no sample counts.
    """
    counts = np.zeros((len(classes) + 1, 2), np.int64)
    for row in rows:
        for label, pair in row.items():
            counts[int(label)] += pair
    counts[-1] = counts[:-1].sum(0)
    table = pd.DataFrame(counts, pd.Index([*classes.short, "all"], name="class"))
    table.columns = ["right", "drawn"]
    drawn = table["drawn"].where(table["drawn"] > 0)
    return table.assign(precision=100 * table["right"] / drawn)
