"""All images of a data set times all settings, on several processes, resumable at any moment."""

import json
import math
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from joblib import delayed
from tqdm.auto import tqdm

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.datasets import DevkitDataset
from wsss_lib.datasets.images import write_mask
from wsss_lib.errors import DataError, StoreError, WeightsError, WsssError
from wsss_lib.evaluate.rows.cluster import processes
from wsss_lib.evaluate.rows.estimate import (
    Estimate,
    Measured,
    estimate,
    image_cost,
    peak_memory,
    warm_up,
)
from wsss_lib.evaluate.rows.feature_cache import feature_reader
from wsss_lib.evaluate.rows.image import evaluate_image
from wsss_lib.evaluate.rows.jobs import (
    Job,
    Outcome,
    Task,
    find_files,
    find_tasks,
    make_job,
    mask_path,
    weights_name,
)
from wsss_lib.evaluate.rows.pool import fit_pools
from wsss_lib.evaluate.rows.settings import Setting
from wsss_lib.evaluate.rows.store import ResultStore
from wsss_lib.features import check_backbone
from wsss_lib.metrics import mean_iou, pooled
from wsss_lib.paths import cache_dir, shown

#: With more images than these to do, it is told ahead what they will take.
_FEW = 5
#: Images whose classes and sizes are looked at for that.
_LOOKED_AT = 64
#: One image at a time in a process: the number of threads that it limits is the process's.
_ALONE = threading.Lock()
#: A key in the table and in its index, and a digest.
_ROW_EXTRA_BYTES = 250
_BAR = (
    "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} images [{elapsed}<{remaining}{postfix}]"
)


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
        todo = [(task, missing) for task in tasks if (missing := task.missing(found, masks_out))]
        left = dict.fromkeys(setting for _, missing in todo for setting in missing)
        job = replace(job, pools=fit_pools(job, files, list(left)))
        scored = {task.keys[settings[0]] for task in tasks}
        running = _RunningScore(len(dataset.classes), settings[0].feature)
        running.add(found[key] for key in scored & found.keys())
        bar = tqdm(
            total=len(tasks),
            initial=len(tasks) - len(todo),
            desc="expanding",
            bar_format=_BAR,
            smoothing=0,  # the mean pace
        )
        with bar, closing(_outcomes(job, todo, workers, scheduler)) as outcomes:
            for outcome in outcomes:
                if outcome.error:
                    failures[outcome.id] = outcome.error
                    tqdm.write(f"{outcome.id}: {outcome.error}")
                rows.put(outcome.rows)
                found |= outcome.rows
                running.add(outcome.rows[key] for key in scored & outcome.rows.keys())
                bar.update()
                bar.set_postfix_str(f"{_pace(bar)}, {running.text()}")
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


_Todo = list[tuple[Task, list[Setting]]]


def _outcomes(job: Job, todo: _Todo, workers: int, scheduler: str | None) -> Iterator[Outcome]:
    """Do the images; they come in the order of their end."""
    if not todo:
        return
    with processes(workers, scheduler, job.needed()) as (count, run):
        begun = 0
        if len(todo) > _FEW:
            warm_up(setting for _, missing in todo for setting in missing)
            for outcome in _first(job, todo, count):
                begun += 1
                yield outcome
        yield from run(delayed(_expand)(job, task, missing) for task, missing in todo[begun:])


def _first(job: Job, todo: _Todo, workers: int) -> Iterator[Outcome]:
    """Do images in this process until one has succeeded, and tell what the others will take."""
    for number, (task, missing) in enumerate(todo, 1):
        start = time.perf_counter()
        outcome = _expand(job, task, missing)
        seconds = time.perf_counter() - start
        yield outcome  # stored when it goes on here
        if outcome.rows:
            cost = image_cost(job.dataset, task.id, len(missing))
            disk = _disk_bytes(job, task, outcome)
            measured = Measured(cost, seconds, len(missing), disk, peak_memory())
            if left := todo[number:]:
                tqdm.write(str(_estimate(job, measured, left, workers)))
            return


def _estimate(job: Job, measured: Measured, left: _Todo, workers: int) -> Estimate:
    spread = left[:: math.ceil(len(left) / _LOOKED_AT)]
    costs = [image_cost(job.dataset, task.id, len(missing)) for task, missing in spread]
    rows = sum(len(missing) for _, missing in left)
    return estimate(measured, costs, len(left), rows, workers)


def _disk_bytes(job: Job, task: Task, outcome: Outcome) -> int:
    rows = sum(_ROW_EXTRA_BYTES + len(json.dumps(row)) for row in outcome.rows.values())
    if not job.masks_out:
        return rows
    done = [setting for setting, key in task.keys.items() if key in outcome.rows]
    return rows + sum(mask_path(job.masks_out, each, task.id).stat().st_size for each in done)


def _expand(job: Job, task: Task, settings: list[Setting]) -> Outcome:
    """A worker's share."""
    with _ALONE:
        if job.backbone and weights_name(job.backbone) != job.weights:
            raise WeightsError(
                f"A worker has other weights of {job.backbone.name} than this process. Give all "
                "machines the same file (for random weights the same version of torch)."
            )
        try:
            results = evaluate_image(
                job.dataset, task.id, settings, job.backbone, job.features, job.pools
            )
        except WsssError as error:
            return Outcome(task.id, {}, str(error))
        rows = {}
        for setting, (row, mask) in zip(settings, results, strict=True):
            if job.masks_out:
                _save(mask_path(job.masks_out, setting, task.id), mask, task.keys[setting])
            rows[task.keys[setting]] = row
        return Outcome(task.id, rows)


def _save(path: Path, mask: np.ndarray, note: str) -> None:
    try:
        write_mask(path, mask, note)
    except OSError as error:
        raise StoreError(
            f"Cannot write the mask {shown(path)} ({error.strerror}). The rows before are kept: "
            "free some space and run the same command again."
        ) from None


class _RunningScore:
    """The pooled mean IoU so far of one setting, for the progress bar."""

    def __init__(self, n_classes: int, feature: str) -> None:
        self.pooled = np.zeros((n_classes, n_classes), np.int64)
        self.feature = feature

    def add(self, rows: Iterable[dict]) -> None:
        self.pooled += pooled((row["confusion"] for row in rows), len(self.pooled))

    def text(self) -> str:
        return f"{self.feature} mIoU {100 * mean_iou(self.pooled):.1f}" if self.pooled.any() else ""


def _pace(bar: tqdm) -> str:
    """Images a minute, of this run."""
    state = bar.format_dict
    return f"{60 * (state['n'] - state['initial']) / max(state['elapsed'], 1e-3):.1f} images/min"
