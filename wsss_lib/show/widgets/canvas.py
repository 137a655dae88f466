"""The canvas of the painter: what happens on it at once is JavaScript, in canvas.js."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import anywidget
import numpy as np
from PIL import Image
from traitlets import Bytes, Float, Int, List


class PaintCanvas(anywidget.AnyWidget):
    """A photograph to paint on, which can be enlarged and moved; a stroke is seen at once.

    Parameters
    ----------
    act : callable
        Called with what somebody does there: a mapping with ``do``, the name of a method of
        `wsss_lib.show.widgets.painting.Painting` that changes strokes or classes, and its
        arguments; a stroke has its ``id``, too.

    Attributes
    ----------
    picture : bytes
        What is shown: a PNG.
    seen : int
        The ``id`` of the last stroke in `picture`; until then the canvas shows the stroke itself.
    classes : list of dict
        With ``label``, ``name``, and the colours (CSS) ``colour`` and ``ink``, for text upon it.
    label : int
        What is painted with: a class, or 255, the eraser.
    width : float
        Of the brush in pixels of the photograph.
    """

    _esm = Path(__file__).with_name("canvas.js")
    _css = Path(__file__).with_name("canvas.css")
    picture = Bytes().tag(sync=True)
    seen = Int().tag(sync=True)
    classes = List().tag(sync=True)
    label = Int().tag(sync=True)
    width = Float(8).tag(sync=True)

    def __init__(self, act: Callable[[dict], None]) -> None:
        super().__init__()
        self.on_msg(lambda _, message, buffers: act(message))

    def show(self, picture: np.ndarray, seen: int) -> None:
        """Show a picture, (h, w, 3) uint8, that holds the strokes up to the id `seen`."""
        buffer = BytesIO()
        Image.fromarray(picture).save(buffer, "png", compress_level=1)  # quick rather than small
        with self.hold_sync():
            self.picture, self.seen = buffer.getvalue(), seen

    def fit(self) -> None:
        """Show the whole photograph."""
        self.send({"do": "fit"})

    def download(self, name: str, content: bytes) -> None:
        """Hand a PNG to the browser, which keeps it among its downloads."""
        self.send({"do": "download", "name": name}, [content])
