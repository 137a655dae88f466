"""How good seeds are against the background threshold, as curves."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.thresholds import ThresholdCurve

#: Told apart in print without colours, too.
_LOOKS = (("#08519c", "-", "o"), ("#d95f02", "--", "s"), ("#1b7837", ":", "^"), ("0.2", "-.", "D"))


def threshold_plot(
    curves: ThresholdCurve | Mapping[str, ThresholdCurve], ax: Axes | None = None
) -> Axes:
    """Draw the mean IoU of seeds against their threshold; the best of each curve has a mark.

    Parameters
    ----------
    curves : ThresholdCurve, or mapping of str to ThresholdCurve
        One, or at most four by their names, all scored on the same images and masks.
    ax : Axes, optional

    Raises
    ------
    ParameterError
        If there are too many curves, or they were scored on different things.
    """
    ax = ax or plt.gca()
    named = {"": curves} if isinstance(curves, ThresholdCurve) else curves
    origin = _origin(named)
    for (name, curve), (colour, line, marker) in zip(named.items(), _LOOKS, strict=False):
        best = curve.best["threshold"], curve.best["mean"]
        told = f"best {best[1]:.1f} % at {best[0]:g}"
        lines = curve.table["threshold"], curve.table["mean"]
        ax.plot(*lines, line, color=colour)
        label = f"{name}: {told}" if name else told
        ax.plot(*best, line, color=colour, marker=marker, markersize=7, label=label)
    ax.set(xlabel=f"background threshold\n{origin}", ylabel="mean IoU (%)")
    ax.grid(axis="y", color="0.9")
    ax.legend(frameon=False)
    return ax


def _origin(curves: Mapping[str, ThresholdCurve]) -> str:
    """What the curves were scored on, the same for all."""
    if not 1 <= len(curves) <= len(_LOOKS):
        raise ParameterError(f"{len(curves)} curves; 1 to {len(_LOOKS)} were expected.")
    origins = {
        f"{curve.images} images of {curve.list_name}, masks of {curve.masks}, "
        f"{'with' if curve.crf else 'without'} CRF"
        for curve in curves.values()
    }
    if len(origins) > 1:
        raise ParameterError(
            f"Curves on {' and on '.join(sorted(origins))}; the same was expected. Draw them apart."
        )
    return origins.pop()
