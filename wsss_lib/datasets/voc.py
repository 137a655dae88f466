"""Getting PASCAL VOC 2012, and trainaug with the masks of the Semantic Boundaries Dataset (SBD).

SBD (Hariharan et al., "Semantic contours from inverse detectors", ICCV 2011) has masks for some
9,000 images of VOC without one. They are MATLAB files with VOC's class indices and no void border.
``benchmark_RELEASE/dataset/`` holds ``cls/<id>.mat`` and the lists ``train.txt`` and ``val.txt``,
which are other splits than VOC's. *trainaug* is VOC's train and all of SBD without VOC's val.
"""

import zlib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import numpy as np
import yaml
from scipy.io import loadmat
from scipy.io.matlab import MatReadError
from tqdm.auto import tqdm

from wsss_lib.datasets.classes import VOC
from wsss_lib.datasets.devkit import find_devkit, missing_ids
from wsss_lib.datasets.download import Archive, fetch_and_unpack
from wsss_lib.datasets.images import write_mask
from wsss_lib.datasets.lists import list_path, read_ids, read_lines
from wsss_lib.errors import DataError, DownloadError, MaskError
from wsss_lib.files import atomic_path, write_text
from wsss_lib.paths import shown

#: The archives of VOC and of SBD.
SOURCES = {
    name: Archive(**archive)
    for name, archive in yaml.safe_load(
        Path(__file__).with_name("archives.yaml").read_text(encoding="utf-8")
    ).items()
}


def shipped_list(name: str) -> tuple[str, ...]:
    """The ids of VOC's ``train`` (1,464), ``val`` (1,449) or ``trainaug`` (10,582)."""
    path = Path(__file__).with_name("voc12_lists") / f"{name}.txt"
    return tuple(path.read_text(encoding="utf-8").split())


def prepare_voc(root: str | Path) -> None:
    """Get VOC 2012 and trainaug into ``root/VOCdevkit/VOC2012``, doing only what is missing.

    A run that was killed is continued by the next one; files that are there stay as they are, and
    so does a folder with a part of VOC that somebody chose, or with classes of its own. What
    happens is printed, also that SBD could not be fetched, so that trainaug is missing.

    Parameters
    ----------
    root : path
        The folder that holds, or will hold, ``VOCdevkit/`` (one that is there is found as by
        `find_devkit`). The archives go there too and may be put there by hand.

    Raises
    ------
    DataError
        If the disk is too full, a list is not what it must be, or an archive lacks files.
    DownloadError
        If VOC cannot be fetched.
    """
    root = Path(root).absolute()
    devkit = find_devkit(root) or root / "VOCdevkit" / "VOC2012"
    if devkit.match("VOCdevkit/VOC2012"):
        root = devkit.parents[1]
    if (devkit / "classes.txt").is_file():
        tqdm.write(f"{shown(devkit)} has classes of its own. It is used as it is.")
        return
    lists = {name: shipped_list(name) for name in ("train", "val", "trainaug")}
    for name, ids in lists.items():
        path = list_path(devkit, name)
        if path.is_file():
            found = read_ids(devkit, name)
            if set(found) < set(ids):
                tqdm.write(
                    f"{shown(devkit)} holds a part of VOC ({len(found)} of the {len(ids)} ids of "
                    f"{name}). It is used as it is; nothing is fetched."
                )
                return
            _compare(shown(path), found, ids)
    if lacking := _lacking(devkit, lists):
        tqdm.write(f"{shown(devkit)} lacks {lacking}.")
        fetch_and_unpack(SOURCES["voc"], root)
        if lacking := _lacking(devkit, lists):
            raise DataError(
                f"{SOURCES['voc'].name} is unpacked, but {shown(devkit)} still lacks {lacking}. Is "
                "it the archive of VOC 2012's train and val?"
            )
    try:
        _complete_trainaug(root, devkit, lists)
    except DownloadError as error:
        tqdm.write(
            f"{error}\nVOC alone is ready under {shown(devkit)}: the lists train and val with the "
            "masks of SegmentationClass. Without SBD there is no trainaug; the same command adds "
            "it later."
        )
        return
    counts = ", ".join(f"{len(ids)} {name}" for name, ids in lists.items())
    tqdm.write(f"{shown(devkit)} is complete ({counts}).")


def _complete_trainaug(root: Path, devkit: Path, lists: Mapping[str, tuple[str, ...]]) -> None:
    """Make the masks and the list of trainaug as far as they are missing."""
    sbd = root / "benchmark_RELEASE" / "dataset"
    masks = devkit / "SegmentationClassAug"
    own = lists["train"] + lists["val"]
    to_convert = missing_ids(masks, sorted(set(lists["trainaug"]) - set(own)), ".png")
    if to_convert:
        splits = [sbd / "train.txt", sbd / "val.txt"]
        if missing_ids(sbd / "cls", to_convert, ".mat") or not all(p.is_file() for p in splits):
            fetch_and_unpack(SOURCES["sbd"], root)
        ids = [id_ for split in splits for id_ in read_lines(split).values()]
        built = {*lists["train"], *ids} - set(lists["val"])
        _compare(f"trainaug as built from VOC and {shown(sbd)}", built, lists["trainaug"])
        make_masks(to_convert, sbd / "cls", masks, ".mat")
    make_masks(missing_ids(masks, own, ".png"), devkit / "SegmentationClass", masks, ".png")
    path = list_path(devkit, "trainaug")
    if not path.is_file():
        write_text(path, "".join(f"{id_}\n" for id_ in lists["trainaug"]))


def _lacking(devkit: Path, lists: Mapping[str, tuple[str, ...]]) -> str:
    """What VOC's own part lacks, in words; empty if nothing."""
    own = lists["train"] + lists["val"]
    photographs = missing_ids(devkit / "JPEGImages", {*own, *lists["trainaug"]}, ".jpg")
    masks = missing_ids(devkit / "SegmentationClass", own, ".png")
    names = [name for name in ("train", "val") if not list_path(devkit, name).is_file()]
    counts = {"photographs": photographs, "masks": masks, "lists": names}
    return ", ".join(f"{len(missing)} {what}" for what, missing in counts.items() if missing)


def _compare(what: str, found: Collection[str], expected: Collection[str]) -> None:
    """Check that a list names the ids that it must."""
    if set(found) != set(expected):
        raise DataError(
            f"{what} names {len(found)} ids, {len(expected)} were expected "
            f"({len(set(expected) - set(found))} missing, {len(set(found) - set(expected))} too "
            "many). If the folder holds another data set, name another one with --data; else "
            "delete what is wrong and run the same command again."
        )


def read_sbd_mask(path: str | Path) -> np.ndarray:
    """Read the class mask of a MATLAB file of SBD.

    Returns
    -------
    ndarray, shape (H, W), uint8
        Class indices; SBD has no void.

    Raises
    ------
    MaskError
        If the file is missing, damaged or not an annotation of SBD, or holds a value that is not a
        class.
    """
    try:
        with open(path, "rb") as file:
            mask = np.asarray(loadmat(file)["GTcls"]["Segmentation"][0, 0])
    except NotImplementedError:
        raise MaskError(
            f"{shown(path)} is a MATLAB file of version 7.3, which SBD's own are not. Save it "
            "again with save(..., '-v7'), or delete its benchmark_RELEASE folder and run the same "
            "command again."
        ) from None
    except (OSError, ValueError, TypeError, LookupError, MatReadError, zlib.error) as error:
        raise MaskError(
            f"{shown(path)} is not a readable annotation of SBD ({error}). Delete its "
            "benchmark_RELEASE folder and run the same command again."
        ) from None
    if mask.ndim != 2 or mask.max(initial=0) >= len(VOC):
        raise MaskError(
            f"{shown(path)} holds an array of shape {mask.shape} with values up to {mask.max()}; "
            f"expected (height, width) and classes 0 to {len(VOC) - 1}."
        )
    return mask.astype(np.uint8)


def make_masks(ids: Iterable[str], source: Path, target: Path, suffix: str) -> None:
    """Make ``target/<id>.png`` of the masks ``source/<id><suffix>``, each atomically.

    Parameters
    ----------
    ids : iterable of str
    source, target : Path
    suffix : {".mat", ".png"}
        SBD's masks are converted to palette PNGs; VOC's own are copied byte by byte, with their
        void border.

    Raises
    ------
    DataError
        If some are bad or missing; the others are made first.
    """
    failures = []
    for id_ in tqdm(ids, desc=f"masks of {source.name}", unit="mask", delay=1):
        original, path = source / f"{id_}{suffix}", target / f"{id_}.png"
        try:
            if suffix == ".mat":
                write_mask(path, read_sbd_mask(original))
            else:
                content = original.read_bytes()
                with atomic_path(path) as temporary:
                    temporary.write_bytes(content)
        except (MaskError, OSError) as error:
            failures.append(f"  {id_}: {error}")
    if failures:
        head = f"{len(failures)} masks of {shown(source)} failed, the others are made:"
        raise DataError("\n".join([head, *failures]))
