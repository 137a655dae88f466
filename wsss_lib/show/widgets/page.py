"""One explored image as a piece of a page: a photograph, and layers of labels that lie upon it."""

import base64
from collections.abc import Iterable, Mapping
from html import escape
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from wsss_lib.datasets import Sample
from wsss_lib.datasets.classes import VOID, ClassSet, palette
from wsss_lib.evaluate.exploration import Exploration, class_scores, history
from wsss_lib.expand.sampling import PixelSamples

#: Pixels that a layer of samples is at least wide, so that its dots are small on small images.
WIDTH = 480
#: Side of a sample's dot in such a layer, at most: fewer samples are drawn larger.
_DOTS = ((100, 9), (1000, 5))
#: The label that a layer lets the photograph through at; no class set has as many classes.
CLEAR = VOID - 1


def sample_layer(samples: PixelSamples) -> np.ndarray:
    """Samples as dots of their labels (Figure 6).

    Parameters
    ----------
    samples : PixelSamples
        Of an image of H x W pixels.

    Returns
    -------
    ndarray, shape (f H, f W), uint8
        `CLEAR` between the dots. The whole number f makes it about `WIDTH` wide, if H is less.
    """
    height, width = samples.image_size
    times = max(1, WIDTH // width)
    layer = np.full((times * height, times * width), CLEAR, np.uint8)
    side = next((side for most, side in _DOTS if samples.requested <= most), 3)
    rows, cols = (times * place + times // 2 for place in (samples.rows, samples.cols))
    for down, across in np.ndindex(side, side):
        at = (
            (rows + down - side // 2).clip(0, layer.shape[0] - 1),
            (cols + across - side // 2).clip(0, layer.shape[1] - 1),
        )
        layer[at] = samples.labels
    return layer


def error_layer(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """Wrong pixels 0 (black), void 255 (beige) and right ones `CLEAR`: (H, W) uint8."""
    wrong = np.where(truth == prediction, CLEAR, 0)
    return np.where(truth == VOID, VOID, wrong).astype(np.uint8)


def photo_uri(photo: np.ndarray) -> str:
    """A photograph, (H, W, 3) uint8, as the address of a JPEG that is its own content."""
    return _uri(Image.fromarray(photo), "jpeg", quality=90)


def layer_uri(labels: np.ndarray) -> str:
    """Labels, (H, W) uint8, in VOC's palette as the address of a PNG; `CLEAR` is transparent."""
    picture = Image.fromarray(labels)
    picture.putpalette(palette().tobytes())
    return _uri(picture, "png", transparency=CLEAR, compress_level=1)  # quick rather than small


def _uri(picture: Image.Image, kind: str, **options: int) -> str:
    buffer = BytesIO()
    picture.save(buffer, kind, **options)
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"


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


#: What a click on a picture does: its layer over its photograph, as large as the window.
_LOOK = """const piece = this.closest('.wsss'), view = piece.querySelector('[popover]');
const [photo, layer] = view.querySelectorAll('img');
photo.src = piece.querySelector('img.photo').src;
layer.src = this.lastElementChild.src;
layer.alt = this.lastElementChild.alt + ' over the photograph';
view.showPopover()"""
#: Else JupyterLab takes the keys of a button or a slider for its own.
_KEYS = 'data-lm-suppress-shortcuts="true"'
_VIEW = f"""<div popover><div class="stack"><img alt=""><img class="layer" alt=""></div>
<label>opacity <input type="range" max="1" step="0.05" value="0.6" {_KEYS} oninput="
this.closest('[popover]').querySelector('.layer').style.opacity = this.value"></label>
<button {_KEYS} onclick="this.parentNode.hidePopover()">Close</button></div>"""


def image_html(sample: Sample) -> str:
    """The photograph and its ground truth, side by side and small."""
    photo = f'<div class="stack">{_photo(sample, "photograph")}</div>'
    photo = f"<figure>{photo}<figcaption>photograph</figcaption></figure>"
    return piece(_row("pair", sample, photo, _figure("ground truth", sample.mask, "ground truth")))


def labels_text(result: Exploration) -> str:
    """How many samples there are and how many of their labels are right, as plain text."""
    right, judged = result.labels_counted()
    drawn = len(result.pixels)
    text = f"{drawn} sample{'s' * (drawn != 1)}, {right} of {judged} labels right"
    if judged:
        text += f" ({100 * right / judged:.0f} %)"
    return text + f", {drawn - judged} on void" * (judged < drawn)


def settings_text(result: Exploration) -> str:
    """Image, layer, n, where the samples come from and the classifier, in a line of plain text."""
    parts = [result.layer, f"n = {result.pixels.requested} per class from {result.source}"]
    kernel, C, gamma = result.classifier().values()
    parts.append(f"{kernel}, C = {C:.3g}" if gamma else kernel)
    if gamma and kernel != "linear":
        parts.append(f"gamma = {gamma}")
    return " · ".join([result.sample.id, *parts])


def result_html(result: Exploration, tag: str) -> str:
    """Samples, mask and wrong pixels of one result, with its settings and costs above.

    Parameters
    ----------
    result : Exploration
    tag : str
        What it is called beside others, such as ``A``.
    """
    truth, mask, row = result.sample.mask, result.mask, result.row()
    costs = f"fit {row['fit seconds']:.2f} s · predict {row['predict seconds']:.2f} s"
    if row["support vectors"]:  # only an SVM has them
        costs = f"{row['support vectors']} support vectors · {costs}"
    of, void = f" {result.layer}", ", beige: void" * (VOID in truth)
    samples = labels_text(result)
    figures = (
        _figure("samples" + of, sample_layer(result.pixels), samples, _photo(result.sample)),
        _figure("mask" + of, mask, "predicted mask"),
        _figure("wrong pixels" + of, error_layer(truth, mask), "black: wrong" + void),
    )
    return piece(
        f'<p class="head"><b class="tag {escape(tag)}">{escape(tag)}</b>'
        f"{escape(settings_text(result))} <span class='quiet'>· {costs}</span></p>"
        + _row("row", result.sample, *figures),
        "result",
    )


def scores_html(results: Mapping[str, Exploration], classes: ClassSet) -> str:
    """IoU by class of one result or two, on all and on held-out pixels; also the legend.

    Parameters
    ----------
    results : mapping of str to Exploration
        By tag, all of one image. Of two, the last column is the second minus the first.
    classes : ClassSet
    """
    tables = {tag: class_scores(result, classes) for tag, result in results.items()}
    table = pd.concat(tables, axis=1)
    table.columns = [f"{tag}: {name}" if len(results) > 1 else name for tag, name in table]
    table.index.name, table.columns.name = None, "IoU (%)"
    bars = list(table)
    form = dict.fromkeys(bars, "{:.1f}")
    if len(results) == 2:
        first, second = results
        gain = table[f"{second}: all pixels"] - table[f"{first}: all pixels"]
        table[f"{second} minus {first}, all pixels"] = gain
        form[table.columns[-1]] = "{:+.1f}"
    look = table.style.format(form, na_rep="&ndash;").format_index(
        lambda name: _swatch(name, classes) + escape(name)
    )
    for name in bars:
        look.format("{:.1f}" + _known(table[name]), ("mean", name), "&ndash;")
    look.bar(subset=bars, vmin=0, vmax=100, color=_BAR)
    return piece(look.to_html(), "scores")


def _known(scores: pd.Series) -> str:
    """That the mean, the last of some scores, is over fewer classes than there are; or nothing."""
    known, classes = scores[:-1].count(), len(scores) - 1
    return f" ({known} of {classes} classes)" if known < classes else ""


def tried_texts(result: Exploration, classes: ClassSet) -> dict[str, str]:
    """What was tried: settings, scores and costs, without the scores of single classes."""
    (line,) = history([result], classes).to_dict("records")
    single = {f"IoU, {name}" for name in classes.names}
    line = {name: value for name, value in line.items() if name not in single}
    line = {name: "" if value != value else value for name, value in line.items()}  # not NaN
    texts = {k: f"{v:.3g}" if isinstance(v, float) else str(v) for k, v in line.items()}
    texts["IoU, held out"] += _known(class_scores(result, classes)["held out"])
    return texts


def cells_html(texts: Iterable[str]) -> str:
    """Cells of a line of a grid."""
    return piece("".join(f"<span>{escape(text)}</span>" for text in texts))


def error_html(text: str) -> str:
    """What went wrong, in red."""
    return piece(f'<pre class="error" role="alert">{escape(text)}</pre>')


def _figure(name: str, labels: np.ndarray, caption: str, below: str = "") -> str:
    """A picture of labels to click on; its name is what a reader hears who cannot see it."""
    layer = f'<img class="layer" alt="{escape(name)}" src="{layer_uri(labels)}">'
    button = f'<button class="stack" title="Over the photograph" {_KEYS} onclick="{_LOOK}">'
    caption = f"<figcaption>{escape(caption)}</figcaption>"
    return f"<figure>{button}{below}{layer}</button>{caption}</figure>"


def _photo(sample: Sample, name: str = "") -> str:
    return f'<img class="photo" alt="{name}" src="{photo_uri(sample.image)}">'


def _row(kind: str, sample: Sample, *figures: str) -> str:
    """Figures of one image, and the view that a click on them opens."""
    ratio = sample.image.shape[1] / sample.image.shape[0]
    return f'<div class="{kind}" style="--ratio: {ratio:.4f}">{"".join(figures)}{_VIEW}</div>'


def _swatch(name: str, classes: ClassSet) -> str:
    if name == "mean":
        return ""
    return f'<span class="swatch" style="background: {css(classes.index(name))}"></span>'
