"""One expanded image as pictures: samples, mask, errors, decision functions."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure, SubFigure

from wsss_lib.datasets.classes import VOID, ClassSet
from wsss_lib.show.masks import class_legend, error_map, show_image, show_mask, show_samples

if TYPE_CHECKING:  # else plots would import torch
    from wsss_lib.evaluate.exploration import Exploration


def exploration_title(result: "Exploration") -> str:
    """Layer, n, scores and seconds in a line."""
    row = result.row()
    return (
        f"{row['layer']}, n = {row['n']}: IoU {row['IoU, all pixels']:.1f} % "
        f"(held-out pixels {row['IoU, held out']:.1f} %), "
        f"fit {row['fit seconds']:.2f} s, predict {row['predict seconds']:.2f} s"
    )


def draw_exploration(result: "Exploration", classes: ClassSet, width: float = 2.5) -> Figure:
    """Draw samples, ground truth, predicted mask and error map of one image.

    Parameters
    ----------
    result : Exploration
    classes : ClassSet
    width : float
        Inches a picture.

    Returns
    -------
    Figure
    """
    return draw_comparison([result], classes, width)


def draw_comparison(
    results: Sequence["Exploration"], classes: ClassSet, width: float = 2.5
) -> Figure:
    """Draw several results below each other, each as in `draw_exploration`.

    Parameters
    ----------
    results : sequence of Exploration
        Of one image, or of several.
    classes : ClassSet
    width : float
        Inches a picture.

    Returns
    -------
    Figure
    """
    height = max(width * mask.shape[0] / mask.shape[1] for mask in (r.mask for r in results))
    size = (width * 4, (height + 0.7) * len(results))
    figure = plt.figure(figsize=size, layout="constrained")
    parts = figure.subfigures(len(results), 1, squeeze=False)[:, 0]
    for result, part in zip(results, parts, strict=True):
        _draw_result(result, part)
    labels = np.unique(np.concatenate([result.sample.mask.ravel() for result in results]))
    _legend_of(figure, labels, classes)
    return figure


def _draw_result(result: "Exploration", part: SubFigure) -> None:
    truth, axes = result.sample.mask, part.subplots(1, 4)
    show_samples(result.sample.image, result.pixels, "samples", axes[0])
    show_mask(truth, "ground truth", axes[1])
    show_mask(result.mask, "prediction", axes[2])
    show_image(error_map(truth, result.mask), "wrong pixels: black", axes[3])
    part.suptitle(exploration_title(result), fontsize="medium")


def draw_decisions(
    decision: np.ndarray, labels: Sequence[int], classes: ClassSet, width: float = 2.5
) -> Figure:
    """Draw one-vs-rest decision functions as maps, red where a class is accepted.

    Parameters
    ----------
    decision : ndarray, shape (H, W, k)
        In margins, see `one_vs_rest_maps`.
    labels : sequence of int
        The k classes.
    classes : ClassSet
    width : float
        Inches a picture.

    Returns
    -------
    Figure
        All maps share one colour scale, white at the boundary 0.
    """
    height = width * decision.shape[0] / decision.shape[1]
    figure, axes = plt.subplots(
        1,
        len(labels),
        figsize=(width * len(labels), height + 0.7),
        squeeze=False,
        layout="constrained",
    )
    bound = max(float(np.abs(decision).max()), 1.0)
    for position, (label, ax) in enumerate(zip(labels, axes[0], strict=True)):
        drawn = ax.imshow(decision[..., position], cmap="RdBu_r", vmin=-bound, vmax=bound)
        ax.contour(decision[..., position], levels=[0], colors="black", linewidths=0.6)
        ax.set_title(f"{classes.names[label]} / rest")
        ax.set_axis_off()
    figure.colorbar(drawn, ax=axes[0], label="decision function (margins)", shrink=0.8)
    return figure


def one_vs_rest_maps(decision: np.ndarray, n_classes: int) -> np.ndarray:
    """Decision functions with a map for every class, also where fewer than three were fitted.

    Parameters
    ----------
    decision : ndarray, shape (H, W) or (H, W, k)
        As `wsss_lib.expand.svm.ImageSVM.decision_function` gives it.
    n_classes : int
        How many classes were fitted.

    Returns
    -------
    ndarray, shape (H, W, n_classes)
        With two classes, the first has the second's function with its sign turned.
    """
    if n_classes == 2:
        return np.stack([-decision, decision], -1)
    return decision.reshape(*decision.shape[:2], n_classes)


def _legend_of(figure: Figure, labels: np.ndarray, classes: ClassSet) -> None:
    class_legend(figure, classes, labels[labels != VOID].tolist(), void=VOID in labels)
