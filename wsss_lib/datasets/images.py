"""Reading photographs and masks; every way in which a file can be bad has an error in words."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from wsss_lib.datasets.classes import VOID, palette
from wsss_lib.errors import ImageError, MaskError
from wsss_lib.files import atomic_path
from wsss_lib.paths import shown

_NOTE = "Comment"  # a keyword of the PNG standard


@contextmanager
def open_picture(path: str | Path, missing: str) -> Iterator[Image.Image]:
    """Open a picture; whatever is wrong with its file, there or while it is used, is an error.

    Parameters
    ----------
    path : path
    missing : str
        What to do if the file is missing.

    Raises
    ------
    ImageError
        If the file is missing, no picture, truncated or absurdly large.
    """
    try:
        with Image.open(path) as image:
            yield image
    except FileNotFoundError:
        raise ImageError(f"No image {shown(path)}. {missing}") from None
    except UnidentifiedImageError:
        raise ImageError(
            f"{shown(path)} is not a picture that Pillow can read; a JPEG or PNG was expected."
        ) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageError(f"{shown(path)} is too large: {error}. Scale it down first.") from None
    except (OSError, SyntaxError) as error:
        raise ImageError(
            f"{shown(path)} is damaged ({error}). Copy it again from its source."
        ) from None


def read_image(path: str | Path) -> np.ndarray:
    """Read a photograph as RGB; grey, palette, RGBA and CMYK pictures are converted.

    Returns
    -------
    ndarray, shape (H, W, 3), uint8

    Raises
    ------
    ImageError
        As of `open_picture`.
    """
    with open_picture(path, "Check the list of ids against JPEGImages/.") as image:
        return np.array(image.convert("RGB"))


def read_mask(path: str | Path, n_classes: int) -> np.ndarray:
    """Read a mask: a palette or grey PNG whose values are class indices or 255 (void).

    Returns
    -------
    ndarray, shape (H, W), uint8

    Raises
    ------
    MaskError
        If the file is missing, damaged, in colour, or holds a value that is neither class nor void.
    """
    try:
        with Image.open(path) as image:
            if image.mode not in ("P", "L"):
                raise MaskError(
                    f"{shown(path)} has mode {image.mode}; a mask is a palette (P) or grey (L) PNG "
                    "whose values are class indices. Convert its colours to indices first."
                )
            mask = np.array(image)
    except FileNotFoundError:
        raise MaskError(
            f"No mask {shown(path)}. Leave its id out of the list, or name another folder with "
            "--masks."
        ) from None
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise MaskError(
            f"{shown(path)} is damaged ({error}). Copy it again from its source."
        ) from None
    values = np.unique(mask)
    wrong = values[(values >= n_classes) & (values != VOID)]
    if wrong.size:
        raise MaskError(
            f"{shown(path)} holds the value {wrong[0]}; expected 0 to {n_classes - 1}, or {VOID} "
            "for void. Is it the mask of another data set?"
        )
    return mask


def write_mask(path: str | Path, mask: np.ndarray, note: str = "") -> None:
    """Write a mask as a PNG with VOC's palette.

    Parameters
    ----------
    path : path
        Written atomically.
    mask : ndarray, shape (H, W), uint8
    note : str
        Kept inside the file, for `read_note`.
    """
    image = Image.fromarray(np.asarray(mask, np.uint8)).convert("P")
    image.putpalette(palette().tobytes())
    text = PngInfo()
    if note:
        text.add_text(_NOTE, note)
    with atomic_path(Path(path).with_suffix(".png")) as temporary:
        image.save(temporary, pnginfo=text)


def read_note(path: str | Path) -> str:
    """What `write_mask` noted in a PNG; empty where there is no note or no such file."""
    try:
        with Image.open(path) as image:
            return image.info.get(_NOTE, "")
    except OSError:
        return ""
