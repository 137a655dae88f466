"""All images of a data set times all settings of an expansion, durable and resumable."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.datasets import DevkitDataset
from wsss_lib.engine import compute
from wsss_lib.errors import DataError
from wsss_lib.evaluate.image import evaluate_image
from wsss_lib.evaluate.jobs import Task, find_files, find_tasks, make_job
from wsss_lib.evaluate.pools import fit_pools
from wsss_lib.evaluate.rows.feature_cache import feature_reader
from wsss_lib.evaluate.settings import Setting
from wsss_lib.features import check_backbone, extract
from wsss_lib.paths import cache_dir
from wsss_lib.store import ResultStore


@dataclass
class SweepResult:
    """What a sweep gave.

    Attributes
    ----------
    rows : dict of Setting to list of dict
        The rows of each setting, in the order of the data set's ids.
    failures : dict of str to str
        Why an image could not be done, by id in the order of the data set's.
    """

    rows: dict[Setting, list[dict]]
    failures: dict[str, str] = field(default_factory=dict)


def sweep(
    dataset: DevkitDataset,
    settings: list[Setting],
    backbone: BackboneSpec | None = None,
    *,
    workers: int = 1,
    scheduler: str | None = None,
    store: str | Path | None = None,
    masks_out: Path | None = None,
    cache_gb: float = 0.0,
) -> SweepResult:
    """Evaluate every setting on every image.

    Each image's rows are stored as soon as they are computed; run again after a stop, only what is
    missing is computed. A bad image is reported and left out, the others are done to the end. Of
    more than a few images the first is done in this process, to tell what the others will take.

    Parameters
    ----------
    dataset : DevkitDataset
    settings : list of Setting
    backbone : BackboneSpec, optional
        The network behind F1 to F5.
    workers : int
        Processes; each uses one thread. With 1 everything happens in this process.
    scheduler : str, optional
        Address of a Dask scheduler, e.g. ``tcp://10.0.0.1:8786``. Its workers take the place of the
        processes here. They need this kit installed, and data, weights and `masks_out` at the same
        paths as here (a shared file system, for settings with a pool WSSS_CACHE too); only this
        process writes the store.
    store : path, optional
        The SQLite file of the rows; by default ``rows.sqlite`` in the cache.
    masks_out : Path, optional
        A folder for the masks, ``<feature>/<id>.png``. Each notes its row's key, so that a mask of
        another setting is made anew.
    cache_gb : float
        What the feature maps of the network that are kept on the disk may take (``features`` in the
        cache), for the next sweep with other settings. 0 keeps none and uses none.

    Returns
    -------
    SweepResult

    Raises
    ------
    DataError
        If not a single image could be done.
    ParameterError
        If a feature needs a network and there is none, or `cache_gb` is negative.
    StoreError
        If rows or masks cannot be written.
    WeightsError
        If the backbone's weights are missing or do not fit.
    WorkerError
        If the scheduler or its workers cannot be used, or worker processes died.
    """
    check_backbone([setting.feature for setting in settings], backbone)
    job = make_job(dataset, settings, backbone, masks_out, feature_reader(cache_gb))
    failures = {}
    files = find_files(dataset, failures)
    tasks = list(find_tasks(dataset, settings, job.weights, files))
    with ResultStore(store or cache_dir() / "rows.sqlite") as rows:
        found = rows.get(key for task in tasks for key in task.keys.values())
        left = dict.fromkeys(each for task in tasks for each in task.missing(found, masks_out))
        job = replace(job, pools=fit_pools(job, files, list(left)))
        failures |= compute(job, tasks, rows, found, settings[0], workers, scheduler)
    return collect(dataset, settings, tasks, found, failures)


def collect(
    dataset: DevkitDataset,
    settings: Sequence[Hashable],
    tasks: Sequence[Task],
    found: Mapping[str, dict],
    failures: Mapping[str, str],
) -> SweepResult:
    """Bring the rows of all images into the order of the data set.

    Raises
    ------
    DataError
        If not a single image could be done.
    """
    done = [task for task in tasks if task.id not in failures]
    if not done:
        raise DataError(
            f"None of the {len(dataset)} images could be done. The first, {dataset.ids[0]}: "
            f"{failures[dataset.ids[0]]}"
        )
    return SweepResult(
        {setting: [found[task.keys[setting]] for task in done] for setting in settings},
        {id_: failures[id_] for id_ in dataset.ids if id_ in failures},
    )


def image_masks(
    dataset: DevkitDataset,
    id_: str,
    settings: Sequence[Setting],
    backbone: BackboneSpec | None = None,
) -> dict[Setting, tuple[dict, np.ndarray]]:
    """Expand one image as a sweep over the data set does, without the other images.

    Classifiers of pools are fitted to samples of all images, once: a sweep over the same images
    finds them in the cache.

    Parameters
    ----------
    dataset : DevkitDataset
        All images of the pools.
    id_ : str
    settings : sequence of Setting
    backbone : BackboneSpec, optional
        The network behind F1 to F5.

    Returns
    -------
    dict of Setting to (dict, ndarray)
        The row, as in `wsss_lib.evaluate.sweeps.SweepResult`, and the mask, (H, W) uint8.

    Raises
    ------
    ParameterError
        If a feature needs a network and there is none.
    DataError
        If the image or its mask cannot be read.
    """
    settings = list(settings)
    check_backbone([setting.feature for setting in settings], backbone)
    job = make_job(dataset, settings, backbone, None, extract)
    pools = fit_pools(job, find_files(dataset, {}), settings)
    done = evaluate_image(job.dataset, id_, settings, job.backbone, pools=pools)
    return dict(zip(settings, done, strict=True))
