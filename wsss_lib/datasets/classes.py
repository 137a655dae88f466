"""Class names, the VOC palette and the void label."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from wsss_lib.datasets.lists import read_lines
from wsss_lib.errors import DataError, ParameterError
from wsss_lib.paths import shown

#: Label of pixels that belong to no class: the border round objects, and what nobody labelled.
VOID = 255

#: A line that begins with the number of its class, and what people call the background.
_NUMBERED = re.compile(r"(\d+)[\s:.,;]\s*(\S.*)")
_BACKGROUND = re.compile("_*(background|bkg|bg)_*", re.IGNORECASE)


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


def read_classes(path: Path) -> ClassSet:
    """The classes of somebody's own data set: a text file, one name per line, background first.

    The lines may be numbered from 0, as in ``0 background``.

    Raises
    ------
    DataError
        If the file is not text, holds fewer than two names, more than 255, or one twice, or does
        not begin with the background.
    """
    lines = list(read_lines(path).values())
    numbered = [_NUMBERED.fullmatch(line) for line in lines]
    if all(numbered) and [int(found[1]) for found in numbered] == list(range(len(lines))):
        lines = [found[2] for found in numbered]
    if not 2 <= len(lines) <= VOID or len(set(lines)) < len(lines):
        twice = next((f", {name!r} twice" for name in lines if lines.count(name) > 1), "")
        raise DataError(
            f"{shown(path)} names {len(lines)} classes{twice}; expected 2 to {VOID} different "
            "names, one per line, the background first."
        )
    if [place for place, name in enumerate(lines) if _BACKGROUND.fullmatch(name)] != [0]:
        raise DataError(
            f"{shown(path)} begins with {lines[0]!r}; 'background' was expected there, and nowhere "
            "else: in masks 0 is the background, 1 the class of the second line, and so on. "
            "Numbers before the names must count from 0."
        )
    names = ("background", *lines[1:])
    return ClassSet(names, names)


# a line for each class: its name and its short name
_LINES = read_lines(Path(__file__).with_name("voc12_lists") / "classes.txt")
#: The classes of PASCAL VOC.
VOC = ClassSet(*zip(*map(str.split, _LINES.values()), strict=True))


@cache
def palette() -> np.ndarray:
    """VOC's colour map: the bits of a label, spread over red, green and blue from the top bit down.

    Returns
    -------
    ndarray, shape (256, 3), uint8
        Row `i` is the colour of label `i`; row 255 (void) is a light beige. Read-only.
    """
    labels = np.arange(256)
    colours = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        for channel in range(3):
            colours[:, channel] |= (((labels >> channel) & 1) << (7 - bit)).astype(np.uint8)
        labels = labels >> 3
    colours.setflags(write=False)  # one for all
    return colours
