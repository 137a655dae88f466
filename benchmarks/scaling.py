"""How the cost of a prediction grows with pixels, support vectors, images and features."""

import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

from wsss_lib.expand.engine.duals import Duals
from wsss_lib.expand.engine.predict import decide_maps
from wsss_lib.features import FeatureMap
from wsss_lib.files import atomic_path, write_text

#: What is varied, and what stays; three problems, one thread.
BASE = {"pixels": 50_000, "support vectors": 1000, "images": 1, "features": 256}
#: A cell of the map stands for so many pixels a side: F2's stride, and that of F4 and F5.
STRIDES = (4, 16)
VALUES = {
    "pixels": (12_500, 25_000, 50_000, 100_000, 200_000),
    "support vectors": (250, 500, 1000, 2000, 4000),
    "images": (1, 2, 4, 8),
    "features": (8, 32, 128, 512, 2048),
}


def cpu_seconds(setting: dict[str, int], stride: int, repeats: int = 3) -> float:
    """Processor seconds of the predictions of a setting, the best of some repeats."""
    generator = np.random.default_rng(0)
    height = round((setting["pixels"] / 1.25) ** 0.5)
    size = (height, round(1.25 * height))
    shape = (setting["features"], *(-(-side // stride) for side in size))
    values = torch.tensor(generator.normal(size=shape), dtype=torch.float32)
    support = generator.normal(size=(setting["support vectors"], setting["features"]))
    coef = generator.uniform(-1, 1, size=(len(support), 3))
    duals = Duals(1 / setting["features"], support.astype(np.float32), coef, np.zeros(3))
    best = np.inf
    for _ in range(repeats):
        start = time.process_time()
        for _ in range(setting["images"]):
            decide_maps([FeatureMap(values, size)], duals, threads=1)
        best = min(best, time.process_time() - start)
    return best


def measure_scaling(quick: bool = False) -> pd.DataFrame:
    """A row for each setting: what was varied, its value, the map's stride, seconds."""
    cpu_seconds({**BASE, "pixels": 1000}, STRIDES[0])
    rows = [
        (name, value, stride, cpu_seconds({**BASE, name: value}, stride))
        for name, values in VALUES.items()
        for stride in STRIDES
        for value in (values[:2] if quick else values)
    ]
    return pd.DataFrame(rows, columns=["varied", "value", "stride", "seconds"])


def plot_scaling(folder: Path, quick: bool = False) -> None:
    """Measure and write ``scaling.png`` and ``scaling.csv``."""
    measured = measure_scaling(quick)
    figure, axes = plt.subplots(1, len(VALUES), figsize=(13, 3.4), sharey=True, layout="tight")
    for ax, (name, part) in zip(axes, measured.groupby("varied", sort=False), strict=True):
        for stride, line in part.groupby("stride", sort=False):
            ax.loglog(line["value"], line["seconds"], "o-", label=f"stride {stride}")
        first = part.iloc[0]
        ax.loglog(
            line["value"],
            first["seconds"] * line["value"] / first["value"],
            "k:",
            label="proportional",
        )
        ax.set(xlabel=name, xticks=line["value"])
        ax.set_xticks([], minor=True)
        ax.xaxis.set_major_formatter(lambda x, _: f"{x / 1000:g}k" if x >= 10_000 else f"{x:g}")
        ax.grid(which="both", alpha=0.3)
    axes[0].set_ylabel("processor seconds, one thread")
    axes[0].legend()
    with atomic_path(folder / "scaling.png") as path:
        figure.savefig(path, dpi=120)
    plt.close(figure)
    write_text(folder / "scaling.csv", measured.to_csv(index=False, float_format="%.4f"))
