"""The affinity labels of a whole list as files: each image's is kept as soon as it is made."""

from pathlib import Path

from joblib import Parallel, delayed, parallel_config
from tqdm.auto import tqdm

from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.datasets.images import read_note, write_mask
from wsss_lib.expand.localise import Localiser
from wsss_lib.paths import cache_dir
from wsss_lib.refine.irn.labels import affinity_labels, runs_from_cams, runs_from_scores


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
