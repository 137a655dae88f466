"""Sweeps: image-specific classifiers with samples from the ground truth, images times settings.

A row is kept under a key that holds everything that determines it: the setting, the photograph, the
mask and the weights of the network.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from functools import cache, partial
from pathlib import Path

import numpy as np

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.engine import Job, SweepResult, Task, located, one_thread, readable, run_job
from wsss_lib.evaluate.image import companion_path, evaluate_image, weights_name
from wsss_lib.evaluate.pools import fit_pools, pool_folder, pool_name
from wsss_lib.evaluate.settings import Setting, row_key
from wsss_lib.expand.image import warm_up
from wsss_lib.expand.pooled import parse_pool
from wsss_lib.features import check_backbone, needs_backbone
from wsss_lib.files import sha256
from wsss_lib.report import versions


def sweep(
    dataset: DevkitDataset,
    settings: Sequence[Setting],
    backbone: BackboneSpec | None = None,
    *,
    workers: int | None = None,
    scheduler: str | None = None,
    store: str | Path | None = None,
    masks_out: Path | None = None,
) -> SweepResult:
    """Evaluate every setting on every image.

    Each image's rows are stored as soon as they are computed; run again after a stop, only what is
    missing is computed. A bad image is reported and left out; all others are done.

    Parameters
    ----------
    dataset : DevkitDataset
    settings : sequence of Setting
    backbone : BackboneSpec, optional
        The network behind F1 to F5.
    workers : int, optional
        Processes; each uses one thread. With 1 everything happens in this process. By default
        ``WSSS_WORKERS``, else one for each core but at most 4.
    scheduler : str, optional
        Address of a Dask scheduler, e.g. ``tcp://10.0.0.1:8786``. Its workers take the place of the
        processes here. They need this kit installed, and data, weights and `masks_out` at the same
        paths as here (a shared file system, for settings with a pool WSSS_CACHE too); only this
        process writes the store.
    store : path, optional
        The SQLite file of the rows; by default ``rows.sqlite`` in the cache.
    masks_out : Path, optional
        A folder for the masks, ``<feature>/<id>.png``. Each notes its row's key, so that a mask of
        another setting is made again.

    Returns
    -------
    SweepResult
        The rows of `wsss_lib.evaluate.image.evaluate_image`.

    Raises
    ------
    DataError
        If not a single image could be done.
    ParameterError
        If a feature needs a network and there is none.
    StoreError
        If rows or masks cannot be written.
    WeightsError
        If the backbone's weights are missing or do not fit.
    WorkerError
        If the scheduler or its workers cannot be used, or worker processes died.
    """
    settings = list(settings)
    backbone = _checked(settings, backbone)
    weights = weights_name(backbone)
    files, failures = _find_files(dataset)
    images = located(dataset)
    needed = [images.devkit, images.mask_folder]
    if backbone and Path(backbone.weights).is_absolute():
        needed.append(Path(backbone.weights))
    if any(setting.pool != "own" for setting in settings):
        needed.append(pool_folder())
    result = run_job(
        dataset,
        list(_tasks(dataset, settings, weights, files)),
        partial(_make_job, images, backbone, files),
        watched=settings[0],
        failures=failures,
        description="expanding",
        needed=needed,
        masks_out=masks_out,
        workers=workers,
        scheduler=scheduler,
        store=store,
    )
    return replace(result, provenance=_provenance(result, settings, backbone))


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
        The row, as in the result of `sweep`, and the mask, (H, W) uint8.

    Raises
    ------
    ParameterError
        If a feature needs a network and there is none.
    DataError
        If the image or its mask cannot be read.
    """
    settings = list(settings)
    backbone = _checked(settings, backbone)
    files = _find_files(dataset)[0] if any(each.pool != "own" for each in settings) else {}
    pools = fit_pools(dataset, backbone, files, settings)  # with all threads, as a sweep does
    with one_thread():
        done = evaluate_image(dataset, id_, settings, backbone, pools=pools)
    return dict(zip(settings, done, strict=True))


def _checked(settings: Sequence[Setting], backbone: BackboneSpec | None) -> BackboneSpec | None:
    """The network with a path that is valid in any working folder; None if no setting needs it."""
    check_backbone([setting.feature for setting in settings], backbone)
    if not any(needs_backbone(setting.feature) for setting in settings):
        return None
    if Path(backbone.weights).is_file():
        return replace(backbone, weights=str(Path(backbone.weights).absolute()))
    return backbone


def _find_files(dataset: DevkitDataset) -> tuple[dict[str, tuple[str, str]], dict[str, str]]:
    """The SHA-256 of photograph and mask by id; and why the other images cannot be read."""
    return readable(
        dataset, lambda id_: (sha256(dataset.image_path(id_)), sha256(dataset.mask_path(id_)))
    )


def _tasks(
    dataset: DevkitDataset,
    settings: Sequence[Setting],
    weights: str | None,
    files: Mapping[str, tuple[str, str]],
) -> Iterator[Task]:
    """One task per image of `files`, with the keys of its rows."""
    pool = pool_name(files)
    for id_, own in files.items():
        keys = {}
        # read only for settings that depend on them, and once for all of these
        labels = cache(partial(dataset.labels, id_))
        companions = cache(partial(_companions_sha, dataset, id_))
        for setting in settings:
            more = [pool] if setting.pool != "own" else []
            more += [labels()] if parse_pool(setting.pool)[1] else []
            more += [companions()] if setting.needs_companions else []
            image = id_, len(dataset.classes), *own, *more
            keys[setting] = row_key(setting, *image, weights_sha=weights)
        yield Task(id_, keys)


def _companions_sha(dataset: DevkitDataset, id_: str) -> str | None:
    path = companion_path(dataset, id_)
    return sha256(path) if path.is_file() else None


def _make_job(
    dataset: DevkitDataset,
    backbone: BackboneSpec | None,
    files: Mapping[str, tuple[str, str]],
    settings: list[Setting],
) -> Job:
    """Prepare what the first image needs: compiled code, and the classifiers of pools."""
    warm_up()
    return partial(
        evaluate_image,
        dataset,
        backbone=backbone,
        weights=weights_name(backbone),
        pools=fit_pools(dataset, backbone, files, settings),
    )


def _provenance(
    result: SweepResult, settings: Sequence[Setting], backbone: BackboneSpec | None
) -> dict:
    """Data set, list, masks, network with the SHA-256 of its weights, settings, versions: JSON."""
    dataset, rows, weights = result.dataset, result.rows[settings[0]], None
    if backbone:
        used = backbone.load().weights
        weights = {"backbone": backbone.name, "weights": used.name, "sha256": used.sha256}
    return {
        "dataset": dataset.name,
        "list": Path(dataset.list_name).name,
        "images": len(rows),
        "masks": Path(dataset.masks).name,
        "network": weights,
        "settings": [asdict(setting) for setting in settings],
        "images_with_short_classes": sum(bool(row["short_classes"]) for row in rows),
        "held_out": "pixels that were not sampled; biased, since sampling balances the classes",
        "failures": result.failures,
        "versions": versions(),
    }
