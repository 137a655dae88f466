"""Where the errors are: the share of wrong pixels among objects and among the background."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from wsss_lib.datasets.classes import VOID, ClassSet, palette
from wsss_lib.datasets.devkit import Sample
from wsss_lib.evaluate.regions import boundary_distance
from wsss_lib.evaluate.scores import drawn_confusions, interval, region_of
from wsss_lib.evaluate.sweeps import SweepResult
from wsss_lib.expand.sampling import PixelSamples
from wsss_lib.metrics import pooled
from wsss_lib.show.masks import error_map, picture_grid, show_image


def error_table(
    result: SweepResult, classes: ClassSet, regions: Sequence[str], over: object = None
) -> pd.DataFrame:
    """The share of wrong pixels in some regions, of background and of objects.

    IoU mixes what an object loses with what it takes from others; these shares do not.

    Parameters
    ----------
    result : SweepResult
    classes : ClassSet
    regions : sequence of str
        See `wsss_lib.evaluate.scores.region_of`; ``away8`` leaves the boundaries out.
    over
        Unused: all objects count together.

    Returns
    -------
    DataFrame
        The fields of the setting, ``region``, ``truth`` (``background`` or ``objects``), ``pixels``
        of it, and the ``error`` in % with its 95 % interval over images ``error_low`` to
        ``error_high``; NaN where no pixel counts.
    """
    lines = []
    for setting, rows in result.rows.items():
        for region in regions:
            confusions = [region_of(row, region) for row in rows]
            draws = drawn_confusions(confusions, len(classes))
            whole = pooled(confusions, len(classes))
            for truth, part in (("background", slice(0, 1)), ("objects", slice(1, None))):
                low, high = interval(_error(draws, part))
                line = {"region": region, "truth": truth, "pixels": whole[part].sum()}
                line |= {"error": float(_error(whole, part)), "error_low": low, "error_high": high}
                lines.append(asdict(setting) | line)
    return pd.DataFrame(lines)


def _error(confusions: np.ndarray, part: slice) -> np.ndarray:
    """The share of wrong pixels in % among some true classes of matrices (..., K, K)."""
    hits = np.diagonal(confusions, axis1=-2, axis2=-1)[..., part].sum(-1)
    total = confusions[..., part, :].sum((-2, -1))
    shares = np.divide(hits, total, out=np.full(total.shape, np.nan), where=total > 0)
    return 100 * (1 - shares)


#: Seen on black and on grey, and not among the colours of the masks.
_BAND = "#d55e00"


def error_figure(
    sample: Sample, masks: Mapping[str, np.ndarray], band: float, width: float = 1.9
) -> Figure:
    """An image and the wrong pixels of some masks, with the band along true boundaries outlined.

    Parameters
    ----------
    sample : Sample
    masks : mapping of str to ndarray, shape (H, W), uint8
        Predictions, by their titles.
    band : float
        Pixels at most so far from a boundary are inside, see
        `wsss_lib.evaluate.regions.boundary_distance`.
    width : float
        Inches a column.

    Returns
    -------
    Figure
    """
    errors = [error_map(sample.mask, mask) for mask in masks.values()]
    figure = picture_grid([[sample.image, *errors]], ["image", *masks], width)
    inside = boundary_distance(sample.mask) <= band
    if inside.any() and not inside.all():  # else there is no outline, of which matplotlib warns
        for ax in figure.axes:
            ax.contour(inside, [0.5], colors=_BAND, linewidths=1)
    outline = Line2D([], [], color=_BAND, label=f"{band:g} pixels from a boundary")
    _legend_below(figure, [*_pixels(), outline])
    return figure


def noise_figure(
    sample: Sample,
    clean: PixelSamples,
    told: Mapping[str, PixelSamples],
    masks: Mapping[str, np.ndarray],
    classes: ClassSet,
    width: float = 2.1,
) -> Figure:
    """The samples of an image under several kinds of noise, and what is wrong in the masks.

    Parameters
    ----------
    sample : Sample
    clean : PixelSamples
    told : mapping of str to PixelSamples
        The same pixels with other labels, by the name of the noise, see `show_wrong_samples`.
    masks : mapping of str to ndarray, shape (H, W), uint8
        What was predicted from them, by the same names.
    classes : ClassSet
    width : float
        Inches a column.

    Returns
    -------
    Figure
        Samples above, with how many of them are wrong; below, the wrong pixels and how many of
        those outside void they are.
    """
    rows = [[sample.image] * len(told), [error_map(sample.mask, masks[name]) for name in told]]
    figure = picture_grid(rows, [""] * len(told), width)
    judged = sample.mask != VOID
    for name, above, below in zip(told, figure.axes, figure.axes[len(told) :], strict=False):
        above.images[0].remove()
        show_wrong_samples(sample.image, clean, told[name], ax=above)
        wrong = _percent(told[name].labels != clean.labels)
        above.set_title(f"{name}\n{wrong} of samples wrong", size="medium")
        wrong = _percent((masks[name] != sample.mask)[judged])
        below.set_title(f"{wrong} of pixels wrong", size="medium")
    dot = {"linestyle": "", "marker": "o"}
    dots = [Line2D([], [], color="0.55", markersize=3, label="right label", **dot)]
    for label in clean.counts:
        colour, name = palette()[label] / 255, f"told {classes.names[label]}"
        dots.append(Line2D([], [], color=colour, markersize=5, label=name, **dot))
    _legend_below(figure, [*dots, *_pixels()])
    return figure


def show_wrong_samples(
    image: np.ndarray,
    clean: PixelSamples,
    told: PixelSamples,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw samples over a faded photograph: grey dots, and in colour those with a wrong label.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3), uint8
    clean, told : PixelSamples
        The same pixels with their true labels, and with those that the classifier is told. A wrong
        one has the colour of the class that it is told.
    title : str
    ax : Axes, optional
    """
    ax = ax or plt.gca()
    show_image((0.35 * image + 0.65 * 255).astype(np.uint8), title, ax)
    wrong = told.labels != clean.labels
    ax.scatter(told.cols[~wrong], told.rows[~wrong], s=1.5, c="0.55", linewidths=0)
    colours = palette()[told.labels[wrong]] / 255
    ax.scatter(told.cols[wrong], told.rows[wrong], s=6, c=colours, linewidths=0)
    return ax


def _percent(wrong: np.ndarray) -> str:
    return f"{100 * wrong.mean():.1f} %"


def _pixels() -> list[Patch]:
    """The legend of an error map."""
    void = Patch(facecolor=palette()[VOID] / 255, edgecolor="0.4", label="void")
    return [Patch(facecolor="0", label="wrong pixel"), void]


def _legend_below(figure: Figure, handles: list) -> None:
    figure.legend(
        handles=handles, loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=4, frameon=False
    )
