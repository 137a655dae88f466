"""What it buys to choose the background threshold on the masks that are scored.

CAMs know objects only, so their seeds need a threshold. The field tries many and reports the best
on the very masks that are scored, which weak supervision is to do without. The study sets this
habit against thresholds that were chosen on a few other images with masks, against IRN's constant
(Ahn et al., CVPR 2019), and against those that scikit-image finds in the maps of each image alone.
Notebook 13 shows it.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from skimage import filters
from tqdm.auto import tqdm

from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.mask_scores import marked_curve
from wsss_lib.metrics import DRAWS, confusion_matrix, iou_of_counted, mean, spread
from wsss_lib.report import Report, versions
from wsss_lib.studies.study import SeedStudy
from wsss_lib.weak.seed_files import SeedFiles
from wsss_lib.weak.seeds import (
    THRESHOLD,
    THRESHOLDS,
    Localiser,
    curve_table,
    threshold_confusions,
    with_background,
)

#: How many images with masks a threshold is chosen on, at most half of those that there are.
LABELLED = (5, 10, 20, 50)
#: Ways that need no masks: each finds a threshold in the greatest object map of an image.
LABEL_FREE = {
    f"{name.capitalize()} of each image": getattr(filters, f"threshold_{name}")
    for name in ("otsu", "li", "yen", "triangle")
}
BEST, CONSTANT = "best on these masks", f"IRN's {THRESHOLD:g}"
#: Draws of images whose scores are in memory together.
_PART = 50


def compare_choices(
    dataset: DevkitDataset,
    seeds: Localiser | SeedFiles,
    *,
    over: Sequence[str] | None = None,
    seed: int = 0,
) -> Report:
    """Score the seeds of all images with each choice of their threshold.

    Parameters
    ----------
    dataset : DevkitDataset
        With ground truth.
    seeds : Localiser or SeedFiles
        Of maps without a background.
    over : sequence of str, optional
        Short names of the classes to average; all that have a score when left out.
    seed : int
        Of the draws.

    Returns
    -------
    Report
        ``threshold``, see `choice_table`, and ``threshold_curve``, see
        `wsss_lib.evaluate.mask_scores.marked_curve`.

    Raises
    ------
    DataError
        If a photograph, mask or seed is missing or bad.
    ParameterError
        If the seeds have a background of their own, or there is no class of a name.
    """
    if seeds.has_background:
        raise ParameterError(
            "These seeds have a background of their own, so that there is no threshold to choose; "
            "expected CAMs: --weights of a plain network, or other --seeds."
        )
    chosen, count = dataset.classes.places(over), len(dataset.classes)
    confusions, thresholds = [], []
    for id_ in tqdm(dataset.ids, desc="thresholds", unit="image"):
        cams, truth = seeds.scores(dataset, id_).values[1:], dataset.mask(id_)
        confusions.append([*threshold_confusions(dataset, id_, cams)])
        thresholds.append({CONSTANT: THRESHOLD} | label_free_thresholds(cams))
        for threshold in thresholds[-1].values():
            mask = with_background(cams, dataset.labels(id_), threshold).mask()
            confusions[-1].append(confusion_matrix(truth, mask, count))
    confusions = np.array(confusions)
    curve = curve_table(confusions[:, : len(THRESHOLDS)].sum(0), dataset.classes)
    tables = {
        "threshold": choice_table(confusions, pd.DataFrame(thresholds), chosen, seed=seed),
        "threshold_curve": marked_curve(curve, dataset.classes, chosen),
    }
    files = isinstance(seeds, SeedFiles)
    provenance = {
        "dataset": dataset.name,
        "list": Path(dataset.list_name).name,
        "images": len(dataset),
        "masks": Path(dataset.masks).name,
        "seeds": seeds.folder.name if files else asdict(seeds.load().weights),
        "crf": "none",
        "seed": seed,
        "versions": versions(),
    }
    return Report(tables, provenance)


def label_free_thresholds(cams: np.ndarray) -> dict[str, float]:
    """What each of `LABEL_FREE` finds in the maps of an image.

    Parameters
    ----------
    cams : ndarray, shape (k, H, W), float32
        0..1.

    Returns
    -------
    dict of str to float
        Where the greatest map is the same at every pixel, and without any map, all is background.
    """
    greatest = cams.max(0, initial=0)
    if greatest.min() == greatest.max():
        return dict.fromkeys(LABEL_FREE, float(greatest.max()))
    return {name: float(find(greatest)) for name, find in LABEL_FREE.items()}


def choice_table(
    confusions: np.ndarray, thresholds: pd.DataFrame, chosen: Sequence[int], *, seed: int = 0
) -> pd.DataFrame:
    """What each choice of a threshold scores, and what the habit buys.

    Parameters
    ----------
    confusions : ndarray, shape (images, THRESHOLDS + choices, K, K)
        Of each image at each of `wsss_lib.weak.seeds.THRESHOLDS`, and with each choice that needs
        no masks.
    thresholds : DataFrame
        What these choose: images by choices.
    chosen : sequence of int
        The classes to average.
    seed : int
        Of the draws.

    Returns
    -------
    DataFrame
        One row per ``choice``: how many ``images`` are scored; the ``threshold`` (the mean where it
        differs from draw to draw or from image to image) with the middle 95 %,
        ``threshold_low`` to ``threshold_high``; the ``mean`` IoU in %, pooled over the images;
        ``habit``, by how many points the best common threshold is ahead; both with their 95 %
        intervals.

    Notes
    -----
    The best threshold is chosen anew on each draw of images, since that is what the habit does with
    whatever is scored: no common threshold is ever ahead of it, one for each image may be. An
    interval comes from `wsss_lib.metrics.DRAWS` draws with replacement. For a threshold chosen on k
    images each draw takes other k, and scores, and draws from, the images that are left; the habit
    is that on those. All images of VOC's `train` take about 1 GB of memory.
    """
    count, size, rng = len(confusions), len(THRESHOLDS), np.random.default_rng(seed)
    grid, common, once = np.array(THRESHOLDS), confusions[:, :size], np.ones((1, count))
    times = once, rng.multinomial(count, once[0] / count, DRAWS)
    scores = [_means(confusions, each, chosen) for each in times]
    habits = [each[:, :size].max(1) for each in scores]
    best = [grid[each[:, :size].argmax(1)] for each in scores]
    lines = [_line(BEST, count, best, habits, habits)]
    for k in (k for k in LABELLED if 2 * k <= count):
        labelled = rng.permuted(np.tile(np.arange(count), (DRAWS, 1)), axis=1) < k
        curves = _means(common, labelled, chosen)
        known = np.isfinite(curves[:, 0])  # with a class that counts among the k
        places, left = curves[known].argmax(1), ~labelled[known]
        times = left, rng.multinomial(count - k, left / (count - k))
        curves = [_means(common, each, chosen) for each in times]
        found = [np.take_along_axis(each, places[:, None], 1)[:, 0] for each in curves]
        best = [each.max(1) for each in curves]
        lines.append(_line(f"{k} other images", count - k, [grid[places]] * 2, found, best))
    for place, name in enumerate(thresholds, size):
        found = [each[:, place] for each in scores]
        lines.append(_line(name, count, [thresholds[name]] * 2, found, habits))
    return pd.DataFrame(lines)


def _means(confusions: np.ndarray, times: np.ndarray, chosen: Sequence[int]) -> np.ndarray:
    """The mean IoU in % (draws, thresholds) where each image counts so many times in a draw."""
    flat = confusions.reshape(len(confusions), -1).astype(float)
    parts = (times[first : first + _PART] for first in range(0, len(times), _PART))
    pooled = ((part.astype(float) @ flat).reshape(-1, *confusions.shape[1:]) for part in parts)
    return np.concatenate([100 * mean(iou_of_counted(each)[..., chosen]) for each in pooled])


def _line(
    choice: str, images: int, thresholds: Sequence, scores: Sequence, habits: Sequence
) -> dict[str, object]:
    """A row of `choice_table`, of pairs: what is averaged, and what the interval comes from."""
    bought = [habit - score for habit, score in zip(habits, scores, strict=True)]
    line = {"choice": choice, "images": images}
    for name, (whole, draws) in {"threshold": thresholds, "mean": scores, "habit": bought}.items():
        line[name] = np.mean(whole)
        line[f"{name}_low"], _, line[f"{name}_high"] = spread(np.asarray(draws))
    return line


def choice_curve(curve: pd.DataFrame, choices: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the score over the threshold, and where each choice lies.

    Parameters
    ----------
    curve, choices : DataFrame
        As of `compare_choices`.
    ax : Axes, optional

    Returns
    -------
    Axes

    Notes
    -----
    Filled marks are common thresholds, hollow ones the mean of those that each image has, which
    need not lie on the curve. Lines reach over the middle 95 % of the thresholds.
    """
    ax = ax or plt.gca()
    ax.plot(curve["threshold"], curve["mean"], color="0.3")
    for line in choices.itertuples():
        face = {"mfc": "white"} if line.choice in LABEL_FREE else {}
        label = f"{line.choice}: {line.mean:.1f} %"
        (mark,) = ax.plot(line.threshold, line.mean, "o", label=label, zorder=3, **face)
        ends = [line.threshold_low, line.threshold_high]
        ax.plot(ends, [line.mean] * 2, color=mark.get_color(), linewidth=1)
    ax.set(xlabel="background threshold", ylabel="mean IoU (%)")
    ax.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return ax


STUDY = SeedStudy(
    "threshold", "What does a threshold chosen on the scored masks buy?", compare_choices
)
