"""How well masks follow true boundaries: scores in bands along them, and of all other pixels."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from tqdm.auto import tqdm

from wsss_lib.datasets.classes import ClassSet
from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.errors import MaskError
from wsss_lib.evaluate.regions import boundary_distance, count_bands, region_of
from wsss_lib.metrics import drawn_scores, interval, pooled, pooled_score


def band_rows(truth: DevkitDataset, masks: Iterable[np.ndarray]) -> list[dict]:
    """Count the pixels of every image by true and predicted class, in bands along boundaries.

    Parameters
    ----------
    truth : DevkitDataset
        With ground truth as its masks.
    masks : iterable of ndarray, shape (H, W), uint8
        What is scored, one mask per image in the order of the ids; may be a generator.

    Returns
    -------
    list of dict
        One row per image: ``id``, and what `wsss_lib.evaluate.regions.count_bands` gives.

    Raises
    ------
    MaskError
        If a mask has another size than the true one.
    """
    rows = []
    ids = tqdm(truth.ids, desc="scoring masks", unit="image")
    for id_, mask in zip(ids, masks, strict=True):
        right = truth.mask(id_)
        if mask.shape != right.shape:
            raise MaskError(
                f"The mask of {id_} to score is {mask.shape[1]} x {mask.shape[0]} pixels, the true "
                f"one {right.shape[1]} x {right.shape[0]}; they must agree. Scale it without "
                "interpolation, or write it again in the photograph's size."
            )
        bands = count_bands(right, mask, boundary_distance(right), len(truth.classes))
        rows.append({"id": id_} | bands)
    return rows


def band_table(
    rows: Mapping[str, Sequence[dict]],
    classes: ClassSet,
    widths: Sequence[int],
    over: Sequence[str] | None = None,
) -> pd.DataFrame:
    """The mean IoU of all pixels, near boundaries and away from them.

    Parameters
    ----------
    rows : mapping of str to sequence of dict
        As `band_rows` gives them, by name.
    classes : ClassSet
    widths : sequence of int
        Of `wsss_lib.evaluate.regions.NEAR`, in pixels.
    over : sequence of str, optional
        Short names of the classes to average; all that have a score when left out.

    Returns
    -------
    DataFrame
        One row per name and region: ``name``; ``region``, which is ``confusion`` (all pixels),
        or such as ``near4`` and ``away4`` with a width; ``pixels``, its share in %; and the
        ``mean`` IoU in % with its 95 % interval over images, ``mean_low`` to ``mean_high``.

    Raises
    ------
    ParameterError
        If there is no such width or class.
    """
    regions = ["confusion", *(f"{name}{width}" for name in ("near", "away") for width in widths)]
    chosen, lines = classes.places(over), []
    for name, found in rows.items():
        everything = pooled((row["confusion"] for row in found), len(classes)).sum()
        for region in regions:
            part = [region_of(row, region) for row in found]
            low, high = interval(drawn_scores(part, len(classes), chosen))
            line = {"name": name, "region": region}
            line |= {"pixels": 100 * pooled(part, len(classes)).sum() / everything}
            line |= {"mean": pooled_score(part, len(classes), chosen)}
            lines.append(line | {"mean_low": low, "mean_high": high})
    return pd.DataFrame(lines)


def boundary_effect(
    rows: Mapping[str, Sequence[dict]], classes: ClassSet, width: int, against: str
) -> pd.DataFrame:
    """How far masks are behind better ones near boundaries, and whether by more than elsewhere.

    Parameters
    ----------
    rows : mapping of str to sequence of dict
        As `band_rows` gives them, all of the same images.
    classes : ClassSet
    width : int
        Pixels at most this far from a boundary are near.
    against : str
        The name of the better ones.

    Returns
    -------
    DataFrame
        Three rows for each other name: ``name``; ``where``, which is ``near``, ``away`` or ``near
        minus away``; and the ``gap`` in points of mean IoU with its 95 % interval over the same
        draws of images, ``gap_low`` to ``gap_high``. The effect is one of boundaries if the last
        row is above 0.
    """
    n, over, lines = len(classes), range(len(classes)), []
    scores, draws = {}, {}
    for name, found in rows.items():
        near, away = ([region_of(row, f"{w}{width}") for row in found] for w in ("near", "away"))
        scores[name] = _with_difference(*(pooled_score(part, n, over) for part in (near, away)))
        draws[name] = _with_difference(*(drawn_scores(part, n, over) for part in (near, away)))
    for name in [name for name in rows if name != against]:
        for where, score in scores[name].items():
            low, high = interval(draws[against][where] - draws[name][where])
            line = {"name": name, "where": where, "gap": scores[against][where] - score}
            lines.append(line | {"gap_low": low, "gap_high": high})
    return pd.DataFrame(lines)


def _with_difference(near: float, away: float) -> dict[str, float]:
    return {"near": near, "away": away, "near minus away": near - away}
