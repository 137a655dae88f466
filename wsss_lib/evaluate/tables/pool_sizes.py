"""How many samples pools of several sizes have, and what an image gives to each of them."""

from collections.abc import Sequence

import pandas as pd

from wsss_lib.expand.pooled import pool_samples
from wsss_lib.expand.sampling import PixelSamples

#: Of one entry of the kernel between all samples, see `wsss_lib.expand.engine.fit.Problem.gram`.
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
