"""Masks, samples, class activation maps and errors as pictures, in the palette of the masks.

First pictures as arrays, then what draws them on axes, then whole figures of several pictures.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.patches import Patch
from scipy.ndimage import binary_dilation

from wsss_lib.datasets.classes import VOID, ClassSet, palette
from wsss_lib.datasets.devkit import Sample
from wsss_lib.expand.sampling import PixelSamples
from wsss_lib.metrics import confusion_matrix, iou_of_counted, mean
from wsss_lib.scores import ClassScores

if TYPE_CHECKING:  # else pictures would import torch
    from wsss_lib.evaluate.exploration import Exploration

_HIT, _MISS = (235, 235, 235), (0, 0, 0)
_WHITE = 255


def colour_mask(mask: np.ndarray) -> np.ndarray:
    """A mask in VOC's palette: (H, W) uint8 -> (H, W, 3) uint8."""
    return palette()[mask]


def class_colours(labels: np.ndarray | range | int) -> np.ndarray:
    """The palette's colours of some labels as (n, 3) float64 in 0..1, or (3,) of one label."""
    return palette()[np.asarray(labels)] / 255


def error_map(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Wrong pixels black, right ones light grey, void beige: (H, W, 3) uint8."""
    picture = np.where((truth == prediction)[..., None], _HIT, _MISS)
    return np.where((truth == VOID)[..., None], palette()[VOID], picture).astype(np.uint8)


def cam_overlay(image: np.ndarray, cam: np.ndarray) -> np.ndarray:
    """A class activation map as colours over its photograph turned grey.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3), uint8
    cam : ndarray, shape (H, W)
        0 (dark violet) to 1 (yellow).

    Returns
    -------
    ndarray, shape (H, W, 3), uint8
    """
    grey = image.mean(2, keepdims=True)
    colours = 255 * plt.get_cmap("inferno")(np.clip(cam, 0, 1))[..., :3]
    return (0.6 * colours + 0.4 * grey).round().astype(np.uint8)


def faded(image: np.ndarray) -> np.ndarray:
    """A photograph grown pale, for dots upon it: (H, W, 3) uint8 -> (H, W, 3) uint8."""
    return (0.35 * image + 0.65 * 255).astype(np.uint8)


def strokes_overlay(
    image: np.ndarray,
    strokes: np.ndarray | None = None,
    mask: np.ndarray | None = None,
    opacity: float = 0.5,
) -> np.ndarray:
    """A photograph under its mask, and both under the strokes.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3), uint8
    strokes : ndarray, shape (H, W), uint8, optional
        Drawn in the colours of their classes with a white outline; 255 is left out.
    mask : ndarray, shape (H, W), uint8, optional
        Drawn in the colours of its classes with white borders between them.
    opacity : float
        Of the mask, from 0 (nothing but its borders) to 1.

    Returns
    -------
    ndarray, shape (H, W, 3), uint8
    """
    picture = image.copy()
    if mask is not None:
        mixed = (1 - opacity) * image + opacity * palette()[mask]
        picture = mixed.round().astype(np.uint8)
        picture[_borders(mask)] = _WHITE
    if strokes is not None:
        painted = strokes != VOID
        picture[binary_dilation(painted, iterations=2)] = _WHITE
        picture[painted] = palette()[strokes[painted]]
    return picture


def _borders(mask: np.ndarray) -> np.ndarray:
    """(H, W) bool, true where the next pixel to the right or below has another class."""
    borders = np.zeros(mask.shape, bool)
    borders[:, :-1] |= mask[:, :-1] != mask[:, 1:]
    borders[:-1] |= mask[:-1] != mask[1:]
    return borders


def show_image(picture: np.ndarray, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw a picture ((H, W, 3) uint8, or (H, W) in grey) without axes."""
    ax = ax or plt.gca()
    ax.imshow(picture, cmap="gray", interpolation="nearest")
    ax.set_title(title)
    ax.set_axis_off()
    return ax


def show_samples(
    image: np.ndarray, samples: PixelSamples, title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw the sampled pixels, in the colour of their class, over a faded photograph (Figure 6)."""
    ax = show_image(faded(image), title, ax)
    _dots(samples, ax)
    return ax


def _dots(samples: PixelSamples, ax: Axes) -> None:
    colours = class_colours(samples.labels)
    ax.scatter(samples.cols, samples.rows, s=1.5, c=colours, linewidths=0)


def class_legend(
    figure: Figure, classes: ClassSet, labels: Iterable[int], *, void: bool = False
) -> None:
    """Name the given classes, and void last, below a figure in the colours of the masks."""
    names = {label: classes.names[label] for label in sorted(labels)}
    if void:
        names[VOID] = "void"
    handles = [
        Patch(facecolor=class_colours(label), edgecolor="0.4", label=name)
        for label, name in names.items()
    ]
    lines = math.ceil(len(handles) / 7)
    legend_below(figure, handles, math.ceil(len(handles) / lines))


def legend_below(figure: Figure, handles: Sequence[Artist], columns: int = 4) -> None:
    """Name what is drawn, below a figure."""
    place = {"loc": "upper center", "bbox_to_anchor": (0.5, 0.0)}
    figure.legend(handles=handles, ncols=columns, frameon=False, **place)


def picture_grid(
    rows: Sequence[Sequence[np.ndarray]], titles: Sequence[str], width: float = 1.6
) -> Figure:
    """Draw pictures in rows (one per image) and columns (with titles), as in Figures 4, 6 and 7.

    Parameters
    ----------
    rows : sequence of sequences of ndarray, shape (H, W, 3), uint8
    titles : sequence of str
        One per column.
    width : float
        Inches per column.

    Returns
    -------
    Figure
    """
    ratios = [row[0].shape[0] / row[0].shape[1] for row in rows]
    figure, axes = plt.subplots(
        len(rows),
        len(titles),
        figsize=(width * len(titles), width * sum(ratios) + 0.3),
        height_ratios=ratios,
        squeeze=False,
        layout="constrained",
    )
    for number, (pictures, line) in enumerate(zip(rows, axes, strict=True)):
        for picture, title, ax in zip(pictures, titles, line, strict=True):
            show_image(picture, title if number == 0 else "", ax)
    return figure


def samples_figure(images: Sequence[Sample], pixels: Sequence[PixelSamples]) -> Figure:
    """Draw Figure 6: one row per image, with the image, its ground truth and its samples.

    Parameters
    ----------
    images : sequence of Sample
    pixels : sequence of PixelSamples
        Those of each image.

    Returns
    -------
    Figure
    """
    rows = [[each.image, colour_mask(each.mask), faded(each.image)] for each in images]
    figure = picture_grid(rows, ["image", "ground truth", "samples"], width=2.2)
    for samples, ax in zip(pixels, figure.axes[2::3], strict=True):
        _dots(samples, ax)
    return figure


def expansion_figure(
    images: Sequence[Sample],
    seeds: Sequence[ClassScores],
    masks: Mapping[str, Sequence[np.ndarray]],
) -> Figure:
    """Draw Figure 4: one row per image, with its truth, its map, its seed and expanded masks.

    Parameters
    ----------
    images : sequence of Sample
    seeds : sequence of ClassScores
        Of each image, the background first; the map is the highest score of any object.
    masks : mapping of str to sequence of ndarray, shape (H, W), uint8
        By what made them, of each image.

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
            *map(colour_mask, made),
        ]
        for sample, seed, *made in zip(images, seeds, *masks.values(), strict=True)
    ]
    return picture_grid(rows, ["image", "ground truth", "CAM", "seed", *masks])


def masks_figure(
    images: Sequence[Sample], masks: Sequence[Mapping[str, np.ndarray]], classes: ClassSet
) -> Figure:
    """Draw two rows per image: its masks with their mean IoU, and below each its wrong pixels.

    Parameters
    ----------
    images : sequence of Sample
    masks : sequence of mapping of str to ndarray, shape (H, W), uint8
        Of each image by their titles, as many for each.
    classes : ClassSet

    Returns
    -------
    Figure
        The truth and the photograph stand to the left of the masks.
    """
    rows = []
    for sample, made in zip(images, masks, strict=True):
        rows.append([colour_mask(mask) for mask in (sample.mask, *made.values())])
        rows.append([sample.image, *(error_map(sample.mask, mask) for mask in made.values())])
    figure = picture_grid(rows, [""] * len(rows[0]), width=1.9)
    lines = np.reshape(figure.axes, (len(rows), -1))[::2]
    for sample, made, line in zip(images, masks, lines, strict=True):
        line[0].set_title("ground truth")
        for ax, (name, mask) in zip(line[1:], made.items(), strict=True):
            score = 100 * mean(iou_of_counted(confusion_matrix(sample.mask, mask, len(classes))))
            ax.set_title(f"{name}: {score:.1f} %")
    shown = np.unique([label for sample in images for label in np.unique(sample.mask)])
    class_legend(figure, classes, shown[shown != VOID].tolist(), void=VOID in shown)
    return figure


def strokes_figure(
    image: np.ndarray,
    strokes: np.ndarray,
    masks: dict[str, np.ndarray],
    names: Sequence[str],
    credit: str = "",
) -> Figure:
    """Draw a photograph with its strokes, and beside it each mask that was learnt from them.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3), uint8
    strokes : ndarray, shape (H, W), uint8
        255 = not labelled.
    masks : dict of str to ndarray, shape (H, W), uint8
        By their titles.
    names : sequence of str
        Of the classes 0, 1, 2, ...
    credit : str
        Who took the photograph, and its licence; stands below it.

    Returns
    -------
    Figure
    """
    row = [strokes_overlay(image, strokes)]
    row += [strokes_overlay(image, mask=mask, opacity=0.6) for mask in masks.values()]
    figure = picture_grid([row], ["strokes", *masks], width=3.2)
    if credit:
        place = {"transform": figure.axes[0].transAxes, "va": "top", "size": "x-small"}
        figure.axes[0].text(0, -0.02, f"Photograph: {credit}", **place)
    painted = np.setdiff1d(strokes, [VOID]).tolist()
    class_legend(figure, ClassSet(tuple(names), tuple(names)), painted)
    return figure


def exploration_figure(results: Sequence["Exploration"], classes: ClassSet) -> Figure:
    """Draw one row per result: samples, ground truth, predicted mask and wrong pixels.

    Parameters
    ----------
    results : sequence of Exploration
        Of one image, or of several.
    classes : ClassSet

    Returns
    -------
    Figure
        Each row is titled with its layer, n, scores and seconds.
    """
    tallest = max(result.mask.shape[0] / result.mask.shape[1] for result in results)
    size = (10, (2.5 * tallest + 0.7) * len(results))  # inches; four pictures of 2.5
    figure = plt.figure(figsize=size, layout="constrained")
    parts = figure.subfigures(len(results), 1, squeeze=False)[:, 0]
    for result, part in zip(results, parts, strict=True):
        _draw_result(result, part)
    labels = np.unique(np.concatenate([result.sample.mask.ravel() for result in results]))
    class_legend(figure, classes, labels[labels != VOID].tolist(), void=VOID in labels)
    return figure


def _draw_result(result: "Exploration", part: SubFigure) -> None:
    truth, axes, row = result.sample.mask, part.subplots(1, 4), result.row()
    show_samples(result.sample.image, result.pixels, "samples", axes[0])
    show_image(colour_mask(truth), "ground truth", axes[1])
    show_image(colour_mask(result.mask), "prediction", axes[2])
    show_image(error_map(truth, result.mask), "wrong pixels: black", axes[3])
    title = (
        f"{row['layer']}, n = {row['n']}: IoU {row['IoU, all pixels']:.1f} % "
        f"(held-out pixels {row['IoU, held out']:.1f} %), "
        f"fit {row['fit seconds']:.2f} s, predict {row['predict seconds']:.2f} s"
    )
    part.suptitle(title, fontsize="medium")
