"""Fit the classifiers of pools before a sweep, and keep them for the next one."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import joblib
import numpy as np
from tqdm.auto import tqdm

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.engine import one_thread
from wsss_lib.errors import ParameterError, WsssError
from wsss_lib.evaluate.image import ImageSamples, setting_maps, weights_name
from wsss_lib.evaluate.settings import Setting, row_key
from wsss_lib.expand.pooled import PooledClassifier, parse_pool, pool_samples
from wsss_lib.expand.sampling import PixelSamples
from wsss_lib.files import atomic_path
from wsss_lib.paths import cache_dir

#: Raise it when a pickled class moves or gets other attributes: older files are then ignored.
LAYOUT = 3


def fit_pools(
    dataset: DevkitDataset,
    backbone: BackboneSpec | None,
    files: Mapping[str, tuple[str, str]],
    settings: Sequence[Setting],
) -> dict[Setting, Path]:
    """Fit the classifiers that do not exist yet, each once for all images.

    Parameters
    ----------
    dataset : DevkitDataset
    backbone : BackboneSpec or None
        None if no setting needs the network.
    files : mapping of str to tuple of str
        The images of the pool by id, with the SHA-256 of photograph and mask. An image that cannot
        be used is left out.
    settings : sequence of Setting
        Those whose pool is ``own`` are skipped.

    Returns
    -------
    dict of Setting to Path
        The files of the fitted `PooledClassifier`, in `pool_folder`.

    Raises
    ------
    ParameterError
        If no image of the pool can be read.
    StoreError
        If a fitted classifier cannot be written.
    """
    name, weights = pool_name(files), weights_name(backbone)
    paths = {each: _path(name, weights, each) for each in settings if each.pool != "own"}
    wanted = {path: setting for setting, path in paths.items() if not path.is_file()}
    if wanted:
        chosen = _choose(dataset, sorted(files), list(wanted.values()))
        X, y = _read(dataset, backbone, chosen)
        bar = tqdm(wanted.items(), desc="fitting pools", unit="SVM", delay=2)
        for path, setting in bar:
            bar.set_postfix_str(f"{setting.feature}, {len(y[setting])} samples")
            _fit(setting, X.pop(setting), y[setting], path)
    return paths


def pool_name(files: Mapping[str, tuple[str, str]]) -> str:
    """One hash of the contents of all images of a pool; `files` as in `fit_pools`."""
    return hashlib.sha256(json.dumps(sorted(files.items())).encode()).hexdigest()


def pool_folder() -> Path:
    """Where fitted classifiers are kept."""
    return cache_dir() / "pooled"


def _path(pool: str, weights: str | None, setting: Setting) -> Path:
    """Where the classifier of a setting is kept; known and unknown labels share it."""
    times, _ = parse_pool(setting.pool)
    key = row_key(replace(setting, pool=f"pooled{times}"), pool, weights_sha=weights)
    return pool_folder() / f"{key}-{LAYOUT}.joblib"


def _choose(
    dataset: DevkitDataset, ids: Sequence[str], settings: Sequence[Setting]
) -> dict[Setting, dict[str, PixelSamples]]:
    """The pixels that each setting takes from each image."""
    drawn: dict[Setting, dict[str, PixelSamples]] = {setting: {} for setting in settings}
    for id_ in tqdm(ids, desc="drawing pools", unit="image", delay=2):
        try:
            samples = ImageSamples(dataset, id_, dataset.sample(id_).mask)
            for setting, of in drawn.items():
                of[id_] = samples.drawn(*samples.drawing(setting, samples.truth.shape))
        except WsssError as error:
            tqdm.write(f"{id_}: {error}")
    if not any(drawn.values()):
        raise ParameterError("No image of the pool can be read; at least one was expected.")
    return {
        setting: dict(
            zip(of, pool_samples(list(of.values()), parse_pool(setting.pool)[0]), strict=True)
        )
        for setting, of in drawn.items()
    }


def _read(
    dataset: DevkitDataset,
    backbone: BackboneSpec | None,
    chosen: Mapping[Setting, dict[str, PixelSamples]],
) -> tuple[dict[Setting, np.ndarray], dict[Setting, np.ndarray]]:
    """The features (n, d) and labels (n,) of the chosen pixels; each image is read once."""
    X = {setting: [] for setting in chosen}
    ids = list(dict.fromkeys(id_ for of in chosen.values() for id_ in of))
    with one_thread():
        for id_ in tqdm(ids, desc="reading pools", unit="image", delay=2):
            maps_by_setting = setting_maps(dataset.image(id_), list(chosen), backbone)
            for setting, maps in maps_by_setting.items():
                pixels = chosen[setting][id_]
                parts = [map_.at(pixels.rows, pixels.cols) for map_ in maps]
                X[setting].append(np.hstack(parts))
    y = {
        setting: np.concatenate([pixels.labels for pixels in of.values()])
        for setting, of in chosen.items()
    }
    return {setting: np.concatenate(X.pop(setting)) for setting in chosen}, y


def _fit(setting: Setting, X: np.ndarray, y: np.ndarray, path: Path) -> None:
    classes, counts = np.unique(y, return_counts=True)
    svm = setting.svm(threads=None).fit(X, y).set_params(threads=1)
    classifier = PooledClassifier(svm, dict(zip(classes.tolist(), counts.tolist(), strict=True)))
    with atomic_path(path) as temporary:
        joblib.dump(classifier, temporary)
