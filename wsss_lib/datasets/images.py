"""Reading photographs and masks; each way in which a file can be bad has its error."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo
from PIL.TiffImagePlugin import BITSPERSAMPLE, PHOTOMETRIC_INTERPRETATION, PLANAR_CONFIGURATION

from wsss_lib.datasets.classes import VOID, palette
from wsss_lib.errors import DataError, ImageError, MaskError
from wsss_lib.files import atomic_path, with_ending
from wsss_lib.paths import shown

#: The largest values of floats, and of 8, 12 and 16 bits, of which photographs are scaled to 8.
_RANGES = (1, 255, 4095, 65535)
WHITE = 0xFFFFFF
_LOSSLESS = ("PNG", "TIFF", "BMP", "GIF")
_NOTE = "Comment"  # a keyword of the PNG standard
#: Kinds of PNG that a mask is written as, and their modes: with VOC's palette, or plain indices for
#: programs that would turn a palette into colours.
MASK_MODES = {"palette": "P", "index": "L"}


def read_mask(path: str | Path, n_classes: int) -> np.ndarray:
    """Read a mask: a palette or grey PNG whose values are class indices or 255 (void).

    Returns
    -------
    ndarray, shape (H, W), uint8

    Raises
    ------
    MaskError
        If the file is missing, damaged, in colour, or saved in a way that changes values; if it
        holds a value that is neither class nor void; or if the colours of its palette say other
        classes than its indices.
    """
    missing = (
        f"No mask {shown(path)}. Leave its id out of the list, or name another folder with --masks "
        "or --labels."
    )
    with open_picture(path, missing, MaskError) as (image, layout):
        check_lossless(image, path, "masks")
        scaled = "L;" in layout  # grey values of 2 or 4 bits
        if scaled or image.mode not in ("P", "L", "I;16", "I;16B", "I"):
            raise MaskError(
                f"{shown(path)} has mode {image.mode}{', scaled from fewer bits' * scaled}; a mask "
                "is a palette (P) or grey (L) PNG of 8 bits whose values are class indices. "
                "Convert its colours to indices first."
            )
        mask = np.array(image)
        eight = mask.dtype == np.uint8  # much faster than to sort
        values = np.flatnonzero(image.histogram()) if eight else np.unique(mask)
        wrong = values[((values < 0) | (values >= n_classes)) & (values != VOID)].tolist()
        if wrong:
            raise MaskError(
                f"{shown(path)} holds the value{'s' * (len(wrong) > 1)} "
                f"{', '.join(map(str, wrong[:5]))}{', ...' * (len(wrong) > 5)}; expected 0 to "
                f"{n_classes - 1}, or {VOID} for void. Is it the mask of another data set?"
            )
        if image.mode == "P":
            _check_palette(image.getpalette(), values.tolist(), n_classes, path)
    return mask.astype(np.uint8)


def write_mask(path: str | Path, mask: np.ndarray, note: str = "", png: str = "palette") -> None:
    """Write a mask as a PNG.

    Parameters
    ----------
    path : path
        Written atomically; ``.png`` is added to another ending.
    mask : ndarray, shape (H, W), uint8
    note : str
        Kept inside the file, for `read_note`.
    png : {"palette", "index"}
        The kind, see `MASK_MODES`.
    """
    image = Image.fromarray(np.asarray(mask, np.uint8)).convert(MASK_MODES[png])
    if png == "palette":
        image.putpalette(palette().tobytes())
    text = PngInfo()
    if note:
        text.add_text(_NOTE, note)
    with atomic_path(with_ending(Path(path), ".png")) as temporary:
        image.save(temporary, pnginfo=text)


def read_note(path: str | Path) -> str:
    """What `write_mask` noted in a PNG; empty where there is no note or no such whole file."""
    try:
        with Image.open(path) as image:
            image.verify()  # the note stands before the pixels, which may have been cut off
            return image.info.get(_NOTE, "")
    except (OSError, SyntaxError):
        return ""


def convert_mask(path: str | Path, png: str) -> None:
    """Write a mask with a note again if its PNG is of the other kind; see `write_mask`."""
    if not (note := read_note(path)):
        return
    with Image.open(path) as image:
        other = image.mode in {*MASK_MODES.values()} - {MASK_MODES[png]}
        mask = np.array(image) if other else None
    if mask is not None:
        write_mask(path, mask, note, png)


def read_photo(path: str | Path) -> np.ndarray:
    """Read any photograph as RGB, turned as its camera says (EXIF).

    Grey, palette, RGBA and CMYK pictures are converted. More than 8 bits are scaled to 8: integers
    from the least of 8, 12 and 16 bits that holds the largest value; floats from 0 to 1 or,
    where they are larger, as integers.

    Returns
    -------
    ndarray, shape (H, W, 3), uint8

    Raises
    ------
    ImageError
        If the file is missing, not a picture, damaged, larger than 89 million pixels, or holds
        values of which the range cannot be told.
    """
    with open_picture(path, f"No image {shown(path)}. Check the path.") as (image, layout):
        tags = getattr(image, "tag_v2", {})  # of a TIFF
        inverted = tags.get(PHOTOMETRIC_INTERPRETATION) == 0
        odd = inverted or tags.get(PLANAR_CONFIGURATION) == 2
        if odd and max(tags.get(BITSPERSAMPLE, (8,))) > 8:
            raise ImageError(
                f"{shown(path)} has more than 8 bits and {'white as 0' if inverted else 'planes'}, "
                "which Pillow does not read right. Save it as a PNG of 8 bits."
            )
        if image.mode[0] in "IF":
            return np.stack([_eight_bits(np.asarray(image), path)] * 3, axis=2)
        rgb = np.array(image.convert("RGB"))
    if ";16" in layout and rgb.max() < 16:  # Pillow keeps the upper 8 bits of several channels
        raise ImageError(
            f"{shown(path)} has 16 bits for each channel, of which at most the lower 12 are used; "
            "its colours cannot be read. Save it with 8 bits, or scaled to all 16."
        )
    return rgb


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


@contextmanager
def open_picture(
    path: str | Path, missing: str, error: type[DataError] = ImageError
) -> Iterator[tuple[Image.Image, str]]:
    """Open a picture, turned upright (EXIF), and tell Pillow's name of how its values are laid out.

    Whatever is wrong with its file, there or while it is used, is an `error`; `missing` is what it
    says if there is no such file.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                layout = str(image.tile[:1])
                image.load()
                # Pillow writes the EXIF anew after the turn, and stumbles over what is odd in it
                with suppress(Exception):
                    ImageOps.exif_transpose(image, in_place=True)
                yield image, layout
    except FileNotFoundError:
        raise error(missing) from None
    except UnidentifiedImageError:
        raise error(
            f"{shown(path)} is not a picture that Pillow can read; a JPEG or PNG was expected."
        ) from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as reason:
        raise error(f"{shown(path)} is too large: {reason}. Scale it down first.") from None
    except (OSError, SyntaxError, ValueError) as reason:
        raise error(
            f"{shown(path)} is damaged ({reason}). Copy it again from its source, or save it again "
            "in a program that opens it."
        ) from None


def _eight_bits(grey: np.ndarray, path: str | Path) -> np.ndarray:
    """Grey values (H, W) of more than 8 bits, scaled to uint8."""
    floats, low, high = grey.dtype.kind == "f", grey.min(), grey.max()
    top = next((top for top in _RANGES[not floats :] if high <= top), None)
    # floats a little above 1 are neither from 0 to 1 nor from 0 to 255
    if top is None or not low >= 0 or (floats and 1 < high < 16):
        raise ImageError(
            f"{shown(path)} holds {'floats' if floats else 'integers'} from {low:g} to {high:g}; "
            f"expected {'0 to 1 or ' * floats}0 to 255, 4095 (12 bits) or 65535 (16 bits). Save it "
            "as a PNG of 8 bits."
        )
    return np.uint8(np.round(grey * (255 / top)))


def check_lossless(image: Image.Image, path: str | Path, what: str) -> None:
    """Check that a file keeps labels as they are, whatever its name."""
    if image.format not in _LOSSLESS or image.info.get("compression") == "jpeg":
        raise MaskError(
            f"{shown(path)} is a {image.format}, which blurs labels. Save {what} as a PNG."
        )


def _check_palette(colours: list[int], values: list[int], n_classes: int, path: str | Path) -> None:
    """Check that the `values` of a mask are not painted in the colours of other classes.

    These are VOC's colours, in another order in `colours` and perhaps beside white, or grey values
    that a program numbered anew. Any other palette says nothing about classes.
    """
    labels = [*range(n_classes), VOID]
    codes = dict(enumerate(colour_codes(np.reshape(colours, (-1, 3))).tolist()))
    voc, greys = colour_codes(palette()[labels]), np.array(labels) * 0x010101
    for known, silent in ((voc, WHITE), (greys, None)):
        label_of = dict(zip(known.tolist(), labels, strict=True))
        painted = {value: codes.get(value, -1) for value in values}
        said = {value: label_of.get(code) for value, code in painted.items() if code != silent}
        found = {*said.values()}
        if None in found or len(found) < len(said) or found <= {0, VOID}:
            continue
        for value, label in said.items():
            if value != label:
                raise MaskError(
                    f"{shown(path)} has classes and colours that are at odds: {value} is painted "
                    f"as #{codes[value]:06x}, the colour of class {label}. If its values are "
                    "right, save them as a grey (L) PNG; if its colours are, save the classes that "
                    "these belong to."
                )


def colour_codes(colours: np.ndarray) -> np.ndarray:
    """Colours (..., 3 or 4) as one number each, without their alpha."""
    return colours[..., :3].astype(int) @ (65536, 256, 1)
