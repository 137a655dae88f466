"""Weak supervision as pictures: maps of every class, labels that are right, scores step by step."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wsss_lib.datasets.classes import ClassSet
from wsss_lib.datasets.devkit import Sample
from wsss_lib.errors import ParameterError
from wsss_lib.scores import ClassScores
from wsss_lib.show.masks import cam_overlay, colour_mask, picture_grid
from wsss_lib.show.plots import legend_beside

#: Colour and marker of each way of selecting or of each chain of steps: told apart in print, too.
_LOOKS = (("#08519c", "o"), ("#d95f02", "s"), ("#1b7837", "^"), ("0.0", "*"))
_LINES = ("--", ":", "-.")


def score_overlays(
    image: np.ndarray, scores: ClassScores, classes: ClassSet
) -> dict[str, np.ndarray]:
    """The scores of each class as colours over the photograph.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3), uint8
    scores : ClassScores, at (H, W)
        In 0..1, such as those of CAMs.
    classes : ClassSet

    Returns
    -------
    dict of str to ndarray, shape (H, W, 3), uint8
        By the name of the class, see `wsss_lib.show.masks.cam_overlay`.
    """
    pairs = zip(scores.labels, scores.values, strict=True)
    return {classes.names[label]: cam_overlay(image, values) for label, values in pairs}


def expansion_figure(
    samples: Sequence[Sample],
    seeds: Sequence[ClassScores],
    masks: Sequence[np.ndarray],
    width: float = 1.6,
) -> Figure:
    """Draw Figure 4: a row an image, with its truth, its map, its seed and the mask of the SVM.

    Parameters
    ----------
    samples : sequence of Sample
    seeds : sequence of ClassScores
        Of each image, the background first; the map is the highest of any object.
    masks : sequence of ndarray, shape (H, W), uint8
        What the SVM made of each.
    width : float
        Inches a column.

    Returns
    -------
    Figure
    """
    rows = [
        [
            sample.image,
            colour_mask(sample.mask),
            cam_overlay(sample.image, seed.values[1:].max(0)),
            colour_mask(seed.mask()),
            colour_mask(mask),
        ]
        for sample, seed, mask in zip(samples, seeds, masks, strict=True)
    ]
    return picture_grid(rows, ["image", "ground truth", "CAM", "seed", "SVM"], width)


def precision_dots(precision: pd.DataFrame, ax: Axes | None = None, *, legend: bool = True) -> Axes:
    """Draw how many samples of each class have the right label, a row a class.

    Parameters
    ----------
    precision : DataFrame
        In %, one row a class and one column a way of selecting, at most four; NaN where no sample
        counts.
    ax : Axes, optional
    legend : bool
        Whether to name the ways, beside the axes.

    Raises
    ------
    ParameterError
        If there are too many columns.
    """
    ax = ax or plt.gca()
    _check_number(precision.columns)
    places = np.arange(len(precision))
    for number, (name, (colour, marker)) in enumerate(zip(precision, _LOOKS, strict=False)):
        shifted = places + 0.2 * (number - (precision.shape[1] - 1) / 2)
        ax.plot(precision[name], shifted, marker, color=colour, markersize=6, label=name)
    ax.set(yticks=places, yticklabels=precision.index, ylim=(len(places) - 0.5, -0.5))
    ax.set(xlim=(0, 102), xlabel="samples with the right label (%)")
    ax.grid(axis="x", color="0.9")
    ax.set_axisbelow(True)
    if legend:
        legend_beside(ax)
    return ax


def precision_against_score(scores: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the score of classifiers against how many of their labels were right.

    Parameters
    ----------
    scores : DataFrame
        A line a classifier, at most four, indexed by what it is called: ``precision``, ``mean``,
        ``mean_low`` and ``mean_high``, all in %.
    ax : Axes, optional

    Raises
    ------
    ParameterError
        If there are too many lines.
    """
    ax = ax or plt.gca()
    _check_number(scores.index)
    for (name, line), (colour, marker) in zip(scores.iterrows(), _LOOKS, strict=False):
        ends = [[line["mean"] - line["mean_low"]], [line["mean_high"] - line["mean"]]]
        # hollow, since two ways can fall on one place
        how = {"color": colour, "markerfacecolor": "none", "markersize": 8, "capsize": 3}
        place = line["precision"], line["mean"]
        ax.errorbar(*place, np.maximum(ends, 0), fmt=marker, label=name, **how)
    ax.set(xlabel="samples with the right label (%)", ylabel="mean IoU of the SVM (%)")
    ax.grid(color="0.9")
    ax.set_axisbelow(True)
    legend_beside(ax)
    return ax


def step_curves(
    chains: Mapping[str, pd.DataFrame],
    levels: Mapping[str, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the score after each step of one or more chains, with its interval.

    Parameters
    ----------
    chains : mapping of str to DataFrame
        At most four: a line a step, indexed by its name, with ``mean``, ``mean_low`` and
        ``mean_high`` in %. The first chain has every step; others may leave some out.
    levels : mapping of str to float
        Scores that are set beside the steps, in %, at most three.
    ax : Axes, optional

    Raises
    ------
    ParameterError
        If there are too many chains or levels, or a step that the first chain lacks.
    """
    ax = ax or plt.gca()
    _check_number(chains)
    _check_number(levels or {}, len(_LINES))
    steps = list(next(iter(chains.values())).index)
    for number, (name, scores) in enumerate(chains.items()):
        if not set(scores.index) <= set(steps):
            raise ParameterError(f"The steps {list(scores.index)}; expected some of {steps}.")
        places = [steps.index(step) + 0.06 * number for step in scores.index]  # side by side
        colour, marker = _LOOKS[number]
        ax.plot(places, scores["mean"], marker + "-", color=colour, markersize=6, label=name)
        ax.vlines(places, scores["mean_low"], scores["mean_high"], color=colour, linewidth=1.5)
    for (name, value), line in zip((levels or {}).items(), _LINES, strict=False):
        ax.axhline(value, linestyle=line, color="0.3", linewidth=1.2, label=name)
    ax.set(xticks=range(len(steps)), xticklabels=steps, xlim=(-0.4, len(steps) - 0.6))
    ax.set(ylabel="mean IoU (%) and its 95 % interval")
    ax.grid(axis="y", color="0.9")
    ax.set_axisbelow(True)
    legend_beside(ax)
    return ax


def _check_number(names: object, most: int = len(_LOOKS)) -> None:
    if not len(names) <= most:
        raise ParameterError(f"{len(names)} of {list(names)}; at most {most} were expected.")
