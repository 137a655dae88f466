"""Fit the classifiers of pools before a sweep, and keep them for the next one."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import joblib
import numpy as np
from tqdm.auto import tqdm

from wsss_lib.errors import ParameterError, StoreError, WsssError
from wsss_lib.evaluate.image import ImageSamples, one_thread, setting_maps
from wsss_lib.evaluate.jobs import ExpansionJob, pool_name
from wsss_lib.evaluate.settings import Setting, row_key
from wsss_lib.expand.pooled import PooledClassifier, parse_pool, pool_samples
from wsss_lib.expand.sampling import PixelSamples
from wsss_lib.files import atomic_path
from wsss_lib.paths import cache_dir, shown

#: Raise it when a pickled class moves or gets other attributes: older files are then left alone.
LAYOUT = 2


def fit_pools(
    job: ExpansionJob, files: Mapping[str, tuple[str, str]], settings: Sequence[Setting]
) -> dict[Setting, Path]:
    """Fit what is not there yet, each once for all images.

    Parameters
    ----------
    job : ExpansionJob
    files : mapping of str to tuple of str
        The images of the pool, as `wsss_lib.evaluate.jobs.find_files` gives them. One that
        cannot be used is left out.
    settings : sequence of Setting
        Those whose pool is ``own`` are passed over.

    Returns
    -------
    dict of Setting to Path
        The files of the fitted `PooledClassifier`, in ``pooled`` in the cache.

    Raises
    ------
    ParameterError
        If no image of the pool can be read.
    StoreError
        If a fitted classifier cannot be written.
    """
    name = pool_name(files)
    paths = {setting: _path(job, name, setting) for setting in settings if setting.pool != "own"}
    wanted = {path: setting for setting, path in paths.items() if not path.is_file()}
    if wanted:
        chosen = _choose(job, sorted(files), list(wanted.values()))
        X, y = _read(job, chosen, list(chosen))
        bar = tqdm(wanted.items(), desc="fitting pools", unit="SVM", delay=2)
        for path, setting in bar:
            bar.set_postfix_str(f"{setting.feature}, {len(y[setting])} samples")
            _fit(setting, X.pop(setting), y[setting], path)
    return paths


def _path(job: ExpansionJob, pool: str, setting: Setting) -> Path:
    """Where the classifier of a setting is kept; the same for known and unknown labels."""
    times, _ = parse_pool(setting.pool)
    key = row_key(replace(setting, pool=f"pooled{times}"), pool, weights_sha=job.weights)
    return cache_dir() / "pooled" / f"{key}-{LAYOUT}.joblib"


def _choose(
    job: ExpansionJob, ids: Sequence[str], settings: Sequence[Setting]
) -> dict[Setting, dict[str, PixelSamples]]:
    """The pixels that each setting takes from each image."""
    drawn: dict[Setting, dict[str, PixelSamples]] = {setting: {} for setting in settings}
    for id_ in tqdm(ids, desc="drawing pools", unit="image", delay=2):
        try:
            samples = ImageSamples(job.dataset, id_, job.dataset.sample(id_).mask)
            own = [
                samples.drawn(*samples.where(setting, samples.truth.shape)) for setting in settings
            ]
        except WsssError as error:
            tqdm.write(f"{id_}: {error}")
            continue
        for setting, pixels in zip(settings, own, strict=True):
            drawn[setting][id_] = pixels
    if not any(drawn.values()):
        raise ParameterError("No image of the pool can be read; at least one was expected.")
    return {
        setting: dict(
            zip(of, pool_samples(list(of.values()), parse_pool(setting.pool)[0]), strict=True)
        )
        for setting, of in drawn.items()
    }


def _read(
    job: ExpansionJob,
    chosen: Mapping[Setting, dict[str, PixelSamples]],
    settings: Sequence[Setting],
) -> tuple[dict[Setting, np.ndarray], dict[Setting, np.ndarray]]:
    """The features (n, d) and labels (n,) of the chosen pixels; each image is read once."""
    X = {setting: [] for setting in settings}
    ids = list(dict.fromkeys(id_ for of in chosen.values() for id_ in of))
    with one_thread():
        for id_ in tqdm(ids, desc="reading pools", unit="image", delay=2):
            image = job.dataset.image(id_)
            for setting, maps in setting_maps(image, settings, job.backbone, job.features).items():
                pixels = chosen[setting][id_]
                parts = [map_.at(pixels.rows, pixels.cols) for map_ in maps]
                X[setting].append(np.hstack(parts))
    y = {
        setting: np.concatenate([pixels.labels for pixels in of.values()])
        for setting, of in chosen.items()
    }
    return {setting: np.concatenate(X.pop(setting)) for setting in settings}, y


def _fit(setting: Setting, X: np.ndarray, y: np.ndarray, path: Path) -> None:
    classes, counts = np.unique(y, return_counts=True)
    svm = setting.svm().set_params(threads=None).fit(X, y).set_params(threads=1)
    classifier = PooledClassifier(svm, dict(zip(classes.tolist(), counts.tolist(), strict=True)))
    try:
        with atomic_path(path) as temporary:
            joblib.dump(classifier, temporary)
    except OSError as error:
        raise StoreError(
            f"Cannot write the pooled classifier {shown(path)} ({error.strerror}). Those before "
            "are kept: free some space and run the same command again."
        ) from None
