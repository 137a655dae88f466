"""Affinity labels: where scores are sure enough of object or background to learn edges from.

Two label maps are made of the scores, one that is slow to say "object" and one that is slow to say
"background". Each is refined by a dense CRF; where only the second one sees an object, nobody knows
(IRN, Ahn et al. 2019; with IS-CAM SIPE, Chen et al. 2022).
"""

from pathlib import Path

import numpy as np
from joblib import delayed
from tqdm.auto import tqdm

from wsss_lib.datasets.classes import VOID
from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.datasets.images import read_note, write_mask
from wsss_lib.engine import processes
from wsss_lib.paths import cache_dir
from wsss_lib.scores import ClassScores
from wsss_lib.weak.crf import refine_by_crf
from wsss_lib.weak.seeds import Localiser

#: IRN's scores of the background in the two runs, where the maps have no background of their own.
THRESHOLDS = (0.30, 0.05)
#: What SIPE multiplies the background's own score by in the two runs.
FACTORS = (1.0, 0.5)


def affinity_labels(image: np.ndarray, scores: ClassScores, *, own_background: bool) -> np.ndarray:
    """The affinity labels of an image: objects and background where they are sure, else void.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3), uint8
    scores : ClassScores, at (H, W)
        The background (0) first, then the classes of the image.
    own_background : bool
        Whether the background's score comes from the image, as SIPE's does, so that it is
        multiplied by `FACTORS`; a constant is replaced by `THRESHOLDS`.

    Returns
    -------
    ndarray, shape (H, W), uint8
        Class indices, 255 = void.
    """
    masks = []
    for factor, threshold in zip(FACTORS, THRESHOLDS, strict=True):
        values = scores.values.copy()
        values[0] = factor * values[0] if own_background else threshold
        run = ClassScores(values, scores.labels)
        masks.append(refine_by_crf(image, run, hard=True).mask())
    foreground, background = masks  # trusted where they say "object", and where "background"
    neither = np.where(background == 0, 0, VOID)
    return np.where(foreground == 0, neither, foreground).astype(np.uint8)


def make_affinity_labels(
    dataset: DevkitDataset, localiser: Localiser, workers: int | None = None
) -> Path:
    """Make the affinity labels of all images, doing only what is missing.

    Parameters
    ----------
    dataset : DevkitDataset
    localiser : Localiser
        The maps that they are made of.
    workers : int, optional
        Processes, one thread each.

    Returns
    -------
    Path
        The folder of ``<id>.png``, in ``affinity`` in the cache.

    Raises
    ------
    DataError
        If an image cannot be read.
    WorkerError
        If a process died.
    """
    folder = cache_dir() / "affinity" / f"{dataset.name}-{localiser.name}"
    todo = [
        id_
        for id_ in dataset.ids
        if read_note(folder / f"{id_}.png") != localiser.key(dataset, id_)
    ]
    with processes(workers, None, []) as run:
        made = run(delayed(_make)(dataset, localiser, folder, id_) for id_ in todo)
        for _ in tqdm(made, desc="affinity labels", total=len(todo), unit="image"):
            pass
    return folder


def _make(dataset: DevkitDataset, localiser: Localiser, folder: Path, id_: str) -> None:
    scores = localiser.scores(dataset, id_)
    labels = affinity_labels(dataset.image(id_), scores, own_background=localiser.has_background)
    write_mask(folder / f"{id_}.png", labels, localiser.key(dataset, id_))
