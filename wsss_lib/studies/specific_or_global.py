"""How many samples pools of several sizes have, and what an image gives to each of them."""

from collections.abc import Iterable, Sequence

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from wsss_lib.expand.pooled import pool_samples
from wsss_lib.expand.sampling import PixelSamples
from wsss_lib.show.plots import check_single, legend_beside

#: Of one entry of the kernel between all samples, see `wsss_lib.expand.engine.fit.gram`.
_ENTRY_BYTES = 4


def pool_sizes(drawn: Sequence[PixelSamples], times: Sequence[int]) -> pd.DataFrame:
    """Tell how large pools are that are drawn from the samples of some images.

    Parameters
    ----------
    drawn : sequence of PixelSamples
        Those of each image.
    times : sequence of int
        Sizes, see `wsss_lib.expand.pooled.pool_samples`.

    Returns
    -------
    DataFrame
        Indexed by ``pool``, first ``own``: an image's own samples, in the mean of the images. The
        columns: ``samples``; of which ``of a class`` in the mean; the share of the background in
        them, ``background (%)``; how many samples an image that shows the class gives, of the
        ``background of an image`` and of ``an object of an image`` (NaN where no image shows one);
        and ``kernel (MB)``, the memory of the kernel between all samples.
    """
    own = _counts(drawn)
    rows = {"own": _row(own, own)}
    rows["own"] |= {"samples": own.sum(axis=1).mean(), "of a class": own.stack().mean()}
    for each in times:
        rows[f"x{each}"] = _row(_counts(pool_samples(drawn, each)), own)
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("pool")
    return table.assign(**{"kernel (MB)": _ENTRY_BYTES * 1e-6 * table["samples"] ** 2})


def _counts(images: Sequence[PixelSamples]) -> pd.DataFrame:
    """Samples of each image and class; NaN where an image has none."""
    return pd.DataFrame([samples.counts for samples in images], dtype=float)


def _row(pool: pd.DataFrame, own: pd.DataFrame) -> dict[str, float]:
    """The columns for a pool of images that have `own` samples."""
    of_class = pool.sum()
    # an image counts that shows a class of which a small pool takes nothing
    given = pool.reindex(own.index).reindex(columns=own.columns).fillna(0).where(own.notna())
    return {
        "samples": of_class.sum(),
        "of a class": of_class.mean(),
        "background (%)": 100 * of_class.get(0, 0.0) / of_class.sum(),
        "background of an image": given[0].mean() if 0 in given else float("nan"),
        "an object of an image": given.drop(columns=0, errors="ignore").stack().mean(),
    }


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
