"""The image-specific SVM against scikit-learn: one image of Table 1, six features.

``python benchmarks/bench.py`` measures, prints a table and writes ``results.json`` and the scaling
plots beside this file; ``README.md`` says how to read them.
"""

import json
import multiprocessing
import os
import platform
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
import psutil
import sklearn
import torch
from floor import exponentials_per_second
from scaling import plot_scaling
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import SVC
from tqdm.auto import tqdm

from wsss_lib.classify.backbones import build_backbone
from wsss_lib.datasets.images import read_mask, read_photo
from wsss_lib.errors import ParameterError
from wsss_lib.expand.engine.threads import thread_count
from wsss_lib.expand.sampling import sample_mask
from wsss_lib.expand.svm import ImageSVM
from wsss_lib.features import LAYERS, FeatureMap, extract
from wsss_lib.files import write_text

HERE = Path(__file__).parent
IMAGE = "2007_000063"
SIZE = (375, 500)


@dataclass(frozen=True)
class Seconds:
    """Of one fit and of one prediction of all pixels."""

    fit: float
    predict: float

    @property
    def total(self) -> float:
        """Of both."""
        return self.fit + self.predict


def photograph() -> tuple[np.ndarray, np.ndarray, str]:
    """Image, mask and their source: real VOC through WSSS_TEST_VOC, else a made photograph."""
    root = os.environ.get("WSSS_TEST_VOC")
    if root:
        devkit = Path(root) / "VOCdevkit" / "VOC2012"
        image = read_photo(devkit / "JPEGImages" / f"{IMAGE}.jpg")
        return image, read_mask(devkit / "SegmentationClass" / f"{IMAGE}.png", 21), f"VOC {IMAGE}"
    return *made_photograph(SIZE), "made"


def made_photograph(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """A noisy picture of two overlapping discs of uncertain colour on a background: 3 classes."""
    generator = np.random.default_rng(0)
    y, x = np.indices(size) / size[0]
    mask = np.zeros(size, np.uint8)
    mask[np.hypot(y - 0.4, x - 0.5) < 0.3] = 12
    mask[np.hypot(y - 0.6, x - 0.9) < 0.25] = 9
    colours = generator.uniform(60, 200, (21, 3))
    light = 30 * np.sin(9 * x + 4 * y)[..., None]
    image = colours[mask] + light + generator.normal(scale=35, size=(*size, 3))
    return image.clip(0, 255).astype(np.uint8), mask


def measure_ours(map_: FeatureMap, labels, threads: int | None, repeats: int):
    """Seconds (the best of some repeats), the fitted SVM and its mask."""
    fits, predictions = [], []
    for _ in range(repeats):
        start = time.perf_counter()
        svm = ImageSVM(threads=threads).fit(map_, labels)
        between = time.perf_counter()
        mask = svm.predict(map_)
        fits.append(between - start)
        predictions.append(time.perf_counter() - between)
    return Seconds(min(fits), min(predictions)), svm, mask


def measure_theirs(svc, map_: FeatureMap, labels, pixels: int):
    """Seconds of ``OneVsRestClassifier(svc)``, its labels of some pixels, and which they are.

    Prediction is timed on `pixels` random pixels and scaled to all: each costs the same.
    """
    rows, cols = np.nonzero(labels != 255)
    X, y = map_.at(rows, cols).astype(np.float64), labels[rows, cols]
    start = time.perf_counter()
    model = OneVsRestClassifier(svc).fit(X, y)
    fit = time.perf_counter() - start
    generator = np.random.default_rng(0)
    chosen = generator.choice(labels.size, min(pixels, labels.size), replace=False)
    where = np.unravel_index(np.sort(chosen), labels.shape)
    Z = map_.at(*where).astype(np.float64)
    start = time.perf_counter()
    predicted = model.predict(Z)
    seconds = (time.perf_counter() - start) * labels.size / len(Z)
    return Seconds(fit, seconds), predicted, where


def faster_sklearn() -> SVC | None:
    """scikit-learn-intelex's SVC where it is installed."""
    try:
        from sklearnex.svm import SVC as IntelSVC
    except ImportError:
        return None
    return IntelSVC()


def peak_megabytes(maps: dict[str, FeatureMap], labels: np.ndarray) -> float:
    """Peak memory of a fresh process over the row, beyond its imports and the features."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "row.pt"
        torch.save([(map_.values, map_.image_size) for map_ in maps.values()], path)
        np.save(path.with_suffix(".npy"), labels)
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            return pool.apply(_row_memory, (path,))


def _row_memory(path: Path) -> float:
    maps = [FeatureMap(*parts) for parts in torch.load(path, weights_only=True)]
    labels = np.load(path.with_suffix(".npy"))
    ImageSVM().fit(np.eye(8), np.arange(8) % 2)  # imports what is imported late
    process, done, seen = psutil.Process(), threading.Event(), [0]
    before = process.memory_info().rss

    def watch() -> None:
        while not done.wait(0.002):
            seen.append(process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for map_ in maps:
        ImageSVM().fit(map_, labels).predict(map_)
    done.set()
    watcher.join()
    return (max(seen) - before) / 2**20


def processor() -> str:
    """The processor's name."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def run(quick: bool, layers: list[str], samples: int, pixels: int, repeats: int) -> dict:
    """Measure everything; the dictionary is that of ``results.json``."""
    load = os.getloadavg()[0]
    image, mask, source = photograph()
    if quick:
        (image, mask), source = made_photograph((60, 80)), "made, small"
    maps = extract(image, layers, build_backbone("resnet50", "random"))
    labels = sample_mask(mask, samples, image_id=IMAGE).label_image()

    start = time.perf_counter()
    for map_ in maps.values():  # compile, or load what was compiled before, for all kinds of input
        measure_ours(map_, labels, None, 1)
    first = time.perf_counter() - start

    intel = faster_sklearn()
    features, one_thread, theirs, intels = {}, {}, {}, {}
    for layer, map_ in tqdm(maps.items(), desc="features"):
        ours, svm, ours_mask = measure_ours(map_, labels, None, repeats)
        one_thread[layer], _, _ = measure_ours(map_, labels, 1, repeats)
        theirs[layer], predicted, where = measure_theirs(SVC(), map_, labels, pixels)
        if intel is not None:
            intels[layer], _, _ = measure_theirs(intel, map_, labels, labels.size // 4)
        features[layer] = {
            "fit_s": ours.fit,
            "predict_s": ours.predict,
            "sklearn_fit_s": theirs[layer].fit,
            "sklearn_predict_s": theirs[layer].predict,
            "n_sv": svm.n_support_,
            "ratio_fit": theirs[layer].fit / ours.fit,
            "ratio_predict": theirs[layer].predict / ours.predict,
            "agreement": float((ours_mask[where] == predicted).mean()),
        }
    seconds = sum(row["fit_s"] + row["predict_s"] for row in features.values())
    of = {
        name: sum(part.total for part in parts.values())
        for name, parts in (("one", one_thread), ("theirs", theirs), ("intel", intels))
    }
    rate = exponentials_per_second(thread_count())
    values = labels.size * sum(row["n_sv"] for row in features.values())
    return {
        "row": {
            "ratio_sklearn": of["theirs"] / seconds,
            "ratio_one_thread": of["theirs"] / of["one"],
            "ratio_sklearnex": of["intel"] / seconds if intels else None,
            "agreement": float(np.mean([row["agreement"] for row in features.values()])),
            "peak_mb": peak_megabytes(maps, labels),
        },
        "features": features,
        "machine": {
            "processor": processor(),
            "cores": os.cpu_count(),
            "threads": thread_count(),
            "load_before": load,
            "python": platform.python_version(),
            "scikit-learn": sklearn.__version__,
            "image": source,
            "size": list(labels.shape),
            "samples": int((labels != 255).sum()),
            "sklearn_pixels": min(pixels, labels.size),
            "row_s": seconds,
            "row_one_thread_s": of["one"],
            "row_sklearn_s": of["theirs"],
            "row_sklearnex_s": of["intel"] if intels else None,
            "first_row_with_compilation_s": first,
            "exponentials_per_s": rate,
            "floor_s": values / rate,
            "predict_s": sum(row["predict_s"] for row in features.values()),
        },
    }


def table(results: dict) -> str:
    """The results as a table in Markdown."""
    lines = [
        "| feature | support vectors | fit, s | scikit-learn | ratio | predict, s | scikit-learn "
        "| ratio | same labels |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for layer, row in results["features"].items():
        lines.append(
            f"| {layer} | {row['n_sv']} | {row['fit_s']:.2f} | {row['sklearn_fit_s']:.1f} "
            f"| {row['ratio_fit']:.1f} | {row['predict_s']:.2f} | {row['sklearn_predict_s']:.0f} "
            f"| {row['ratio_predict']:.0f} | {row['agreement']:.5f} |"
        )
    row, machine = results["row"], results["machine"]
    intel = row["ratio_sklearnex"]
    lines += [
        "",
        f"Row: {machine['row_s']:.2f} s against {machine['row_sklearn_s']:.0f} s, "
        f"{row['ratio_sklearn']:.0f} times ({row['ratio_one_thread']:.0f} times with one thread, "
        f"{machine['row_one_thread_s']:.2f} s); scikit-learn-intelex: "
        + (f"{intel:.1f} times" if intel else "not installed")
        + f". Peak memory {row['peak_mb']:.0f} MB. Floor of predictions {machine['floor_s']:.2f} s "
        f"({machine['exponentials_per_s']:.2g} exponentials per second), ours "
        f"{machine['predict_s']:.2f} s. The first row of a process, with compilation where nothing "
        f"was compiled before: {machine['first_row_with_compilation_s']:.1f} s.",
        f"{machine['processor']}, {machine['threads']} threads of {machine['cores']} cores, load "
        f"{machine['load_before']:.1f} before; image {machine['image']}, {machine['size'][0]} x "
        f"{machine['size'][1]}, {machine['samples']} samples; scikit-learn "
        f"{machine['scikit-learn']} (one core) predicted {machine['sklearn_pixels']} pixels.",
    ]
    return "\n".join(lines)


@click.command()
@click.option("--quick", is_flag=True, help="A small made image: seconds, to see that it runs.")
@click.option("--layers", default=",".join(LAYERS), show_default=True)
@click.option("--samples", default=2500, show_default=True, help="Pixels per class.")
@click.option("--pixels", default=2000, show_default=True, help="That scikit-learn predicts.")
@click.option("--repeats", default=3, show_default=True, help="Of ours; the best counts.")
@click.option("--out", type=click.Path(path_type=Path), default=HERE, help="Where results go.")
def main(quick: bool, layers: str, samples: int, pixels: int, repeats: int, out: Path) -> None:
    """Measure the row of six features and how the cost grows."""
    if samples < 1 or pixels < 1 or repeats < 1:
        raise ParameterError("samples, pixels and repeats must be at least 1.")
    if quick:
        samples, repeats = min(samples, 100), 1
    results = run(quick, layers.split(","), samples, pixels, repeats)
    write_text(out / "results.json", json.dumps(results, indent=2) + "\n")
    click.echo(table(results))
    plot_scaling(out, quick)


if __name__ == "__main__":
    main()
