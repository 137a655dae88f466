"""Reading strokes that were painted on a photograph in some drawing program: a label image."""

from itertools import combinations
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import maximum_filter
from tqdm.auto import tqdm

from wsss_lib.datasets.classes import VOID, palette
from wsss_lib.datasets.images import WHITE, check_lossless, colour_codes, open_picture
from wsss_lib.errors import MaskError
from wsss_lib.paths import shown

#: More classes than this are not strokes but a brush with soft edges, or a photograph.
MOST_CLASSES = 32
#: A class on more of an image than this is most often what was meant to be unlabelled.
_NEARLY_ALL = 0.9
#: Grey values from here on are what a JPEG leaves of white, if they lie beside lighter ones.
_LEFT_OF_WHITE = 246
_OPAQUE = np.array([0, 0, 0, 255], np.uint8)
_ALONE = (
    "Save the strokes alone, painted with hard edges on an empty layer of the photograph's size"
)


def read_strokes(path: str | Path, size: tuple[int, int]) -> np.ndarray:
    """Read strokes painted on a photograph: a label image.

    A grey picture holds the labels themselves, and so does an indexed one whose palette is a grey
    ramp, or holds other colours than VOC's and shows 255 somewhere. In any other, indexed or not,
    each colour must be one of VOC's palette, exactly. What is 255, white or not wholly opaque is
    not labelled. So a layer of a drawing program will do, if its brush has hard edges.

    Parameters
    ----------
    path : path
    size : tuple of int
        (H, W) of the photograph.

    Returns
    -------
    ndarray, shape (H, W), uint8
        255 = not labelled. It is said where one class covers nearly the whole image.

    Raises
    ------
    ImageError
        As of `wsss_lib.datasets.images.read_photo`.
    MaskError
        If it has another size, holds a colour that is not a class, more than 32 classes, some that
        are only the soft edge of others or are nowhere opaque, or was saved in a way that changes
        values.
    """
    with open_picture(path, f"No image {shown(path)}. Check the path.") as (image, layout):
        check_lossless(image, path, "the strokes alone")
        if image.mode not in ("P", "L", "RGB", "RGBA") or "L;" in layout:  # scaled from 2 or 4 bits
            raise MaskError(
                f"{shown(path)} has mode {image.mode}; expected a palette (P), grey (L) or colour "
                "PNG (RGB, RGBA) of 8 bits."
            )
        if image.size != size[::-1]:
            raise MaskError(
                f"{shown(path)} is {image.width} x {image.height} pixels, the photograph "
                f"{size[1]} x {size[0]} (upright, as its camera says); they must agree. Paint on "
                "an empty layer over the photograph and do not crop or scale it."
            )
        colours = palette()
        if _holds_labels(image):
            alpha, strokes = image.convert("RGBA").getchannel("A"), np.array(image)
            strokes[np.array(alpha) < 255] = VOID
            colours = np.arange(256, dtype=np.uint8)[:, None].repeat(3, 1)
        else:
            strokes = _labels_of_picture(np.array(image.convert("RGBA")), path)
    counts = np.bincount(strokes.ravel(), minlength=256)[:VOID]
    if (count := np.count_nonzero(counts)) > MOST_CLASSES:
        raise MaskError(
            f"{shown(path)} holds {count} classes; at most {MOST_CLASSES} were expected. Is it the "
            f"photograph, or a brush with soft edges? {_ALONE}; {VOID} is unlabelled."
        )
    _check_edges(strokes, colours, path)
    if counts.max() > _NEARLY_ALL * strokes.size:
        tqdm.write(
            f"{shown(path)}: class {counts.argmax()} covers {100 * counts.max() / strokes.size:.0f}"
            f" % of the image. Not labelled is what has {VOID} (grey or indices), or is white or "
            "transparent (colours); 0, or black, is a class: the background."
        )
    return strokes


def _holds_labels(image: Image.Image) -> bool:
    """Whether the pixels of a picture are labels, rather than colours that stand for them."""
    if image.mode != "P":
        return image.mode == "L"
    image.apply_transparency()
    colours, used = np.reshape(image.getpalette("RGBA"), (-1, 4)), np.flatnonzero(image.histogram())
    if used[-1] >= len(colours):  # a value without a colour
        return True
    colours = colours[used]
    if (colours == np.stack([used, used, used, np.full_like(used, 255)], 1)).all():
        return True
    foreign = (_labels_of_colours(colours) < 0).any()
    opaque = (colours[:, 3] == 255).all()
    return foreign and opaque and used[-1] == VOID and len(used) <= MOST_CLASSES + 1


def _labels_of_picture(pixels: np.ndarray, path: str | Path) -> np.ndarray:
    """The labels whose colours the pixels (H, W, 4) have."""
    labels = _labels_of_colours(pixels)
    foreign = labels < 0
    if foreign.mean() > 0.5 and len(np.unique(colour_codes(pixels[foreign]))) > MOST_CLASSES:
        raise MaskError(
            f"{shown(path)} has {100 * foreign.mean():.0f} % of its pixels in colours that are no "
            f"class: it is a photograph, or strokes painted on one. {_ALONE}, as a PNG."
        )
    if foreign.any():
        row, col = np.argwhere(foreign)[0]
        colour = "#{:02x}{:02x}{:02x}".format(*pixels[row, col])
        codes = colour_codes(palette()[:4])
        first = ", ".join(f"#{code:06x} is class {label}" for label, code in enumerate(codes))
        raise MaskError(
            f"{shown(path)} has the colour {colour} at x = {col}, y = {row}; expected colours of "
            f"VOC's palette ({first}, ...), and white or transparent where there is no stroke. Use "
            "a brush with hard edges (no anti-aliasing), or save labels as a grey PNG."
        )
    alpha = pixels[..., 3]
    rows, cols = np.nonzero((alpha > 63) & (alpha < 255))  # colours of less may be rounded away
    faint = _labels_of_colours(pixels[rows, cols] | _OPAQUE)
    lost = np.flatnonzero((faint >= 0) & (np.bincount(labels.ravel(), minlength=256) == 0)[faint])
    if len(lost):
        first = lost[0]
        raise MaskError(
            f"{shown(path)} has class {faint[first]}, at x = {cols[first]}, y = {rows[first]}, "
            "nowhere but in pixels that are partly transparent, which are not labelled. Paint with "
            "brush and layer at an opacity of 100 %, and with hard edges."
        )
    return labels.astype(np.uint8)


def _labels_of_colours(colours: np.ndarray) -> np.ndarray:
    """The labels of colours (..., 4): 255 = not labelled, -1 = neither this nor a class."""
    label_of = np.full(1 << 24, -1, np.int16)
    label_of[colour_codes(palette())] = np.arange(256)
    label_of[WHITE] = VOID
    return np.where(colours[..., 3] < 255, VOID, label_of[colour_codes(colours)])


def _check_edges(strokes: np.ndarray, colours: np.ndarray, path: str | Path) -> None:
    """Refuse classes that are nowhere but on the edge between two others, and a mixture of them.

    Anti-aliasing makes them: grey 85 is a third of white and two of class 0, #400000 (class 8) is
    half of class 1 and half of class 0. A stroke of one's own, however thin, has one side only.
    Nor can specks of 246 to 254 beside 255 be classes: a JPEG leaves them, whatever it became.
    """
    colours = colours.astype(float)
    colours[VOID] = 255
    labels, soft = np.flatnonzero(np.bincount(strokes.ravel())), []
    touched = {label: maximum_filter(strokes == label, 3).ravel() for label in labels}
    for label in labels[labels != VOID]:
        here = np.flatnonzero(strokes == label)
        near = {each: touched[each][here] for each in labels}
        lighter = [near[each] & (each > label >= _LEFT_OF_WHITE) for each in labels]
        edge = np.any(lighter, axis=0)
        others = [(near[each], colours[each] - colours[label]) for each in labels]
        for (one, to_one), (other, to_other) in combinations(others, 2):
            long, short = np.linalg.norm(to_one), np.linalg.norm(to_other)
            # times the distance from the line between the two; colours are rounded
            off_line = np.abs(to_one * short + to_other * long).max()
            if to_one @ to_other < 0 and off_line <= long + short:
                edge |= one & other
        if edge.mean() > _NEARLY_ALL:
            soft.append((label, *divmod(here[0], strokes.shape[1])))
    if soft:
        label, row, col = soft[0]
        raise MaskError(
            f"{shown(path)} has soft edges: {len(soft)} of its classes, the first {label} at "
            f"x = {col}, y = {row}, are only mixtures between two others, which nobody painted. "
            f"{_ALONE} (a pencil, no anti-aliasing), as a PNG."
        )
