"""Class names, the VOC palette and the void label."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wsss_lib.errors import DataError, ParameterError
from wsss_lib.paths import shown

#: Label of pixels that belong to no class: the border round objects, and what nobody labelled.
VOID = 255


@dataclass(frozen=True)
class ClassSet:
    """The classes of a data set, in index order; index 0 is the background.

    Attributes
    ----------
    names : tuple of str
        Full names, ``names[0] == "background"``.
    short : tuple of str
        Names as table columns.
    """

    names: tuple[str, ...]
    short: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.names)

    def index(self, name: str) -> int:
        """The index of a class given by its full or short name.

        Raises
        ------
        ParameterError
            If no class has that name.
        """
        for names in (self.names, self.short):
            if name in names:
                return names.index(name)
        raise ParameterError(f"No class {name!r}; the classes are {', '.join(self.names)}.")

    def places(self, names: Sequence[str] | None = None) -> list[int]:
        """The indices of some classes, rising; of all when left out. Errors as of `index`."""
        return sorted(map(self.index, self.names if names is None else names))


# fmt: off
VOC = ClassSet(
    names=(
        "background", "aeroplane", "bicycle", "bird", "boat", "bottle", "bus", "car", "cat",
        "chair", "cow", "diningtable", "dog", "horse", "motorbike", "person", "pottedplant",
        "sheep", "sofa", "train", "tvmonitor",
    ),
    short=(
        "bkg", "aero", "bike", "bird", "boat", "bottle", "bus", "car", "cat",
        "chair", "cow", "table", "dog", "horse", "motor", "person", "plant",
        "sheep", "sofa", "train", "tv",
    ),
)
# fmt: on


def read_lines(path: Path) -> list[str]:
    """The lines of a text file that are not blank, without the space round them.

    Raises
    ------
    DataError
        If the file is not text.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:
        raise DataError(f"{shown(path)} is not text; one name per line was expected.") from None
    return [line.strip() for line in lines if line.strip()]


def read_classes(path: Path) -> ClassSet:
    """The classes of somebody's own data set: a text file, one name per line, background first.

    Raises
    ------
    DataError
        If the file is not text, or holds fewer than two names, more than 255, or one twice.
    """
    names = tuple(read_lines(path))
    if not 2 <= len(names) <= VOID or len(set(names)) < len(names):
        raise DataError(
            f"{shown(path)} names {len(names)} classes, {len(set(names))} different ones; expected "
            f"2 to {VOID} different names, one per line, the background first."
        )
    return ClassSet(names, names)


def palette() -> np.ndarray:
    """VOC's colour map: the bits of a label, spread over red, green and blue from the top bit down.

    Returns
    -------
    ndarray, shape (256, 3), uint8
        Row `i` is the colour of label `i`; row 255 (void) is a light beige.
    """
    labels = np.arange(256)
    colours = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        for channel in range(3):
            colours[:, channel] |= (((labels >> channel) & 1) << (7 - bit)).astype(np.uint8)
        labels = labels >> 3
    return colours
