"""One image of the study with every setting, on one thread."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import cache

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.datasets import DevkitDataset
from wsss_lib.datasets.classes import VOID
from wsss_lib.evaluate.cells import spread_cells
from wsss_lib.evaluate.regions import boundary_distance, count_regions, sample_distance
from wsss_lib.evaluate.settings import RESOLUTIONS, Setting
from wsss_lib.expand.image import Expansion, expand
from wsss_lib.expand.sampling import PixelSamples
from wsss_lib.expand.schemes import draw_samples
from wsss_lib.features import FeatureMap, extract, needs_backbone


def evaluate_image(
    dataset: DevkitDataset,
    id_: str,
    settings: list[Setting],
    backbone: BackboneSpec | None,
    features: Callable = extract,
) -> list[tuple[dict, np.ndarray]]:
    """Expand one image with every setting and count its pixels.

    One thread does it all, so that the numbers do not hang on how many workers there are.

    Parameters
    ----------
    dataset : DevkitDataset
    id_ : str
    settings : list of Setting
    backbone : BackboneSpec or None
        None where no setting needs the network.
    features : callable
        `wsss_lib.features.extract`, or what stands for it.

    Returns
    -------
    list of (dict, ndarray)
        For each setting a row of JSON values, and the mask, (H, W) uint8.
    """
    with _one_thread():
        sample = dataset.sample(id_)
        truth, count = sample.mask, len(dataset.classes)
        maps = _maps(sample.image, settings, backbone, features)
        from_boundary = boundary_distance(truth)

        @cache
        def drawn(size: tuple[int, int], resolution: str, *how: object) -> PixelSamples:
            labels = RESOLUTIONS[resolution]
            return draw_samples(labels(truth, size) if labels else truth, *how, id_)

        @cache
        def scored(*where: object) -> tuple[np.ndarray, np.ndarray]:
            pixels = _on_image(drawn(*where), truth.shape)
            return pixels.held_out(), sample_distance(pixels)

        results = []
        for setting in settings:
            feature = maps[setting.feature, setting.zscore]
            size = truth.shape if setting.resolution == "pixels" else feature.size
            where = size, setting.resolution, setting.samples, setting.sampling, setting.seed
            done = expand(
                replace(feature, image_size=size), drawn(*where).label_image(), setting.svm()
            )
            mask = spread_cells(done.mask, truth.shape)
            held_out, from_sample = scored(*where)
            counts = count_regions(truth, mask, held_out, (from_sample, from_boundary), count)
            results.append((_row(id_, setting, drawn(*where), done) | counts, mask))
    return results


def _maps(
    image: np.ndarray, settings: list[Setting], backbone: BackboneSpec | None, features: Callable
) -> dict[tuple[str, bool], FeatureMap]:
    """The features of an image by layer and z-score; the network runs once."""
    wanted = {(setting.feature, setting.zscore) for setting in settings}
    layers = sorted({layer for layer, _ in wanted})
    network = backbone.load() if any(map(needs_backbone, layers)) else None
    plain = features(image, layers, network, zscore=False)
    return {
        (layer, zscore): plain[layer].zscore() if zscore else plain[layer]
        for layer, zscore in wanted
    }


def _on_image(pixels: PixelSamples, image_size: tuple[int, int]) -> PixelSamples:
    """Samples of cells as all the pixels in these cells."""
    if pixels.image_size == image_size:
        return pixels
    labels = spread_cells(pixels.label_image(), image_size)
    rows, cols = np.nonzero(labels != VOID)
    aside = pixels.set_aside
    return PixelSamples(
        rows,
        cols,
        labels[rows, cols],
        image_size,
        pixels.requested,
        None if aside is None else spread_cells(aside, image_size),
    )


def _row(id_: str, setting: Setting, pixels: PixelSamples, done: Expansion) -> dict:
    return {
        "id": id_,
        "feature": setting.feature,
        "samples": {str(label): count for label, count in pixels.counts.items()},
        "short_classes": list(pixels.short_classes),
        "support_vectors": int(done.svm.n_support_),
        "fit_seconds": round(done.fit_seconds, 4),
        "predict_seconds": round(done.predict_seconds, 4),
    }


@contextmanager
def _one_thread() -> Iterator[None]:
    """Hold BLAS, OpenMP and torch to one thread, then give back what was."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)
