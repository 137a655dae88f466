"""Where the errors are.

The paper sees with `img` "a higher occurrence of misclassifications in background regions", and
with F5 that "the predicted segmentation boundaries is blurred and less accurate" (section 4.2,
Figure 7). The study counts both: near boundaries and away from them, of background and of objects.
Notebook 12 shows it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from wsss_lib.datasets.classes import VOID
from wsss_lib.datasets.devkit import Sample
from wsss_lib.engine import SweepResult
from wsss_lib.evaluate.regions import NEAR, boundary_distance, region_of
from wsss_lib.evaluate.settings import Setting
from wsss_lib.features import LAYERS
from wsss_lib.metrics import drawn_confusions, interval, pooled
from wsss_lib.show.masks import class_colours, error_map, legend_below, picture_grid
from wsss_lib.studies.study import BOTH, Study

#: Bands along boundaries, and the pixels outside them.
_PARTS = ("near", "near_held_out", "away", "away_held_out")
REGIONS = (*BOTH, *(f"{part}{width}" for part in _PARTS for width in NEAR))


def settings(samples: int, seed: int) -> list[Setting]:
    """All features as in the paper; what differs is where they are scored."""
    return [Setting(layer, samples, seed=seed) for layer in LAYERS]


def error_table(result: SweepResult, regions: Sequence[str]) -> pd.DataFrame:
    """The share of wrong pixels in some regions, of background and of objects.

    IoU mixes what an object loses with what it takes from others; these shares do not.

    Parameters
    ----------
    result : SweepResult
    regions : sequence of str
        See `wsss_lib.evaluate.regions.region_of`; ``away8`` leaves the boundaries out.

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
            draws = drawn_confusions(confusions, len(result.dataset.classes))
            whole = pooled(confusions, len(result.dataset.classes))
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


def tables(result: SweepResult, over: Sequence[str] | None = None) -> dict[str, pd.DataFrame]:
    """The shares of wrong pixels, ``errors``; all objects count together, whatever `over` says."""
    return {"errors": error_table(result, REGIONS)}


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
        Pixels at most this far from a boundary are inside, see
        `wsss_lib.evaluate.regions.boundary_distance`.
    width : float
        Inches per column.

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
    legend_below(figure, [*error_handles(), outline])
    return figure


def error_handles() -> list[Artist]:
    """What the legend of an error map names: wrong pixels and void."""
    void = Patch(facecolor=class_colours(VOID), edgecolor="0.4", label="void")
    return [Patch(facecolor="0", label="wrong pixel"), void]


STUDY = Study("errors", "Where are the errors?", settings, regions=REGIONS, tables=tables)
