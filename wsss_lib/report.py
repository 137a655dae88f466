"""What a table was computed from."""

from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.datasets import DevkitDataset
from wsss_lib.evaluate.settings import Setting
from wsss_lib.evaluate.sweeps import SweepResult
from wsss_lib.features import needs_backbone

#: Libraries whose version can change a result.
LIBRARIES = ("numba", "numpy", "scikit-learn", "scipy", "torch", "torchvision")


def provenance(
    dataset: DevkitDataset,
    settings: list[Setting],
    backbone: BackboneSpec | None,
    result: SweepResult,
) -> dict:
    """Data set, list, masks, network with the SHA-256 of its weights, settings, versions: JSON."""
    weights = None
    if backbone and any(needs_backbone(setting.feature) for setting in settings):
        used = backbone.load().weights
        weights = {"backbone": backbone.name, "weights": used.name, "sha256": used.sha256}
    rows = result.rows[settings[0]]
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


def versions() -> dict[str, str]:
    """The versions of the libraries that can change a result."""
    return {name: version(name) for name in LIBRARIES}
