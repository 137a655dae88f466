"""Affinity labels: where scores are sure enough of object or background to learn edges from.

Two label maps are made of the scores, one that is slow to say "object" and one that is slow to say
"background". Each is refined by a dense CRF; where only the second one sees an object, nobody knows
(IRN, Ahn et al. 2019; with IS-CAM SIPE, Chen et al. 2022).
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed, parallel_config
from tqdm.auto import tqdm

from wsss_lib.datasets.classes import VOID
from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.datasets.images import read_note, write_mask
from wsss_lib.errors import ParameterError
from wsss_lib.paths import cache_dir
from wsss_lib.scores import ClassScores
from wsss_lib.weak.crf import PRESETS, dense_crf, unary_from_labels
from wsss_lib.weak.seeds import Localiser, with_background

#: Two versions of the scores: the first trusted where it says "object", the second where it says
#: "background".
Runs = tuple[ClassScores, ClassScores]


def affinity_labels(
    image: np.ndarray, foreground_run: ClassScores, background_run: ClassScores
) -> np.ndarray:
    """The affinity labels of an image: ``affinity_labels(image, *runs_from_cams(cams, labels))``.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3), uint8
    foreground_run, background_run : ClassScores, at (H, W)
        The background (0) and the classes of the image, the same in both; see `runs_from_cams` and
        `runs_from_scores`.

    Returns
    -------
    ndarray, shape (H, W), uint8
        Class indices, 255 = void.

    Raises
    ------
    ParameterError
        If there is no background, labels or sizes do not agree, or the image is not uint8 RGB.
    """
    labels = foreground_run.labels
    if labels[0] != 0 or labels != background_run.labels:
        raise ParameterError(
            f"Runs with the labels {labels} and {background_run.labels}; expected the background "
            "(0) and the same classes in both."
        )
    return merge_labels(_crf_mask(image, foreground_run), _crf_mask(image, background_run))


def runs_from_cams(
    cams: np.ndarray, labels: Sequence[int], thresholds: tuple[float, float] = (0.30, 0.05)
) -> Runs:
    """IRN's two runs: a high and a low constant as the score of the background.

    Parameters
    ----------
    cams, labels
        As for `with_background`.
    thresholds : tuple of float
        The background's score in the first and in the second run.

    Returns
    -------
    foreground_run, background_run : ClassScores

    Raises
    ------
    ParameterError
        As of `with_background`.
    """
    foreground, background = (with_background(cams, labels, value) for value in thresholds)
    return foreground, background


def runs_from_scores(scores: ClassScores, factor: float = 0.5) -> Runs:
    """SIPE's two runs: the scores as they are, and with a lower score of the background.

    Parameters
    ----------
    scores : ClassScores, at (H, W)
        At least 0, such as those of IS-CAM; the background comes first.
    factor : float
        Of the background's score in the second run.

    Returns
    -------
    foreground_run, background_run : ClassScores
    """
    values = scores.values.copy()
    values[0] *= factor
    return scores, ClassScores(values, scores.labels)


def merge_labels(foreground_run: np.ndarray, background_run: np.ndarray) -> np.ndarray:
    """Objects where the first mask has them, background where both have it, and void elsewhere.

    Parameters
    ----------
    foreground_run, background_run : ndarray, shape (H, W), uint8

    Returns
    -------
    ndarray, shape (H, W), uint8
    """
    neither = np.where(background_run == 0, 0, VOID)
    return np.where(foreground_run == 0, neither, foreground_run).astype(np.uint8)


def _crf_mask(image: np.ndarray, scores: ClassScores) -> np.ndarray:
    """The mask of scores, refined by the CRF for hard labels: (H, W) uint8."""
    unary = unary_from_labels(scores.values.argmax(0), len(scores.labels), confidence=0.7)
    return ClassScores(dense_crf(image, unary, PRESETS["irn"]), scores.labels).mask()


def make_affinity_labels(dataset: DevkitDataset, localiser: Localiser, workers: int = 1) -> Path:
    """Make the affinity labels of all images, doing only what is missing.

    Parameters
    ----------
    dataset : DevkitDataset
    localiser : Localiser
        The maps that they are made of: IRN's two thresholds for CAMs, SIPE's two runs for
        image-specific CAMs.
    workers : int
        Processes, one thread each.

    Returns
    -------
    Path
        The folder of ``<id>.png``, in ``affinity`` in the cache.

    Raises
    ------
    DataError
        If an image cannot be read.
    """
    folder = cache_dir() / "affinity" / f"{dataset.name}-{localiser.name}"
    todo = [
        id_
        for id_ in dataset.ids
        if read_note(folder / f"{id_}.png") != localiser.key(dataset, id_)
    ]
    with parallel_config("loky", inner_max_num_threads=1):
        run = Parallel(n_jobs=workers, return_as="generator_unordered")
        made = run(delayed(_make)(dataset, localiser, folder, id_) for id_ in todo)
        for _ in tqdm(made, desc="affinity labels", total=len(todo), unit="image"):
            pass
    return folder


def _make(dataset: DevkitDataset, localiser: Localiser, folder: Path, id_: str) -> None:
    image, scores = dataset.image(id_), localiser.scores(dataset, id_)
    if localiser.has_background:
        runs = runs_from_scores(scores)
    else:
        runs = runs_from_cams(scores.values[1:], scores.labels[1:])
    labels = affinity_labels(image, *runs)
    write_mask(folder / f"{id_}.png", labels, localiser.key(dataset, id_))
