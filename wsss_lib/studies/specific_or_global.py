"""One SVM for each image, or one for all.

The paper's main argument: other methods "are carried out globally for the whole data set, without
taking into account potential additional improvements based on the specific content of the image"
(abstract, sections 1 and 2). It does not measure it. The study compares an image-specific SVM
with one that is fitted to a pool of samples of all images. Notebook 10 shows it.
"""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.figure import Figure

from wsss_lib.evaluate.scores import own_classifier
from wsss_lib.evaluate.settings import Setting, svm_preset
from wsss_lib.expand.pooled import pool_samples
from wsss_lib.expand.sampling import PixelSamples
from wsss_lib.features import LAYERS
from wsss_lib.show.plots import curves
from wsss_lib.studies.bound import FAIR
from wsss_lib.studies.study import Study

#: How many times the samples of an image one classifier for all images gets.
TIMES = (1, 2, 4, 8)


def settings(
    samples: int,
    seed: int,
    *,
    layers: Sequence[str] = LAYERS,
    times: Sequence[int] = TIMES,
    known: Sequence[bool] = (False, True),
    fair: str = FAIR,
    svm: str = "sklearn",
) -> list[Setting]:
    """An SVM for each image against one for all.

    Parameters
    ----------
    samples : int
        Pixels per class of an image.
    seed : int
    layers : sequence of str
    times : sequence of int
        Sizes of the pools, see `wsss_lib.expand.pooled.pool_samples`.
    known : sequence of bool
        Whether one for all knows the labels of an image; with several values, one after the other.
    fair : str
        The sampling with which the image's own SVM and the largest pool with known labels are
        compared once more.
    svm : str
        One of `wsss_lib.evaluate.settings.SVM_PRESETS`.

    Returns
    -------
    list of Setting
        Feature by feature, since what is known of an image is asked of the same classifier.
    """
    ends = ["known" if labels else "" for labels in known]
    pools = ["own", *(f"pooled{size}{end}" for size in times for end in ends)]
    ways = [(pool, "uniform") for pool in pools]
    ways += [("own", fair), (f"pooled{max(times)}known", fair)]
    return [
        Setting(layer, samples, seed=seed, pool=pool, sampling=sampling, **svm_preset(svm))
        for layer in layers
        for pool, sampling in ways
    ]


#: Of one entry of the kernel between all samples, see `wsss_lib.expand.engine.fit.gram`.
_ENTRY_BYTES = 4


def pool_sizes(drawn: Sequence[PixelSamples], times: Sequence[int]) -> pd.DataFrame:
    """How large pools are that are drawn from the samples of some images.

    Parameters
    ----------
    drawn : sequence of PixelSamples
        Those of each image.
    times : sequence of int
        Sizes, see `wsss_lib.expand.pooled.pool_samples`.

    Returns
    -------
    DataFrame
        Indexed by ``pool``, first ``own``: an image's own samples, averaged over the images. The
        columns: ``samples``; on average ``of a class``; the share of the background in them,
        ``background (%)``; how many samples an image that shows the class gives, for the
        ``background of an image`` and for ``an object of an image`` (NaN if no image shows one);
        and ``kernel (MB)``, the memory of the kernel between all samples.
    """
    own = _counts(drawn)
    rows = {"own": _row(own, own)}
    rows["own"] |= {"samples": own.sum(axis=1).mean(), "of a class": own.stack().mean()}
    for size in times:
        rows[f"x{size}"] = _row(_counts(pool_samples(drawn, size)), own)
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


#: Whose classifier it is, and what one for all images knows about the image.
OWN, KNOWN, UNKNOWN = "own", "for all, labels known", "for all, labels unknown"
_LOOKS = {OWN: {"color": "0.2", "linestyle": "--"}}  # the others have a palette's colours


def by_pool(scores: pd.DataFrame) -> pd.DataFrame:
    """Read from the name of each row's pool how large it is, and what it knows about an image.

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


def pool_panels(scores: pd.DataFrame) -> Figure:
    """Draw pooled classifiers over the size of their pool, one panel per feature.

    Parameters
    ----------
    scores : DataFrame
        As `by_pool` gives it, of one region and sampling; the panels have the order of the features
        in the table.

    Returns
    -------
    Figure
        The image's own classifier is a level. Bands are the 95 % intervals over images.
    """
    features, times = scores["feature"].unique(), sorted(scores["times"].dropna().unique())
    columns = min(3, len(features))
    rows = -(-len(features) // columns)
    size = (1 + 2.7 * columns, 0.6 + 2.3 * rows)
    grid = {"sharex": True, "sharey": True, "squeeze": False, "layout": "constrained"}
    figure, axes = plt.subplots(rows, columns, figsize=size, **grid)
    for feature, ax in zip(features, axes.flat, strict=False):
        lines = scores[scores["feature"] == feature]
        curves(lines, "times", hue="classifier", ax=ax, looks=_LOOKS, legend=False)
        for _, own in lines[lines["classifier"] == OWN].iterrows():
            ax.axhspan(own["mean_low"], own["mean_high"], color="0.2", alpha=0.12, lw=0)
        ax.set_xscale("log", base=2)
        ax.set_xticks(times, [f"x{size:g}" for size in times])
        ax.set(title=feature, xlabel="", ylabel="")
    for ax in axes.flat[len(features) :]:
        ax.remove()
    figure.supxlabel("size of the pool, in samples of an image")
    figure.supylabel("mean IoU (%)")
    names = axes[0, 0].get_legend_handles_labels()
    figure.legend(*names, loc="outside upper center", ncols=3, frameon=False)
    return figure


STUDY = Study(
    "specific-or-global",
    "One SVM for each image, or one for all?",
    settings,
    reference=own_classifier,
)
