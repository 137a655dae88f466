"""The Semantic Boundaries Dataset: masks for some 9,000 images of VOC that have none of their own.

Hariharan et al., "Semantic contours from inverse detectors", ICCV 2011. Its masks are MATLAB files
with VOC's class indices and no void border. ``benchmark_RELEASE/dataset/`` holds ``cls/<id>.mat``
and the lists ``train.txt`` and ``val.txt``, which are other splits than VOC's.
"""

import shutil
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from scipy.io import loadmat
from scipy.io.matlab import MatReadError
from tqdm.auto import tqdm

from wsss_lib.datasets.classes import VOC
from wsss_lib.datasets.images import write_mask
from wsss_lib.errors import DataError, MaskError
from wsss_lib.files import atomic_path
from wsss_lib.paths import shown


def trainaug_ids(
    voc_train: Iterable[str], voc_val: Iterable[str], sbd: Iterable[str]
) -> tuple[str, ...]:
    """The ids of trainaug, sorted: VOC's train and all of SBD without VOC's val."""
    return tuple(sorted((set(voc_train) | set(sbd)) - set(voc_val)))


def read_sbd_mask(path: str | Path) -> np.ndarray:
    """Read the class mask of a MATLAB file of SBD.

    Returns
    -------
    ndarray, shape (H, W), uint8
        Class indices; SBD has no void.

    Raises
    ------
    MaskError
        If the file is missing, damaged, no annotation of SBD, or holds a value that is no class.
    """
    try:
        with open(path, "rb") as file:
            mask = np.asarray(loadmat(file)["GTcls"]["Segmentation"][0, 0])
    except (OSError, ValueError, TypeError, LookupError, MatReadError, zlib.error) as error:
        raise MaskError(
            f"{shown(path)} is no readable annotation of SBD ({error}). Delete its "
            "benchmark_RELEASE folder and run the same command again."
        ) from None
    if mask.ndim != 2 or mask.max(initial=0) >= len(VOC):
        raise MaskError(
            f"{shown(path)} holds an array of shape {mask.shape} with values up to {mask.max()}; "
            f"expected (height, width) and classes 0 to {len(VOC) - 1}."
        )
    return mask.astype(np.uint8)


def convert_masks(ids: Iterable[str], source: Path, target: Path) -> None:
    """Turn SBD's ``source/<id>.mat`` into palette PNGs ``target/<id>.png``, each atomically.

    Raises
    ------
    DataError
        If some are bad; the others are converted first.
    """

    def convert(id_: str) -> None:
        write_mask(target / f"{id_}.png", read_sbd_mask(source / f"{id_}.mat"))

    _for_each(convert, ids, "SBD masks")


def copy_masks(ids: Iterable[str], source: Path, target: Path) -> None:
    """Copy VOC's own masks, byte by byte, with their void border; each atomically.

    Raises
    ------
    DataError
        If some cannot be copied; the others are copied first.
    """

    def copy(id_: str) -> None:
        with atomic_path(target / f"{id_}.png") as temporary:
            shutil.copyfile(source / f"{id_}.png", temporary)

    _for_each(copy, ids, "VOC masks")


def _for_each(act: Callable[[str], None], ids: Iterable[str], what: str) -> None:
    failures = []
    for id_ in tqdm(ids, desc=what, unit="mask"):
        try:
            act(id_)
        except (MaskError, OSError) as error:
            failures.append(f"  {id_}: {error}")
    if failures:
        failures.insert(0, f"{len(failures)} {what} failed, the others are done:")
        raise DataError("\n".join(failures))
