"""How exact the image-specific SVM is: against float64 and against scikit-learn.

``python benchmarks/exactness.py`` compares on images of one, two and three classes, genuine and
toy ones, every feature, C in {1, 100} and gamma in {1, 3, 10} times scale, and writes
``exactness.csv``.
"""

import warnings
from collections.abc import Iterator
from itertools import combinations, product
from pathlib import Path

import click
import numpy as np
import pandas as pd
from bench import IMAGE, made_photograph
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import SVC
from tqdm.auto import tqdm

from wsss_lib.classify.backbones import build_backbone
from wsss_lib.datasets import load_dataset
from wsss_lib.datasets.images import read_mask, read_photo
from wsss_lib.expand.sampling import SAMPLES_PER_CLASS, sample_mask
from wsss_lib.expand.svm import ImageSVM
from wsss_lib.features import LAYERS, FeatureMap, extract
from wsss_lib.files import write_text

#: Genuine images of one, two and three classes, and toy ones of two and three.
IMAGES = ("2010_001347", "2007_000549", IMAGE)
TOY_IMAGES = ("toy_000002", "toy_000001")
PIXELS = 20_000
CHUNK = 4000
#: Orders of the samples, beside their own, in which scikit-learn is compared with itself.
PERMUTATIONS = 5
#: Tolerance of the fit that dual objectives are compared with.
TIGHT = 1e-5


def compare(map_: FeatureMap, labels: np.ndarray, C: float, gamma: str, pixels: int) -> dict:
    """Compare one fit with scikit-learn's, and its predictions with float64.

    Parameters
    ----------
    map_ : FeatureMap
    labels : ndarray, shape (H, W), uint8
        The samples; 255 elsewhere.
    C : float
    gamma : str
    pixels : int
        Random pixels on which decision values are compared.

    Returns
    -------
    dict
        ``n_sv``: support vectors.
        ``prediction``: largest error of our decision values, given our duals.
        ``objective``: largest relative difference of the dual objectives, scikit-learn's reached
        with a tolerance of `TIGHT`: by default it may stop 1e-5 above its own optimum.
        ``difference``: of decision values from scikit-learn's; ``own_difference``: of
        scikit-learn's with itself when the samples are permuted, the largest of all pairs.
        ``labels``: share of equal labels among pixels whose margin exceeds 0.01. A single
        class has no decision function: ``n_sv`` = 0 and ``labels`` only.
    """
    svm = ImageSVM(C=C, gamma=gamma).fit(map_, labels)
    generator = np.random.default_rng(0)
    chosen = generator.choice(labels.size, min(pixels, labels.size), replace=False)
    where = np.unravel_index(chosen, labels.shape)
    if len(svm.classes_) == 1:
        return _one_class(svm.predict(map_)[where], map_, labels)
    decided = svm.decision_function(map_).reshape(*labels.shape, -1)[where]

    rows, cols = np.nonzero(labels != 255)
    X, y = map_.at(rows, cols).astype(np.float64), labels[rows, cols]
    kernel = _rbf(X, X, svm.gamma_)
    positive = svm.classes_ if len(svm.classes_) > 2 else svm.classes_[1:]
    orders = [np.arange(len(y)), *(generator.permutation(len(y)) for _ in range(PERMUTATIONS))]
    fits = [[_fit(kernel, y == c, order, C) for c in positive] for order in orders]
    objective = [_objective(kernel, y == c, C) for c in positive]

    betas = np.zeros((len(y), 1 + len(orders), len(positive)))
    betas[svm.support_, 0] = svm.duals_.coef
    for at, solutions in enumerate(fits, 1):
        betas[:, at] = np.transpose([beta for beta, _ in solutions])
    intercepts = np.array([svm.duals_.intercept, *([b for _, b in part] for part in fits)])
    values = np.concatenate(
        [
            np.tensordot(_rbf(map_.at(*part).astype(np.float64), X, svm.gamma_), betas, 1)
            for part in _chunks(where)
        ]
    )
    ours, *theirs = (values + intercepts).transpose(1, 0, 2)
    margin, label = _margin_and_label(theirs[0])
    clear = margin > 1e-2
    return {
        "n_sv": svm.n_support_,
        "prediction": np.abs(decided - ours).max(),
        "objective": np.abs(svm.objective_ / objective - 1).max(),
        "difference": np.abs(decided - theirs[0]).max(),
        "own_difference": max(np.abs(a - b).max() for a, b in combinations(theirs, 2)),
        "labels": (_margin_and_label(decided)[1] == label)[clear].mean(),
    }


def _one_class(predicted: np.ndarray, map_: FeatureMap, labels: np.ndarray) -> dict:
    """No problem, no duals: only the labels can be compared."""
    rows, cols = np.nonzero(labels != 255)
    X, y = map_.at(rows, cols), labels[rows, cols]
    with warnings.catch_warnings(action="ignore"):  # scikit-learn warns of a single class
        theirs = OneVsRestClassifier(SVC()).fit(X, y).predict(X[:1])
    return {"n_sv": 0, "labels": (predicted == theirs[0]).mean()}


def _rbf(a: np.ndarray, b: np.ndarray, gamma: float) -> np.ndarray:
    """The kernel in float64."""
    distances = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * a @ b.T
    return np.exp(-gamma * np.maximum(distances, 0))


def _fit(kernel: np.ndarray, target: np.ndarray, order: np.ndarray, C: float):
    """Duals (in the samples' own order) and intercept of scikit-learn's SVC."""
    svc = SVC(kernel="precomputed", C=C).fit(kernel[np.ix_(order, order)], target[order])
    beta = np.zeros(len(target))
    beta[order[svc.support_]] = svc.dual_coef_[0]
    return beta, svc.intercept_[0]


def _objective(kernel: np.ndarray, target: np.ndarray, C: float) -> float:
    """The dual objective that scikit-learn's SVC reaches when it is not stopped early."""
    svc = SVC(kernel="precomputed", C=C, tol=TIGHT).fit(kernel, target)
    beta, support = svc.dual_coef_[0], svc.support_
    return 0.5 * beta @ kernel[np.ix_(support, support)] @ beta - np.abs(beta).sum()


def _chunks(where: tuple[np.ndarray, np.ndarray]) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for start in range(0, len(where[0]), CHUNK):
        yield tuple(axis[start : start + CHUNK] for axis in where)


def _margin_and_label(decision: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How far the label is from another one, and the label as an index."""
    if decision.shape[1] == 1:
        return np.abs(decision[:, 0]), decision[:, 0] > 0
    ordered = np.sort(decision, 1)
    return ordered[:, -1] - ordered[:, -2], decision.argmax(1)


def photographs(root: Path | None) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Genuine images and masks by id, below a devkit's root; a made one where there is none."""
    if root is None:
        return {"made": made_photograph((120, 160))}
    devkit = Path(root) / "VOCdevkit" / "VOC2012"
    return {
        id_: (
            read_photo(devkit / "JPEGImages" / f"{id_}.jpg"),
            read_mask(devkit / "SegmentationClass" / f"{id_}.png", 21),
        )
        for id_ in IMAGES
    }


def toy_images() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Toy images and masks by name; the first once more with its background void: one class."""
    samples = [load_dataset("toy").sample(id_) for id_ in TOY_IMAGES]
    images = {sample.id: (sample.image, sample.mask) for sample in samples}
    image, mask = images[TOY_IMAGES[0]]
    images[f"{TOY_IMAGES[0]}_object"] = image, np.where(mask == 0, 255, mask).astype(np.uint8)
    return images


def compare_all(
    images: dict, layers, costs, gammas, samples: int, pixels: int = PIXELS
) -> pd.DataFrame:
    """A row for each image, feature, C and gamma."""
    backbone = build_backbone("resnet50", "random")
    rows = []
    for id_, (image, mask) in images.items():
        maps = extract(image, layers, backbone)
        labels = sample_mask(mask, samples, image_id=id_).label_image()
        settings = list(product(layers, costs, gammas))
        for layer, C, gamma in tqdm(settings, desc=id_):
            found = compare(maps[layer], labels, C, gamma, pixels)
            rows.append({"image": id_, "feature": layer, "C": C, "gamma": gamma, **found})
    return pd.DataFrame(rows)


@click.command()
@click.option("--data", type=click.Path(path_type=Path), envvar="WSSS_TEST_VOC")
@click.option("--layers", default=",".join(LAYERS), show_default=True)
@click.option("--samples", default=2500, show_default=True, help="Pixels per class.")
@click.option("--out", type=click.Path(path_type=Path), default=Path(__file__).parent)
def main(data: Path | None, layers: str, samples: int, out: Path) -> None:
    """Compare all settings and write ``exactness.csv``."""
    settings = layers.split(","), (1, 100), ("scale", "3xscale", "10xscale")
    found = pd.concat(
        [
            compare_all(toy_images(), *settings, SAMPLES_PER_CLASS["toy"]),
            compare_all(photographs(data), *settings, samples),
        ]
    )
    write_text(out / "exactness.csv", found.to_csv(index=False, float_format="%.3g"))
    click.echo(found.to_string(index=False))


if __name__ == "__main__":
    main()
