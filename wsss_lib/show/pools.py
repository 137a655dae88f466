"""One SVM an image against one for all, as curves over the size of the pool.

All take the table of `wsss_lib.evaluate.tables.scores.score_table`, or some of its lines.
"""

from collections.abc import Iterable

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wsss_lib.show.scores import check_single, legend_beside

#: Whose classifier it is, and what one for all images is told of the image.
OWN, KNOWN, UNKNOWN = "own", "for all, labels known", "for all, labels unknown"


def by_pool(scores: pd.DataFrame) -> pd.DataFrame:
    """Read from the name of each line's pool how large it is, and what it is told of an image.

    Parameters
    ----------
    scores : DataFrame
        With the column ``pool``, see `wsss_lib.expand.pooled.parse_pool`.

    Returns
    -------
    DataFrame
        With the columns ``times`` (how many times the samples of an image; NaN for the image's own)
        and ``classifier``: `OWN`, `KNOWN` or `UNKNOWN`.
    """
    parts = scores["pool"].str.extract(r"^pooled(?P<times>\d+)(?P<known>known)?$")
    kinds = parts["known"].map({"known": KNOWN}).fillna(UNKNOWN)
    times = parts["times"].astype(float)
    return scores.assign(times=times, classifier=kinds.mask(times.isna(), OWN))


def pool_curves(scores: pd.DataFrame, ax: Axes | None = None, *, legend: bool = True) -> Axes:
    """Draw the mean of pooled classifiers over the size of their pool, the own one as a level.

    Parameters
    ----------
    scores : DataFrame
        Of one feature, region and sampling.
    ax : Axes, optional
    legend : bool
        Whether to name the classifiers, beside the axes.

    Raises
    ------
    ParameterError
        If two lines have the same pool.

    Notes
    -----
    Bands are the 95 % intervals over images. The axis of the sizes is logarithmic, to base 2.
    """
    ax = ax or plt.gca()
    check_single(scores[["pool"]])
    lines = by_pool(scores).sort_values("times")
    for _, own in lines[lines["classifier"] == OWN].iterrows():
        ax.axhline(own["mean"], color="0.2", linestyle="--", label=OWN)
        ax.axhspan(own["mean_low"], own["mean_high"], color="0.2", alpha=0.12, lw=0)
    colours = sns.color_palette("colorblind")
    for kind, colour, marker in ((KNOWN, colours[0], "o"), (UNKNOWN, colours[1], "s")):
        curve = lines[lines["classifier"] == kind]
        if curve.empty:
            continue
        ax.plot(curve["times"], curve["mean"], color=colour, marker=marker, ms=5, label=kind)
        ends = curve["mean_low"], curve["mean_high"]
        ax.fill_between(curve["times"], *ends, color=colour, alpha=0.12, lw=0)
    size_axis(ax, lines["times"].dropna().unique())
    ax.set_ylabel("mean IoU (%)")
    ax.grid(axis="y", color="0.9")
    if legend:
        legend_beside(ax)
    return ax


def pool_panels(scores: pd.DataFrame, columns: int = 3) -> Figure:
    """Draw `pool_curves` of several features, a panel each, over the same axes.

    Parameters
    ----------
    scores : DataFrame
        Of one region and sampling; the panels have the order of the features in the table.
    columns : int
        Panels beside each other, at most.

    Returns
    -------
    Figure
    """
    features = scores["feature"].unique()
    columns = min(columns, len(features))
    rows = -(-len(features) // columns)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(1 + 2.7 * columns, 0.6 + 2.3 * rows),
        sharex=True,
        sharey=True,
        squeeze=False,
        layout="constrained",
    )
    for feature, ax in zip(features, axes.flat, strict=False):
        pool_curves(scores[scores["feature"] == feature], ax, legend=False)
        ax.set(title=feature, xlabel="", ylabel="")
    for ax in axes.flat[len(features) :]:
        ax.remove()
    figure.supxlabel("size of the pool, in samples of an image")
    figure.supylabel("mean IoU (%)")
    names = axes[0, 0].get_legend_handles_labels()
    figure.legend(*names, loc="outside upper center", ncols=3, frameon=False)
    return figure


def size_axis(ax: Axes, times: Iterable[float]) -> Axes:
    """Put the sizes of the pools on the horizontal axis, to base 2.

    Parameters
    ----------
    ax : Axes
    times : iterable of float
        How many times the samples of an image; each has a tick.
    """
    ax.set_xscale("log", base=2)
    times = list(times)
    ax.set_xticks(times, [f"x{each:g}" for each in times])
    ax.set_xticks([], minor=True)
    ax.set_xlabel("size of the pool, in samples of an image")
    return ax
