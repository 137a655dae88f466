"""The reader of a data set in VOC devkit layout.

``ROOT/VOCdevkit/VOC2012/`` holds ``JPEGImages/<id>.jpg``, masks in ``SegmentationClass/`` (or
``SegmentationClassAug/``, or any folder) as ``<id>.png``, id lists in
``ImageSets/Segmentation/<name>.txt`` and, in the real VOC, ``Annotations/<id>.xml``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from wsss_lib.datasets.classes import ClassSet
from wsss_lib.datasets.images import read_image, read_mask
from wsss_lib.datasets.labels import labels_from_mask, labels_from_xml
from wsss_lib.datasets.lists import missing_ids, read_ids
from wsss_lib.errors import DataError, MaskError, ParameterError
from wsss_lib.paths import shown


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
        The folder that holds ``VOCdevkit/``.
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
        inside = self.devkit / self.masks
        return inside if inside.is_dir() else Path(self.masks)

    def image_path(self, id_: str) -> Path:
        """Where the photograph of an id lies."""
        return self.devkit / "JPEGImages" / f"{id_}.jpg"

    def mask_path(self, id_: str) -> Path:
        """Where the mask of an id lies."""
        return self.mask_folder / f"{id_}.png"

    def image(self, id_: str) -> np.ndarray:
        """The photograph, (H, W, 3) uint8."""
        return read_image(self.image_path(id_))

    def mask(self, id_: str) -> np.ndarray:
        """The mask, (H, W) uint8 with 255 for void."""
        return read_mask(self.mask_path(id_), len(self.classes))

    def sample(self, id_: str) -> Sample:
        """Image and mask together.

        Raises
        ------
        ImageError, MaskError
            If a file is bad, or the mask has another size than its image.
        """
        image, mask = self.image(id_), self.mask(id_)
        if image.shape[:2] != mask.shape:
            raise MaskError(
                f"{shown(self.mask_path(id_))} is {mask.shape[1]} x {mask.shape[0]} pixels, its "
                f"image {image.shape[1]} x {image.shape[0]}; they must agree. Is the mask of "
                "another image or scaled?"
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
            With the number of missing files and the first of them.
        """
        count = f"of the {len(self)} ids of the list {self.list_name!r}"
        photographs = self.devkit / "JPEGImages"
        if missing := missing_ids(photographs, self.ids, ".jpg"):
            raise DataError(
                f"{len(missing)} {count} have no photograph in {shown(photographs)} (first: "
                f"{missing[0]}.jpg). Is the devkit half unpacked? {self._cure()}, or leave them "
                "out of the list."
            )
        if need_masks and (missing := missing_ids(self.mask_folder, self.ids, ".png")):
            raise MaskError(
                f"{len(missing)} {count} have no mask in {shown(self.mask_folder)} (first: "
                f"{missing[0]}.png). Leave them out of the list, or name another folder with "
                "--masks."
            )

    def _cure(self) -> str:
        if self.name == "toy":
            return f"Delete {shown(self.root)} and run 'make data'"
        return "Run 'make data DATASET=voc', which adds what is missing of a whole VOC"

    def subset(self, ids: tuple[str, ...]) -> "DevkitDataset":
        """The same data set restricted to some ids."""
        return replace(self, ids=tuple(ids))


def devkit_folder(root: str | Path) -> Path:
    """``VOCdevkit/VOC2012`` below `root`, checked.

    Raises
    ------
    DataError
        If the folder or a part of it is missing.
    """
    devkit = Path(root) / "VOCdevkit" / "VOC2012"
    parts = ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation")
    missing = [part for part in parts if not (devkit / part).is_dir()]
    if missing:
        raise DataError(
            f"No VOC under {shown(devkit)} ({', '.join(missing)} missing). "
            "Run 'make data DATASET=voc', set WSSS_DATA, or use DATASET='toy'."
        )
    return devkit


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
        The folder that holds ``VOCdevkit/``.
    classes : ClassSet
    list_name : str
        A list of the devkit, or a file with one id a line.
    images : int, optional
        Only the first so many ids.
    masks : str
        A folder of masks: one of the devkit's, or any path.
    need_masks : bool
        Whether every id must have one; image-level labels come from annotations where it has not.

    Raises
    ------
    DataError
        If the devkit, the list, the mask folder or the photograph of an id is missing.
    MaskError
        If an id has no mask.
    ParameterError
        If `images` is not positive.
    """
    devkit = devkit_folder(root)
    ids = read_ids(devkit, list_name)
    if images is not None and images < 1:
        raise ParameterError(f"images={images}; at least 1 was expected (leave it out for all).")
    dataset = DevkitDataset(name, Path(root), classes, list_name, ids[:images], masks)
    if not dataset.mask_folder.is_dir():
        raise DataError(
            f"No folder of masks {masks!r}; expected SegmentationClass, SegmentationClassAug or a "
            "path."
        )
    dataset.check_files(need_masks)
    return dataset
