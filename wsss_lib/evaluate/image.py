"""One image of a sweep: its samples, its classifiers and its scores, for every setting."""

import pickle
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path

import joblib
import numpy as np

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.errors import StoreError, WeightsError
from wsss_lib.evaluate.cells import resize_labels
from wsss_lib.evaluate.regions import boundary_distance, count_regions, sample_distance
from wsss_lib.evaluate.settings import RESOLUTIONS, Setting
from wsss_lib.expand.image import Expansion, expand
from wsss_lib.expand.noise import corrupt
from wsss_lib.expand.pooled import PooledClassifier, parse_pool
from wsss_lib.expand.sampling import PixelSamples, draw_samples, samples_on
from wsss_lib.features import FeatureMap, extract, needs_backbone
from wsss_lib.paths import shown


class ImageSamples:
    """The samples of one image, drawn once for all settings that draw in the same way.

    Parameters
    ----------
    dataset : DevkitDataset
    id_ : str
    truth : ndarray, shape (H, W), uint8
        The mask of the image.
    """

    def __init__(self, dataset: DevkitDataset, id_: str, truth: np.ndarray) -> None:
        self.dataset, self.id, self.truth = dataset, id_, truth
        self.drawn, self.scored = cache(self._drawn), cache(self._scored)

    def drawing(self, setting: Setting, size: tuple[int, int]) -> tuple:
        """The arguments of `drawn` and `scored` for a setting with a map of this size."""
        n = samples_on(setting.samples, size)
        size = self.truth.shape if setting.resolution == "pixels" else size
        return size, setting.resolution, n, setting.sampling, setting.seed

    def _drawn(
        self, size: tuple[int, int], resolution: str, n: int, sampling: str, seed: int
    ) -> PixelSamples:
        mask = RESOLUTIONS[resolution](self.truth, size)
        return draw_samples(mask, n, sampling, seed, self.id)

    def _scored(self, *drawing: object) -> tuple[np.ndarray, np.ndarray]:
        """The held-out pixels, and the distance of each pixel from the nearest sample."""
        pixels, size = self.drawn(*drawing), self.truth.shape
        from_sample = sample_distance(resize_labels(pixels.label_image(), size))
        return resize_labels(pixels.held_out(), size), from_sample

    def labelled(self, setting: Setting, clean: PixelSamples) -> PixelSamples:
        """The samples as the classifier gets them: with noise, some labels are wrong."""
        companions = None
        path = companion_path(self.dataset, self.id)
        if setting.needs_companions and path.is_file():
            companions = replace(self.dataset, masks=str(path.parent)).mask(self.id)
        return corrupt(clean, self.truth, setting.noise, setting.seed, self.id, companions)


def companion_path(dataset: DevkitDataset, id_: str) -> Path:
    """The path of the mask of an image's companions; only toy has such masks."""
    return dataset.devkit / "Companions" / f"{id_}.png"


def evaluate_image(
    dataset: DevkitDataset,
    id_: str,
    settings: Sequence[Setting],
    backbone: BackboneSpec | None = None,
    weights: str | None = None,
    pools: Mapping[Setting, Path] | None = None,
) -> list[tuple[dict, np.ndarray]]:
    """Expand one image with every setting and count its pixels.

    Parameters
    ----------
    dataset : DevkitDataset
    id_ : str
    settings : sequence of Setting
    backbone : BackboneSpec or None
        None if no setting needs the network.
    weights : str, optional
        `weights_name` in the process that started the sweep; not compared when left out.
    pools : mapping of Setting to Path, optional
        The fitted classifier of each setting with a pool, see `wsss_lib.evaluate.pools.fit_pools`.

    Returns
    -------
    list of (dict, ndarray)
        For each setting a row of JSON values, and the mask, (H, W) uint8.

    Raises
    ------
    WeightsError
        If this process has other weights than the one that started the sweep.
    """
    if weights not in (None, weights_name(backbone)):
        raise WeightsError(
            f"A worker has other weights of {backbone.name} than this process. Give all machines "
            "the same file (for random weights the same version of torch)."
        )
    sample = dataset.sample(id_)
    truth, count = sample.mask, len(dataset.classes)
    maps = setting_maps(sample.image, settings, backbone)
    samples, from_boundary = ImageSamples(dataset, id_, truth), boundary_distance(truth)
    results, asked = [], None
    for setting in settings:
        layers = maps[setting]
        drawing = samples.drawing(setting, layers[0].size)
        clean, (held_out, from_sample) = samples.drawn(*drawing), samples.scored(*drawing)
        if setting.pool == "own":
            learnt = samples.labelled(setting, clean)
            cells = [replace(layer, image_size=learnt.image_size) for layer in layers]
            done = expand(cells, learnt.label_image(), setting.svm())
            counts, wrong = learnt.counts, int(np.sum(learnt.labels != clean.labels))
        else:
            if pools[setting] != asked:  # known and unknown labels share a decision
                asked = pools[setting]
                classifier, start = _load(asked), time.perf_counter()
                decision = classifier.decide(layers)
                seconds = time.perf_counter() - start
            known = (0, *dataset.labels(id_)) if parse_pool(setting.pool)[1] else None
            done = Expansion(classifier.choose(decision, known), classifier.svm, 0.0, seconds)
            counts, wrong = classifier.counts, 0
        mask = resize_labels(done.mask, truth.shape)
        row = {
            "id": id_,
            "feature": setting.feature,
            "short_classes": list(clean.short_classes),
            "support_vectors": getattr(done.svm, "n_support_", 0),
            "fit_seconds": round(done.fit_seconds, 4),
            "predict_seconds": round(done.predict_seconds, 4),
            **({"layer_weights": done.svm.weights_.tolist()} if "*" in setting.feature else {}),
            "samples": {str(label): number for label, number in counts.items()},
            "wrong_samples": wrong,
            **count_regions(truth, mask, held_out, (from_sample, from_boundary), count),
        }
        results.append((row, mask))
    return results


def weights_name(backbone: BackboneSpec | None) -> str | None:
    """Network and SHA-256 of the weights, as this process finds them."""
    return f"{backbone.name}:{backbone.load().weights.sha256}" if backbone else None


def setting_maps(
    image: np.ndarray, settings: Sequence[Setting], backbone: BackboneSpec | None
) -> dict[Setting, list[FeatureMap]]:
    """The feature maps of each setting's layers; the network runs once."""
    layers = sorted({layer for setting in settings for layer in setting.layers})
    network = backbone.load() if any(map(needs_backbone, layers)) else None
    plain = extract(image, layers, network, zscore=False)
    scored = cache(lambda layer: plain[layer].zscore())
    return {
        setting: [scored(layer) if setting.zscore else plain[layer] for layer in setting.layers]
        for setting in settings
    }


@lru_cache(maxsize=1)  # large ones take hundreds of megabytes
def _load(path: Path) -> PooledClassifier:
    try:
        return joblib.load(path)
    except (OSError, EOFError, pickle.UnpicklingError) as error:
        raise StoreError(
            f"Cannot read the pooled classifier {shown(path)} ({error}). Delete it and run the "
            "same command again; on a cluster WSSS_CACHE must be a folder that all machines share."
        ) from None
