"""Image-level labels: which object classes an image shows."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np

from wsss_lib.datasets.classes import VOID, ClassSet
from wsss_lib.errors import DataError
from wsss_lib.paths import shown


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
        names = {element.text for element in ElementTree.parse(path).iterfind("object/name")}
    except ElementTree.ParseError as error:
        raise DataError(f"{shown(path)} is no readable XML annotation ({error}).") from None
    if unknown := sorted(f"{name}" for name in names if name not in classes.names[1:]):
        raise DataError(
            f"{shown(path)} names the class {unknown[0]!r}; the classes are "
            f"{', '.join(classes.names[1:])}. Is it the annotation of another data set?"
        )
    return tuple(sorted(classes.index(name) for name in names))
