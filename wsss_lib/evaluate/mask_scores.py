"""Anybody's masks and seeds, scored: per class, near boundaries, and against others by image.

Over- and under-activation are the FP and FN of a class, each divided by the union of the class in
truth and masks: ``FP_ALL`` and ``FN_ALL`` of SEAM's ``evaluation.py`` (Wang et al., CVPR 2020),
which with the IoU are 100 %. As in the scripts that print them, their mean is over objects only.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from wsss_lib.datasets.classes import VOID, ClassSet
from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.boundary import band_rows, band_table
from wsss_lib.evaluate.chains import POINTS, gain_line, image_draws, image_gains
from wsss_lib.evaluate.exploration import image_iou
from wsss_lib.evaluate.regions import NEAR
from wsss_lib.metrics import dense, iou_of_counted, mean, pooled, pooled_line
from wsss_lib.paths import shown
from wsss_lib.report import Report, versions
from wsss_lib.weak.masks import kinds_of_seeds
from wsss_lib.weak.seed_files import SeedFiles
from wsss_lib.weak.seeds import threshold_curve

#: What is measured of a class beside its IoU.
MEASURES = ("precision", "recall", "over", "under")


def score_masks(
    dataset: DevkitDataset,
    folders: Sequence[str | Path] = (),
    *,
    seeds: SeedFiles | None = None,
    against: str | Path | None = None,
    over: Sequence[str] | None = None,
) -> Report:
    """Score folders of masks, or of seeds, of any method.

    Parameters
    ----------
    dataset : DevkitDataset
        With ground truth. Its void pixels count nowhere.
    folders : sequence of path
        Of ``<id>.png``: class indices, grey or palette. A void pixel (255) in them counts as
        background: wrong where the truth is an object, right where it is background.
    seeds : SeedFiles, optional
        Scored as well, with its threshold.
    against : path, optional
        A folder of masks, scored as well, with which the others are compared image by image.
    over : sequence of str, optional
        Short names of the classes to show and average; all that have a score when left out.

    Returns
    -------
    Report
        ``scores``: one row per folder, indexed by ``masks``, all in %: IoU of each class (NaN where
        the truth lacks it), ``mean`` with its 95 % interval over images, the means of `MEASURES`,
        the pixels that were ``void``, and with `against` ``gain`` to ``helped``, see
        `wsss_lib.evaluate.chains.chain_table`. ``classes``: see `class_table`; ``bands``: see
        `wsss_lib.evaluate.boundary.band_table`; ``images``: each image's own mean ``iou``, and its
        ``gain``. ``thresholds``, of seeds without a background: see `marked_curve`.

    Raises
    ------
    DataError
        If an id has no mask or seed in a folder, or a file is bad or of another size.
    ParameterError
        If there is nothing to score, or no class of a name.
    """
    if not folders and seeds is None:
        raise ParameterError("Nothing to score; expected a folder of masks, or one of seeds.")
    chosen, readers = dataset.classes.places(over), {}
    for folder in ([against] if against else []) + [*folders]:
        masks = replace(dataset, masks=str(Path(folder).absolute()))
        masks.check_files()  # all folders, before the first is scored
        readers[shown(folder)] = masks.mask
    if seeds:
        for id_ in dataset.ids:  # likewise
            seeds.path(id_)
        readers[shown(seeds.folder)] = lambda id_: seeds.scores(dataset, id_).mask()
    rows = {name: image_rows(dataset, read) for name, read in readers.items()}
    reference = rows[shown(against)] if against else None
    tables = {
        "scores": _score_table(rows, reference, dataset.classes, chosen),
        "classes": class_table(rows, dataset.classes, chosen),
        "bands": band_table(rows, dataset.classes, NEAR, over),
        "images": _image_table(rows, reference),
    }
    if seeds and not seeds.has_background:
        curve = threshold_curve(dataset, lambda id_: seeds.maps(dataset, id_)[0])
        tables["thresholds"] = marked_curve(curve, dataset.classes, chosen)
    provenance = {
        "dataset": dataset.name,
        "list": Path(dataset.list_name).name,
        "images": len(dataset),
        "masks": Path(dataset.masks).name,
        "void": "left out of the truth; background in the masks",
        "crf": "none is run here",
        "scored": [*rows],
        "against": against and shown(against),
        "seeds": seeds and kinds_of_seeds([seeds.describe(dataset, id_) for id_ in dataset.ids]),
        "threshold": None if seeds is None or seeds.has_background else seeds.threshold,
        "versions": versions(),
    }
    return Report(tables, provenance)


def image_rows(dataset: DevkitDataset, read: Callable[[str], np.ndarray]) -> list[dict]:
    """Count the pixels of the masks that `read` gives for ids, void being background.

    Returns
    -------
    list of dict
        What `wsss_lib.evaluate.boundary.band_rows` gives for each image, its own mean ``iou`` in %,
        and how many of its ``pixels`` are ``void`` in the mask.
    """
    known = []

    def filled(id_: str) -> np.ndarray:
        mask = read(id_)
        known.append({"void": int((mask == VOID).sum()), "pixels": mask.size})
        return np.where(mask == VOID, 0, mask).astype(np.uint8)

    rows = band_rows(dataset, map(filled, dataset.ids))
    n_classes = len(dataset.classes)
    return [
        row | own | {"iou": image_iou(dense(row["confusion"], n_classes))}
        for row, own in zip(rows, known, strict=True)
    ]


def measures(confusion: np.ndarray) -> dict[str, np.ndarray]:
    """`MEASURES` of each class.

    Parameters
    ----------
    confusion : ndarray, shape (K, K)
        Rows are true classes.

    Returns
    -------
    dict of str to ndarray, shape (K,), float64
        In %; NaN for a class that is not in the truth, and the precision of one never predicted.
    """
    hits, truth, found = np.diag(confusion), confusion.sum(1), confusion.sum(0)
    union = truth + found - hits
    parts = [(hits, found), (hits, truth), (found - hits, union), (truth - hits, union)]
    return {
        name: 100
        * np.divide(part, of, out=np.full(len(hits), np.nan), where=(of > 0) & (truth > 0))
        for name, (part, of) in zip(MEASURES, parts, strict=True)
    }


def class_table(
    rows: dict[str, list[dict]], classes: ClassSet, chosen: Sequence[int]
) -> pd.DataFrame:
    """Each class of each folder: ``masks``, ``class``, ``iou`` and `MEASURES`, in %."""
    tables = []
    for name, images in rows.items():
        confusion = pooled((image["confusion"] for image in images), len(classes))
        found = {"iou": 100 * iou_of_counted(confusion)} | measures(confusion)
        table = pd.DataFrame({"masks": name, "class": classes.short} | found)
        tables.append(table.iloc[list(chosen)])
    return pd.concat(tables, ignore_index=True)


def _score_table(
    rows: dict[str, list[dict]],
    reference: list[dict] | None,
    classes: ClassSet,
    chosen: Sequence[int],
) -> pd.DataFrame:
    objects, lines = [place for place in chosen if place], {}
    draws = {name: image_draws(images, classes, chosen) for name, images in rows.items()}
    first, *_ = rows  # the reference, if there is one
    for name, images in rows.items():
        confusions = [image["confusion"] for image in images]
        found = measures(pooled(confusions, len(classes)))
        line = pooled_line(confusions, draws[name], classes, chosen)
        for measure in MEASURES:
            counted = objects if measure in ("over", "under") else list(chosen)
            line[measure] = mean(found[measure][counted])
        void, pixels = (sum(image[part] for image in images) for part in ("void", "pixels"))
        line["void"] = 100 * void / pixels
        lines[name] = line
        if reference:
            differences = draws[name] - draws[first]
            lines[name] |= gain_line(images, reference, differences, classes, chosen)
    return pd.DataFrame.from_dict(lines, orient="index").rename_axis("masks")


def _image_table(rows: dict[str, list[dict]], reference: list[dict] | None) -> pd.DataFrame:
    tables = []
    for name, images in rows.items():
        table = pd.DataFrame(images)[["id", "iou"]]
        table.insert(1, "masks", name)
        tables.append(table.assign(gain=image_gains(images, reference)) if reference else table)
    return pd.concat(tables, ignore_index=True)


def marked_curve(curve: pd.DataFrame, classes: ClassSet, chosen: Sequence[int]) -> pd.DataFrame:
    """The curve over thresholds of seeds without a background, the ``best`` one marked by 1.

    It is the best on the very masks that are scored: an upper bound, not a result.

    Parameters
    ----------
    curve : DataFrame
        See `wsss_lib.weak.seeds.curve_table`.
    classes : ClassSet
    chosen : sequence of int
        The classes to show and average.

    Returns
    -------
    DataFrame
        As `curve`; ``mean`` is over the chosen classes.
    """
    curve = curve[["threshold", *(classes.short[place] for place in chosen)]]
    curve = curve.assign(mean=curve.drop(columns="threshold").mean(axis=1))
    return curve.assign(best=(curve.index == curve["mean"].idxmax()).astype(int))


def score_caption(report: Report) -> str:
    """What was scored: list, masks, void, threshold, CRF."""
    of = report.provenance
    caption = (
        f"mIoU on {of['images']} images of {of['list']} ({of['dataset']}) against {of['masks']}; "
        f"void: {of['void']}; CRF: {of['crf']}, whether the masks had one is not known"
    )
    if of["seeds"]:
        caption += f"; seeds from files: {of['seeds']}"
    if of["against"]:
        caption += f"; gains on {of['against']}, harmed or helped by more than {POINTS:g} points"
    if "thresholds" in report.tables:
        curve = report.tables["thresholds"]
        best = curve.loc[curve["best"] == 1].iloc[0]
        caption += (
            f"; threshold: {of['threshold']:g}. The best one would be {best['threshold']:g} with "
            f"{best['mean']:.2f}, chosen on the very masks that are scored"
        )
    return caption
