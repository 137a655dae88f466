"""A data set in the layout of a VOC devkit: id lists, photographs, masks, image-level labels."""

import hashlib
import os
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from wsss_lib.datasets.classes import VOID, ClassSet
from wsss_lib.datasets.images import read_mask, read_photo
from wsss_lib.datasets.lists import find_list, read_ids
from wsss_lib.errors import DataError, ImageError, MaskError, ParameterError
from wsss_lib.files import sha256
from wsss_lib.paths import shown

#: How the name of a photograph and of a mask may end; the usual ending first.
PHOTOGRAPH = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".bmp", ".webp")
PHOTOGRAPH += tuple(map(str.upper, PHOTOGRAPH))
MASK = (".png", ".PNG")


@dataclass(frozen=True)
class Sample:
    """One image of a data set.

    Attributes
    ----------
    id : str
    image : ndarray, shape (H, W, 3), uint8
    mask : ndarray, shape (H, W), uint8
        Class indices; 255 is void.
    """

    id: str
    image: np.ndarray
    mask: np.ndarray


@dataclass(frozen=True)
class DevkitDataset:
    """Images, masks and image-level labels of one id list of a devkit.

    Attributes
    ----------
    name : str
        ``"toy"`` or ``"voc"``.
    root : Path
        See `devkit_folder`.
    classes : ClassSet
    list_name : str
        Where the ids come from: a list's name or a file.
    ids : tuple of str
    masks : str
        A folder of the devkit (``SegmentationClass``) or any other folder with ``<id>.png``.
    """

    name: str
    root: Path
    classes: ClassSet
    list_name: str
    ids: tuple[str, ...]
    masks: str = "SegmentationClass"

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[Sample]:
        return (self.sample(id_) for id_ in self.ids)

    def __getitem__(self, index: int) -> Sample:
        return self.sample(self.ids[index])

    @cached_property
    def devkit(self) -> Path:
        """The folder with ``JPEGImages/`` and its companions."""
        return devkit_folder(self.root)

    @cached_property
    def mask_folder(self) -> Path:
        """The folder that the masks are read from."""
        inside, outside = self.devkit / self.masks, Path(self.masks)
        return outside if outside.is_dir() and not inside.is_dir() else inside

    def image_path(self, id_: str) -> Path:
        """The path of the photograph of an id, whichever of the endings of `PHOTOGRAPH` it has."""
        return _file(self.devkit / "JPEGImages", id_, PHOTOGRAPH)

    def mask_path(self, id_: str) -> Path:
        """The path of the mask of an id."""
        return _file(self.mask_folder, id_, MASK)

    def image(self, id_: str) -> np.ndarray:
        """The photograph, (H, W, 3) uint8."""
        return read_photo(self.image_path(id_))

    def mask(self, id_: str) -> np.ndarray:
        """The mask, (H, W) uint8 with 255 for void."""
        return read_mask(self.mask_path(id_), len(self.classes))

    def sample(self, id_: str) -> Sample:
        """Photograph and mask together.

        Raises
        ------
        ImageError, MaskError
            If a file is bad, or the mask has another size than its image.
        """
        image, mask = self.image(id_), self.mask(id_)
        if image.shape[:2] != mask.shape:
            hint = "Is the mask of another image or scaled?"
            if image.shape[1::-1] == mask.shape:
                hint = (
                    "If it fits the photograph before that is turned upright, as its camera says "
                    "(EXIF), turn the mask, or delete the photograph's orientation."
                )
            raise MaskError(
                f"{shown(self.mask_path(id_))} is {mask.shape[1]} x {mask.shape[0]} pixels, its "
                f"image {image.shape[1]} x {image.shape[0]}; they must agree. {hint}"
            )
        return Sample(id_, image, mask)

    @property
    def label_source(self) -> str:
        """Where image-level labels come from.

        ``"xml"`` where every id has an annotation, ``"mask"`` where none has, ``"xml and mask"``
        where only some have.
        """
        without = len(missing_ids(self.devkit / "Annotations", self.ids, ".xml"))
        if without == 0:
            return "xml"
        return "mask" if without == len(self) else "xml and mask"

    def labels(self, id_: str) -> tuple[int, ...]:
        """The image-level labels: indices of the object classes present, background left out."""
        annotation = self.devkit / "Annotations" / f"{id_}.xml"
        if annotation.is_file():
            return labels_from_xml(annotation, self.classes)
        if not self.mask_path(id_).is_file():
            raise DataError(
                f"No image-level labels of {id_}: neither {shown(annotation)} nor the mask "
                f"{shown(self.mask_path(id_))} is there. Add one of them, or leave the id out of "
                "the list."
            )
        return labels_from_mask(self.mask(id_))

    def label_matrix(self) -> np.ndarray:
        """Image-level labels of all ids as (images, object classes) float32 of zeros and ones."""
        matrix = np.zeros((len(self), len(self.classes) - 1), np.float32)
        ids = tqdm(self.ids, desc="reading labels", unit="image", delay=2, leave=False)
        for row, id_ in zip(matrix, ids, strict=True):
            row[np.array(self.labels(id_), int) - 1] = 1
        return matrix

    def check_files(self, need_masks: bool = True) -> None:
        """Check that every id has a photograph and, if needed, a mask, whatever they hold.

        Raises
        ------
        DataError, MaskError
            With the number of missing files and the first of them; or if an id has two photographs.
        """
        self._check_folder(self.devkit / "JPEGImages", "photograph", PHOTOGRAPH)
        if need_masks and not self.mask_folder.is_dir():
            raise DataError(
                f"No folder of masks {self.masks!r} in {shown(self.devkit)}; expected "
                "SegmentationClass, SegmentationClassAug or a path."
            )
        if need_masks:
            self._check_folder(self.mask_folder, "mask", MASK, MaskError)

    def _check_folder(
        self,
        folder: Path,
        what: str,
        endings: Sequence[str],
        error: type[DataError] = DataError,
    ) -> None:
        """Check that every id has one file in a folder that ends rightly."""
        there = file_endings(folder, self.ids)
        found = {id_: [ending for ending in there[id_] if ending in endings] for id_ in self.ids}
        if missing := [id_ for id_ in self.ids if not found[id_]]:
            own = (self.devkit / "classes.txt").is_file()
            first, advice = missing[0], _advice(what, missing[0], own)
            if there[first]:
                advice = (
                    f"{first}{there[first][0]} lies there, but the name of a {what} must end in "
                    f"one of {', '.join(endings)}. Save it as such a file."
                )
            raise error(
                f"{len(missing)} of the {len(self)} ids of the list {self.list_name!r} have no "
                f"{what} in {shown(folder)} (first: {first}{endings[0]}). {advice}"
            )
        if several := [id_ for id_ in self.ids if len(found[id_]) > 1]:
            names = " and ".join(sorted(several[0] + ending for ending in found[several[0]]))
            raise error(
                f"{len(several)} ids have more than one {what} in {shown(folder)} (first: "
                f"{names}). Keep one of each."
            )

    def subset(self, ids: tuple[str, ...]) -> "DevkitDataset":
        """The same data set restricted to some ids."""
        return replace(self, ids=tuple(ids))

    def with_list(
        self,
        list_name: str,
        *,
        images: int | None = None,
        masks: str = "SegmentationClass",
        need_masks: bool = True,
    ) -> "DevkitDataset":
        """Another list of the same devkit; arguments and errors as of `open_devkit`."""
        return open_devkit(self.name, self.root, self.classes, list_name, images, masks, need_masks)

    def validation(
        self, list_name: str | None = "val", *, need_masks: bool = True
    ) -> "DevkitDataset | None":
        """The list that a training is scored on, with the official masks.

        None without a name, and where a data set has no ``val`` or no masks for it, which is said.
        Errors as of `open_devkit`.
        """
        if list_name is None:
            return None
        lacking = []
        if list_name == "val" and find_list(self.devkit, list_name) is None:
            lacking.append("list val")
        if need_masks and not (self.devkit / "SegmentationClass").is_dir():
            lacking.append("SegmentationClass")
        if lacking:
            tqdm.write(
                f"{shown(self.devkit)} has no {' and no '.join(lacking)}: the training goes "
                "without a score."
            )
            return None
        return self.with_list(list_name, need_masks=need_masks)


def open_devkit(
    name: str,
    root: str | Path,
    classes: ClassSet,
    list_name: str = "train",
    images: int | None = None,
    masks: str = "SegmentationClass",
    need_masks: bool = True,
) -> DevkitDataset:
    """Open a devkit, checking before any work starts that the files of all ids are there.

    Parameters
    ----------
    name : str
        What to call the data set.
    root : path
        See `devkit_folder`.
    classes : ClassSet
    list_name : str
        A list of the devkit, or a file, see `wsss_lib.datasets.lists.read_ids`.
    images : int, optional
        Only the first so many ids.
    masks : str
        A folder of masks: one of the devkit's, or any path.
    need_masks : bool
        Whether every id must have one; an id without takes its image-level labels from XML.

    Raises
    ------
    DataError
        If the devkit, the list, the mask folder or the photograph of an id is missing.
    MaskError
        If an id has no mask, or not a single mask of the whole list shows an object.
    ParameterError
        If `images` is not positive.
    """
    devkit = devkit_folder(root)
    ids = read_ids(devkit, list_name)
    if images is not None and images < 1:
        raise ParameterError(f"images={images}; at least 1 was expected (leave it out for all).")
    dataset = DevkitDataset(name, Path(root), classes, list_name, ids[:images], masks)
    dataset.check_files(need_masks)
    _check_objects(dataset.subset(ids))
    return dataset


def _check_objects(dataset: DevkitDataset) -> None:
    """Check that a mask shows an object, if any can be read; mostly the first one does."""
    values, files = set(), file_endings(dataset.mask_folder, dataset.ids)
    there = [id_ for id_, found in files.items() if found]
    for id_ in there:  # without a bar, which would stay in a notebook at 0 %
        with suppress(MaskError):
            values.update(np.unique(dataset.mask(id_)).tolist())
        if values - {0, VOID}:
            return
    if values:
        names = {0: "background (0)", VOID: "void (255)"}
        held = " and ".join(names[value] for value in sorted(values))
        raise MaskError(
            f"The masks of the list {dataset.list_name!r} in {shown(dataset.mask_folder)} hold "
            f"nothing but {held}, no object. Values are class indices: if objects "
            "are 255 in them, write 1 instead; or name another folder with --masks or --labels."
        )


def find_devkit(root: str | Path) -> Path | None:
    """The folder with ``JPEGImages/``, or None.

    Parameters
    ----------
    root : path
        The folder that holds ``VOCdevkit/VOC2012/``; ``VOCdevkit`` or ``VOC2012`` itself will do.
    """
    root = Path(root)
    for folder in (root / "VOCdevkit" / "VOC2012", root / "VOC2012", root):
        if (folder / "JPEGImages").is_dir():
            return folder
    return None


def devkit_folder(root: str | Path) -> Path:
    """The folder with ``JPEGImages/``, as `find_devkit` finds it.

    Raises
    ------
    DataError
        If there is none.
    """
    if devkit := find_devkit(root):
        return devkit
    root, devkit = Path(root), Path("VOCdevkit") / "VOC2012"
    below = [shown(path.parents[2]) for path in sorted(root.glob(f"*/{devkit}/JPEGImages"))]
    raise DataError(
        f"No VOC under {shown(root / devkit)} (JPEGImages missing)."
        + (f" There is one in {' and in '.join(below)}: name that folder." if below else "")
        + " Set --data or WSSS_DATA to the folder that holds VOCdevkit, run 'make data "
        "DATASET=voc', or use DATASET='toy'."
    )


def _advice(what: str, id_: str, own: bool) -> str:
    """What to do where an id has no photograph or no mask; `own` data cannot be downloaded."""
    if what == "mask":
        return "Leave them out of the list, or name another folder with --masks or --labels."
    if re.fullmatch(r"\d{4}_\d{6}", id_) and not own:
        return "Is VOC half unpacked? Run 'make data DATASET=voc', which adds what is missing."
    if re.fullmatch(r"toy_\d{6}", id_):
        return "Delete the toy set and run 'make data'."
    return "Ids are names of photographs without their ending; leave out what is not there."


def _file(folder: Path, id_: str, endings: Sequence[str]) -> Path:
    """The file of an id, found without a look at the whole folder; if there is none, the usual."""
    stem = folder / id_
    paths = [f"{stem}{ending}" for ending in endings]
    return Path(next(filter(os.path.isfile, paths), paths[0]))


def file_endings(folder: Path, ids: Iterable[str]) -> dict[str, list[str]]:
    """How the files of each id end in a folder, which may be missing itself."""
    endings = {id_: [] for id_ in ids}
    for place in {os.path.dirname(id_) for id_ in endings}:  # of ids in sub-folders
        for name in os.listdir(folder / place) if (folder / place).is_dir() else ():
            stem, ending = os.path.splitext(name)
            if (id_ := f"{place}/{stem}" if place else stem) in endings:
                endings[id_].append(ending)
    return endings


def missing_ids(folder: Path, ids: Iterable[str], suffix: str) -> list[str]:
    """The ids without a file ``<id><suffix>`` in a folder, which may be missing itself."""
    return [id_ for id_, found in file_endings(folder, ids).items() if suffix not in found]


def labels_from_mask(mask: np.ndarray) -> tuple[int, ...]:
    """The object classes that have a pixel in `mask` ((H, W) uint8), in index order."""
    values = np.unique(mask)
    return tuple(int(value) for value in values[(values != 0) & (values != VOID)])


def labels_from_xml(path: str | Path, classes: ClassSet) -> tuple[int, ...]:
    """The object classes that a VOC annotation names, in index order.

    They can name a class whose pixels are absent from the mask.

    Raises
    ------
    DataError
        If the file is no VOC annotation or names an unknown class.
    """
    try:
        names = {
            (element.text or "").strip()
            for element in ElementTree.parse(path).iterfind("object/name")
        }
    except (ElementTree.ParseError, ValueError, LookupError) as error:  # or of no known encoding
        raise DataError(f"{shown(path)} is not a readable XML annotation ({error}).") from None
    if unknown := sorted(name for name in names if name not in classes.names[1:]):
        raise DataError(
            f"{shown(path)} names the class {unknown[0]!r}; the classes are "
            f"{', '.join(classes.names[1:])}. Is it the annotation of another data set?"
        )
    return tuple(sorted(classes.index(name) for name in names))


def fingerprint(dataset: DevkitDataset) -> str:
    """A checksum of the ids in their order and of the bytes of their photographs and masks."""
    digest = hashlib.sha256()
    for id_ in tqdm(dataset.ids, desc="reading masks", unit="image", delay=2, leave=False):
        files = dataset.image_path(id_), dataset.mask_path(id_)
        digest.update(" ".join([id_, *map(sha256, files)]).encode() + b"\n")
    return digest.hexdigest()


def check_readable(*datasets: DevkitDataset, masks: bool = False) -> None:
    """Read every image once, with its mask if asked for.

    Raises
    ------
    ImageError
        Naming all photographs that are bad.
    DataError
        The same, where masks are read, too.
    """
    what = "images with their masks" if masks else "images"
    images = [(dataset, id_) for dataset in datasets for id_ in dataset.ids]
    problems = {}
    for dataset, id_ in tqdm(images, desc=f"checking {what}", unit="image"):
        try:
            dataset.sample(id_) if masks else dataset.image(id_)
        except DataError as error:
            problems[id_] = str(error)
    if problems:
        raise (DataError if masks else ImageError)(
            f"{len(problems)} of {len(images)} {what} cannot be read: {', '.join(problems)}. "
            f"The first: {next(iter(problems.values()))}"
        )
