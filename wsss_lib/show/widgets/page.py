"""One explored image as small pictures that a page can scale: arrays, and no plot behind them."""

import base64
from collections.abc import Mapping
from html import escape
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from wsss_lib.datasets import Sample
from wsss_lib.datasets.classes import VOID, ClassSet, palette
from wsss_lib.evaluate.exploration import Exploration, class_scores
from wsss_lib.expand.sampling import PixelSamples
from wsss_lib.show.masks import colour_mask, error_map, faded

#: Pixels that a picture is at least wide, so that small images are not blurred by the page.
WIDTH = 480
#: Side of a sample's dot in such a picture, at most: fewer samples are drawn larger.
_DOTS = ((100, 9), (1000, 5))


def enlarge(picture: np.ndarray) -> np.ndarray:
    """Repeat the pixels of a small picture until it is about `WIDTH` wide: (H, W, 3) uint8."""
    times = max(1, WIDTH // picture.shape[1])
    return picture.repeat(times, 0).repeat(times, 1)


def sample_picture(image: np.ndarray, samples: PixelSamples) -> np.ndarray:
    """Samples as dots in the colour of their class over a faded photograph (Figure 6).

    Parameters
    ----------
    image : ndarray, shape (H, W, 3), uint8
    samples : PixelSamples

    Returns
    -------
    ndarray, shape (f H, f W, 3), uint8
        Enlarged by the whole number f, see `enlarge`.
    """
    picture = enlarge(faded(image))
    times = picture.shape[0] // image.shape[0]
    side = next((side for most, side in _DOTS if samples.requested <= most), 3)
    rows, cols = (times * place + times // 2 for place in (samples.rows, samples.cols))
    colours = palette()[samples.labels]
    for down, across in np.ndindex(side, side):
        at = (
            (rows + down - side // 2).clip(0, picture.shape[0] - 1),
            (cols + across - side // 2).clip(0, picture.shape[1] - 1),
        )
        picture[at] = colours
    return picture


def png_uri(picture: np.ndarray) -> str:
    """A picture, (H, W, 3) uint8, as the address of a PNG that is its own content."""
    buffer = BytesIO()
    Image.fromarray(picture).save(buffer, "png", compress_level=1)  # quick rather than small
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def css(label: int) -> str:
    """The colour of a label in VOC's palette as CSS knows it."""
    return "#" + bytes(palette()[label]).hex()


#: What the pieces look like.
STYLE = f"<style>{Path(__file__).with_name('page.css').read_text(encoding='utf-8')}</style>"
#: Behind a number in a table, as long as the number is high.
_BAR = "rgba(66, 133, 196, .28)"


def piece(content: str, kind: str = "") -> str:
    """A piece of the page, in the look of `STYLE`."""
    return f'<div class="wsss {kind}">{content}</div>'


def image_html(sample: Sample) -> str:
    """The photograph and its ground truth, side by side and small."""
    pictures = {"photograph": sample.image, "ground truth": colour_mask(sample.mask)}
    return piece(_figures({k: (enlarge(v), k) for k, v in pictures.items()}), "pair")


def settings_text(result: Exploration) -> str:
    """Layer, n, where the samples come from and the classifier, in a line of plain text."""
    parts = [f"n = {result.pixels.requested} per class from {result.source}"]
    kernel, C, gamma = result.classifier().values()
    parts.append(f"{kernel}, C = {C:.3g}" if gamma else kernel)
    if gamma and kernel != "linear":
        parts.append(f"gamma = {gamma}")
    return " · ".join([result.layer, *parts])


def result_html(result: Exploration, tag: str) -> str:
    """Samples, mask and wrong pixels of one result, with its settings above and its costs below.

    Parameters
    ----------
    result : Exploration
    tag : str
        What it is called beside others, such as ``A``.
    """
    truth, mask = result.sample.mask, result.mask
    drawn, row = len(result.pixels), result.row()
    pictures = {
        "samples": (
            sample_picture(result.sample.image, result.pixels),
            f"{drawn} samples, {result.labels_right():.0f} % of the labels right",
        ),
        "mask": (enlarge(colour_mask(mask)), "predicted mask"),
        "wrong pixels": (
            enlarge(error_map(truth, mask)),
            "black: wrong" + (", beige: void" if VOID in truth else ""),
        ),
    }
    costs = f"fit {row['fit seconds']:.2f} s · predict {row['predict seconds']:.2f} s"
    if row["support vectors"]:  # only an SVM has them
        costs = f"{row['support vectors']} support vectors · {costs}"
    return piece(
        f'<p class="head"><b class="tag {escape(tag)}">{escape(tag)}</b>'
        f"{escape(settings_text(result))} <span class='quiet'>· {costs}</span></p>"
        f'<div class="row">{_figures(pictures, result.layer)}</div>'
    )


def scores_html(results: Mapping[str, Exploration], classes: ClassSet) -> str:
    """IoU by class of one result or of several, on all and on held-out pixels; also the legend.

    Parameters
    ----------
    results : mapping of str to Exploration
        By tag. Where there are two of one image, the last column is the second minus the first.
    classes : ClassSet
    """
    tables = {tag: class_scores(result, classes) for tag, result in results.items()}
    found = {name for table in tables.values() for name in table.index}
    names = [name for name in (*classes.names, "mean") if name in found]
    table = pd.concat({tag: each.reindex(names) for tag, each in tables.items()}, axis=1)
    table.index.name = None
    table.columns = [f"{tag}: {name}" if len(results) > 1 else name for tag, name in table]
    table.columns.name = "IoU (%)"
    bars = list(table)
    form = dict.fromkeys(bars, "{:.1f}")
    if len(results) == 2 and len({each.sample.id for each in results.values()}) == 1:
        first, second = results
        gain = table[f"{second}: all pixels"] - table[f"{first}: all pixels"]
        table[f"{second} minus {first}, all pixels"] = gain
        form[table.columns[-1]] = "{:+.1f}"
    look = table.style.format(form, na_rep="&ndash;").format_index(
        lambda name: _swatch(name, classes) + escape(name)
    )
    look.bar(subset=bars, vmin=0, vmax=100, color=_BAR)
    return piece(look.to_html(), "scores")


def history_html(table: pd.DataFrame) -> str:
    """What was tried, the newest first, without the scores of single classes."""
    single = [name for name in table if name.startswith("IoU, ")]
    shown = table.drop(columns=[n for n in single if n not in ("IoU, all pixels", "IoU, held out")])
    shown = shown.set_axis(range(1, len(shown) + 1)).iloc[::-1]
    form = "{:.3g}".format
    html = shown.to_html(border=0, na_rep="", float_format=form, justify="unset")
    return piece(html, "scroll")


def error_html(text: str) -> str:
    """What went wrong, in red."""
    return piece(f'<pre class="error" role="alert">{escape(text)}</pre>')


def _figures(pictures: Mapping[str, tuple[np.ndarray, str]], of: str = "") -> str:
    """Pictures with captions; their names are what a reader hears who cannot see them."""
    return "".join(
        f'<figure><img alt="{escape(f"{name} {of}".strip())}" src="{png_uri(picture)}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
        for name, (picture, caption) in pictures.items()
    )


def _swatch(name: str, classes: ClassSet) -> str:
    if name == "mean":
        return ""
    return f'<span class="swatch" style="background: {css(classes.index(name))}"></span>'
