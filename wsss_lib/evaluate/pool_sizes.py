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
        columns: ``samples``; of which ``of a class`` in the mean; how many of those an image that
        shows the class gives, of the ``background of an image`` and of ``an object of an image``
        (NaN where no image shows one); and ``kernel (MB)``, the memory of the kernel between all
        samples.
    """
    own = _counts(drawn)
    rows = {"own": {"samples": own.sum(axis=1).mean(), **_of_image(own, own)}}
    rows["own"]["of a class"] = own.stack().mean()
    for each in times:
        pool = _counts(pool_samples(drawn, each))
        rows[f"x{each}"] = {"samples": pool.sum().sum(), **_of_image(pool, own)}
        rows[f"x{each}"]["of a class"] = pool.sum().mean()
    columns = ["samples", "of a class", "background of an image", "an object of an image"]
    table = pd.DataFrame.from_dict(rows, orient="index")[columns].rename_axis("pool")
    return table.assign(**{"kernel (MB)": _ENTRY_BYTES * 1e-6 * table["samples"] ** 2})


def _counts(images: Sequence[PixelSamples]) -> pd.DataFrame:
    """Samples of each image and class; NaN where an image has none."""
    return pd.DataFrame([samples.counts for samples in images], dtype=float)


def _of_image(pool: pd.DataFrame, own: pd.DataFrame) -> dict[str, float]:
    """What an image gives of a class that it shows, even where a small pool takes none of it."""
    given = pool.reindex(own.index).reindex(columns=own.columns).fillna(0).where(own.notna())
    return {
        "background of an image": given[0].mean() if 0 in given else float("nan"),
        "an object of an image": given.drop(columns=0, errors="ignore").stack().mean(),
    }
