"""One image of the study with every setting, on one thread."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.datasets import DevkitDataset
from wsss_lib.evaluate.explore import Exploration, explore_sample
from wsss_lib.evaluate.settings import Setting
from wsss_lib.features import extract, needs_backbone


def evaluate_image(
    dataset: DevkitDataset, id_: str, settings: list[Setting], backbone: BackboneSpec | None
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

    Returns
    -------
    list of (dict, ndarray)
        For each setting a row of JSON values, and the mask, (H, W) uint8.
    """
    with _one_thread():
        sample = dataset.sample(id_)
        layers = sorted({setting.feature for setting in settings})
        network = backbone.load() if any(map(needs_backbone, layers)) else None
        maps = extract(sample.image, layers, network)
        results = []
        for setting in settings:
            result = explore_sample(
                sample,
                maps[setting.feature],
                setting.samples,
                setting.seed,
                setting.svm(),
                len(dataset.classes),
            )
            results.append((_row(result), result.mask))
    return results


def _row(result: Exploration) -> dict:
    return {
        "id": result.sample.id,
        "feature": result.layer,
        "confusion": result.confusion.tolist(),
        "held_out": result.held_out.tolist(),
        "samples": {str(label): count for label, count in result.pixels.counts.items()},
        "short_classes": list(result.pixels.short_classes),
        "support_vectors": int(result.expansion.svm.n_support_),
        "fit_seconds": round(result.expansion.fit_seconds, 4),
        "predict_seconds": round(result.expansion.predict_seconds, 4),
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
