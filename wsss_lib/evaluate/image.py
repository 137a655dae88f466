"""One image of the study: sample, fit, predict, score, for every setting."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.datasets import DevkitDataset, Sample
from wsss_lib.datasets.images import write_mask
from wsss_lib.evaluate.settings import Setting
from wsss_lib.expand.image import expand
from wsss_lib.expand.sampling import sample_mask
from wsss_lib.features import FeatureMap, extract, needs_backbone
from wsss_lib.metrics import confusion_matrix


def evaluate_image(
    dataset: DevkitDataset,
    id_: str,
    settings: list[Setting],
    backbone: BackboneSpec | None,
    masks_out: Path | None = None,
) -> list[dict]:
    """Expand one image with every setting and count its pixels.

    One thread does it all, so that the numbers do not hang on how many workers there are.

    Parameters
    ----------
    dataset : DevkitDataset
    id_ : str
    settings : list of Setting
    backbone : BackboneSpec or None
        None where no setting needs the network.
    masks_out : Path, optional
        Write each mask to ``masks_out/<feature>/<id>.png``.

    Returns
    -------
    list of dict
        A row a setting, JSON values only.
    """
    with _one_thread():
        sample = dataset.sample(id_)
        layers = sorted({setting.feature for setting in settings})
        network = backbone.load() if any(map(needs_backbone, layers)) else None
        maps = extract(sample.image, layers, network)
        rows = []
        for setting in settings:
            row, mask = _evaluate(sample, maps[setting.feature], setting, len(dataset.classes))
            if masks_out:
                write_mask(masks_out / setting.feature / f"{id_}.png", mask)
            rows.append(row)
    return rows


def _evaluate(
    sample: Sample, feature: FeatureMap, setting: Setting, n_classes: int
) -> tuple[dict, np.ndarray]:
    pixels = sample_mask(sample.mask, setting.samples, setting.seed, sample.id)
    result = expand(feature, pixels.label_image(), setting.svm())
    row = {
        "id": sample.id,
        "feature": setting.feature,
        "confusion": confusion_matrix(sample.mask, result.mask, n_classes).tolist(),
        "held_out": confusion_matrix(
            sample.mask, result.mask, n_classes, pixels.held_out()
        ).tolist(),
        "samples": {str(label): count for label, count in pixels.counts.items()},
        "short_classes": list(pixels.short_classes),
        "support_vectors": int(result.svm.n_support_),
        "fit_seconds": round(result.fit_seconds, 4),
        "predict_seconds": round(result.predict_seconds, 4),
    }
    return row, result.mask


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
