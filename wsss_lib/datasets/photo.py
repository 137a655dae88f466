"""Photographs and strokes that a user brings along, whatever camera or program they come from."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from wsss_lib.datasets.classes import VOID, palette
from wsss_lib.datasets.images import open_picture
from wsss_lib.errors import MaskError
from wsss_lib.paths import shown

#: More classes than this come from a brush with soft edges.
MOST_CLASSES = 32
_WHITE = (255, 255, 255)


def read_photo(path: str | Path) -> np.ndarray:
    """Read any photograph as RGB, turned as its camera says (EXIF).

    Returns
    -------
    ndarray, shape (H, W, 3), uint8

    Raises
    ------
    ImageError
        If the file is missing, no picture, damaged, or larger than 89 million pixels.
    """
    with _upright(path) as image:
        return np.array(image.convert("RGB"))


def scale_photo(image: np.ndarray, long_side: int) -> np.ndarray:
    """Scale a photograph to a longer side of at most `long_side` pixels; smaller ones stay.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3), uint8
    long_side : int

    Returns
    -------
    ndarray, shape (h, w, 3), uint8
    """
    height, width = image.shape[:2]
    share = long_side / max(height, width)
    if share >= 1:
        return image
    size = max(1, round(width * share)), max(1, round(height * share))
    return np.array(Image.fromarray(image).resize(size, Image.Resampling.LANCZOS))


def read_strokes(path: str | Path, size: tuple[int, int]) -> np.ndarray:
    """Read strokes painted on a photograph: a label image.

    Palette and grey PNGs hold the labels themselves. In a PNG in colour each colour must be one of
    VOC's palette, exactly; what is white or not wholly opaque is not labelled. So a layer of a
    drawing program will do, if its brush has hard edges.

    Parameters
    ----------
    path : path
    size : tuple of int
        (H, W) of the photograph.

    Returns
    -------
    ndarray, shape (H, W), uint8
        255 = not labelled.

    Raises
    ------
    ImageError
        As of `read_photo`.
    MaskError
        If it has another size, holds a colour that is not a class or more than 32 classes, or was
        saved in a way that changes values.
    """
    with _upright(path) as image:
        if image.format == "JPEG":
            raise MaskError(f"{shown(path)} is a JPEG, which blurs labels. Save strokes as a PNG.")
        if image.mode not in ("P", "L", "RGB", "RGBA"):
            raise MaskError(
                f"{shown(path)} has mode {image.mode}; expected a palette (P), grey (L) or colour "
                "PNG (RGB, RGBA) of 8 bits."
            )
        coloured = image.mode.startswith("RGB")
        values = np.array(image.convert("RGBA") if coloured else image)
    if values.shape[:2] != size:
        raise MaskError(
            f"{shown(path)} is {values.shape[1]} x {values.shape[0]} pixels, the photograph "
            f"{size[1]} x {size[0]} (upright, as its camera says); they must agree. Paint on the "
            "photograph itself and do not crop or scale it."
        )
    strokes = _labels_of_colours(values, path) if coloured else values
    count = len(np.unique(strokes[strokes != VOID]))
    if count > MOST_CLASSES:
        raise MaskError(
            f"{shown(path)} holds {count} classes; at most {MOST_CLASSES} were expected. Paint "
            f"with a brush whose edges are hard, and leave {VOID} where there is no stroke."
        )
    return strokes


@contextmanager
def _upright(path: str | Path) -> Iterator[Image.Image]:
    """A picture of a bounded size, its EXIF orientation applied."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        with open_picture(path, "Check the path.") as image:
            ImageOps.exif_transpose(image, in_place=True)
            yield image


def _labels_of_colours(pixels: np.ndarray, path: str | Path) -> np.ndarray:
    """The labels whose colours the pixels (H, W, 4) have."""
    known = palette()
    codes = _codes(pixels)
    unlabelled = (pixels[..., 3] < 255) | (codes == _codes(np.array(_WHITE)))
    codes = np.where(unlabelled, _codes(known[VOID]), codes)
    order = np.argsort(_codes(known))
    place = np.searchsorted(_codes(known)[order], codes).clip(max=255)
    labels = order[place].astype(np.uint8)
    wrong = np.argwhere(_codes(known)[labels] != codes)
    if len(wrong):
        row, col = wrong[0]
        first = ", ".join(f"{_hex(colour)} is class {i}" for i, colour in enumerate(known[:4]))
        raise MaskError(
            f"{shown(path)} has the colour {_hex(pixels[row, col])} at x = {col}, y = {row}; "
            f"expected colours of VOC's palette ({first}, ...), and white or transparent where "
            "there is no stroke. Use a brush with hard edges, or save labels as a grey PNG."
        )
    return labels


def _codes(colours: np.ndarray) -> np.ndarray:
    """Colours (..., 3 or 4) as one number each, without their alpha."""
    return colours[..., :3].astype(int) @ (65536, 256, 1)


def _hex(colour: np.ndarray) -> str:
    return "#" + "".join(f"{value:02x}" for value in colour[:3])
