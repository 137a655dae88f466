"""All images of a data set times all settings, on several processes, resumable at any moment."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed, parallel_config
from tqdm.auto import tqdm

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.datasets import DevkitDataset
from wsss_lib.datasets.images import read_note, write_mask
from wsss_lib.errors import WsssError
from wsss_lib.evaluate.image import evaluate_image
from wsss_lib.evaluate.settings import Setting, row_key
from wsss_lib.evaluate.store import ResultStore
from wsss_lib.features import check_backbone, needs_backbone
from wsss_lib.files import sha256
from wsss_lib.metrics import dense, mean_iou
from wsss_lib.paths import cache_dir


@dataclass
class SweepResult:
    """What a sweep gave.

    Attributes
    ----------
    rows : dict of Setting to list of dict
        The rows of each setting, in the order of the data set's ids.
    failures : dict of str to str
        Why an image could not be done, by id.
    """

    rows: dict[Setting, list[dict]]
    failures: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Task:
    id: str
    keys: dict[Setting, str]

    def missing(self, found: dict[str, dict], masks_out: Path | None) -> list[Setting]:
        """The settings whose row, or whose mask where masks are wanted, is not there yet."""
        return [
            setting
            for setting, key in self.keys.items()
            if key not in found
            or (masks_out and read_note(mask_path(masks_out, setting, self.id)) != key)
        ]


def sweep(
    dataset: DevkitDataset,
    settings: list[Setting],
    backbone: BackboneSpec | None = None,
    *,
    workers: int = 1,
    store: str | Path | None = None,
    masks_out: Path | None = None,
) -> SweepResult:
    """Evaluate every setting on every image.

    Each image's rows are stored as soon as they are computed; run again after a stop, only what is
    missing is computed. A bad image is reported and left out, the others are done to the end.

    Parameters
    ----------
    dataset : DevkitDataset
    settings : list of Setting
    backbone : BackboneSpec, optional
        The network behind F1 to F5.
    workers : int
        Processes; each uses one thread. With 1 everything happens in this process.
    store : path, optional
        The SQLite file of the rows; by default ``rows.sqlite`` in the cache.
    masks_out : Path, optional
        A folder for the masks, ``<feature>/<id>.png``. Each notes its row's key, so that a mask of
        another setting is made anew.

    Returns
    -------
    SweepResult

    Raises
    ------
    ParameterError
        If a feature needs a network and there is none.
    StoreError
        If rows cannot be stored.
    WeightsError
        If the backbone's weights are missing or do not fit.
    """
    weights_sha = None
    features = [setting.feature for setting in settings]
    check_backbone(features, backbone)
    if any(map(needs_backbone, features)):
        weights_sha = f"{backbone.name}:{backbone.load().weights.sha256}"
    result = SweepResult({setting: [] for setting in settings})
    tasks = list(_tasks(dataset, settings, weights_sha, result.failures))
    with ResultStore(store or cache_dir() / "rows.sqlite") as rows:
        found = rows.get(key for task in tasks for key in task.keys.values())
        todo = [(task, missing) for task in tasks if (missing := task.missing(found, masks_out))]
        work = (
            delayed(_guarded)(dataset, task, missing, backbone, masks_out) for task, missing in todo
        )
        bar = tqdm(total=len(tasks), initial=len(tasks) - len(todo), unit="image", desc="expanding")
        running = _RunningScore(len(dataset.classes), settings[0].feature)
        with bar, parallel_config(backend="loky", inner_max_num_threads=1):
            for task, done, error in _run(work, workers):
                if error:
                    result.failures[task.id] = error
                    tqdm.write(f"{task.id}: {error}")
                for setting, row in done:
                    rows.put(task.keys[setting], row)
                    found[task.keys[setting]] = row
                    running.add(row)
                bar.set_postfix_str(running.text())
                bar.update()
    for task in tasks:
        if task.id not in result.failures:
            for setting, key in task.keys.items():
                result.rows[setting].append(found[key])
    return result


def _run(work: Iterator, workers: int) -> Iterator:
    if workers == 1:
        return (function(*args, **kwargs) for function, args, kwargs in work)
    return Parallel(n_jobs=workers, return_as="generator_unordered")(work)


def _tasks(
    dataset: DevkitDataset,
    settings: list[Setting],
    weights_sha: str | None,
    failures: dict[str, str],
) -> Iterator[_Task]:
    for id_ in dataset.ids:
        try:
            files = sha256(dataset.image_path(id_)), sha256(dataset.mask_path(id_))
        except OSError as error:
            failures[id_] = f"cannot read {Path(error.filename).name} ({error.strerror})"
            tqdm.write(f"{id_}: {failures[id_]}")
            continue
        image = id_, len(dataset.classes), *files
        keys = {setting: row_key(setting, *image, weights_sha=weights_sha) for setting in settings}
        yield _Task(id_, keys)


def _guarded(
    dataset: DevkitDataset,
    task: _Task,
    settings: list[Setting],
    backbone: BackboneSpec | None,
    masks_out: Path | None,
) -> tuple[_Task, list[tuple[Setting, dict]], str]:
    """A worker's share: rows, or the sentence that says why there are none."""
    rows = []
    try:
        for setting, (row, mask) in zip(
            settings, evaluate_image(dataset, task.id, settings, backbone), strict=True
        ):
            if masks_out:
                write_mask(mask_path(masks_out, setting, task.id), mask, task.keys[setting])
            rows.append((setting, row))
    except WsssError as error:
        return task, [], str(error)
    return task, rows, ""


def mask_path(folder: Path, setting: Setting, id_: str) -> Path:
    """Where a sweep writes a mask."""
    return folder / setting.feature / f"{id_}.png"


class _RunningScore:
    """The pooled mean IoU so far of one feature, for the progress bar."""

    def __init__(self, n_classes: int, feature: str) -> None:
        self.pooled = np.zeros((n_classes, n_classes), np.int64)
        self.feature = feature

    def add(self, row: dict) -> None:
        if row["feature"] == self.feature:
            self.pooled += dense(row["confusion"], len(self.pooled))

    def text(self) -> str:
        return f"{self.feature} mIoU {100 * mean_iou(self.pooled):.1f}" if self.pooled.any() else ""
