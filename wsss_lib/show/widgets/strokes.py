"""The painter: classes, controls and a canvas round a `Painting`; the mask follows the strokes."""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import ipywidgets as widgets
import numpy as np
from traitlets import link

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.datasets.classes import VOID, palette
from wsss_lib.datasets.images import read_photo
from wsss_lib.errors import ParameterError, WsssError
from wsss_lib.evaluate.photo import LONG_SIDE, NETWORK, SETTING, PhotoSegmenter
from wsss_lib.evaluate.settings import Setting
from wsss_lib.show.masks import cam_overlay, strokes_overlay
from wsss_lib.show.widgets import page
from wsss_lib.show.widgets.canvas import PaintCanvas
from wsss_lib.show.widgets.latest import LatestWins
from wsss_lib.show.widgets.painting import Painting

#: Names of the classes of a photograph that nobody has looked at yet.
NAMES = ("background", "object")
#: What refines the mask, for a second or more: the preset that helped most after simulated strokes,
#: by 3 to 4 points on the 20 photographs it was chosen on and by 0 to 2 on 20 others.
CRF = "deeplab"
#: What the canvas may ask a `Painting` for.
_DEEDS = ("paint", "clear", "undo", "redo", "add", "rename", "remove")
_HINT = "Paint a stroke in each of two classes or more."


class StrokeControls(widgets.Box):
    """What is painted with, how the mask is made and shown, and which photograph.

    Attributes
    ----------
    undo, redo, clear : Button
    brush : IntSlider
        Width in pixels of the scaled photograph.
    opacity : FloatSlider
        Of the mask.
    refine, probability : Checkbox
        Whether a CRF follows the SVM; whether the probability of the chosen class is shown.
    mask, strokes : Button
        Download them.
    photograph, load : FileUpload
        Another photograph; strokes.
    path : Text
        Of a photograph to open.
    """

    def __init__(self) -> None:
        wrapped = {"flex": "1 1 auto", "flex_flow": "row wrap", "grid_gap": "4px"}
        self.undo, self.redo, self.clear = (
            widgets.Button(icon=icon, tooltip=tooltip, layout={"width": "60px"})
            for icon, tooltip in (
                ("undo", "Undo (Ctrl+Z)"),
                ("repeat", "Redo (Ctrl+Shift+Z)"),
                ("trash", "Rub out all strokes"),
            )
        )
        wide = {"flex": "1 1 190px", "width": "auto", "max_width": "250px"}
        self.brush = widgets.IntSlider(8, 1, 60, description="brush", layout=wide)
        self.opacity = widgets.FloatSlider(0.5, max=1, step=0.05, description="mask", layout=wide)
        for slider in (self.brush, self.opacity):
            slider.style.description_width = "3em"
        small = {"width": "auto"}
        self.refine = widgets.Checkbox(description="refine (CRF)", indent=False, layout=small)
        self.probability = widgets.Checkbox(description="probability", indent=False, layout=small)
        self.probability.tooltip = "Of the chosen class, from violet (0) to yellow (1)"
        half = {"flex": "1 1 100px", "width": "auto", "max_width": "125px"}
        self.mask = widgets.Button(description="mask", icon="download", layout=half)
        self.strokes = widgets.Button(description="strokes", icon="download", layout=half)
        self.photograph = widgets.FileUpload(accept="image/*", description="photo", layout=half)
        self.photograph.tooltip = "Up to 10 MB; for a larger one type its path"
        self.load = widgets.FileUpload(accept="image/*", description="strokes", layout=half)
        self.path = widgets.Text(
            placeholder="path of a photograph, Enter", continuous_update=False, layout=wide
        )
        super().__init__(
            [
                *(self.undo, self.redo, self.clear, self.brush, self.opacity, self.refine),
                *(self.probability, self.mask, self.strokes, self.photograph, self.load, self.path),
            ],
            layout=wrapped | {"flex": "1 1 250px", "align_content": "flex-start"},
        )


class StrokePainter(widgets.VBox):
    """Paint a few strokes of each class; the mask follows, also where nothing was painted.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3), uint8
        The photograph.
    names : sequence of str
        Of its classes 0, 1, 2, ...
    strokes : ndarray, shape (H, W), uint8, optional
        The first strokes; 255 = not labelled.
    name : str
        Of the photograph, for the files that are downloaded.
    backbone, setting, long_side
        See `wsss_lib.evaluate.photo.PhotoSegmenter`.
    background : bool
        Whether to compute on a thread; else a control returns when all is done, and raises.

    Attributes
    ----------
    painting : Painting
        The strokes and classes.
    scores : ClassScores or None
        What the mask is made of; None while fewer than two classes are painted.
    picture : ndarray, shape (h, w, 3), uint8
        What the canvas shows.
    controls : StrokeControls
    canvas : PaintCanvas
    status : HTML
    """

    def __init__(
        self,
        image: np.ndarray,
        names: Sequence[str] = NAMES,
        *,
        strokes: np.ndarray | None = None,
        name: str = "photograph",
        backbone: BackboneSpec | None = NETWORK,
        setting: Setting = SETTING,
        long_side: int = LONG_SIDE,
        background: bool = True,
    ) -> None:
        self._network = dict(backbone=backbone, setting=setting, long_side=long_side)
        self._latest = LatestWins(self._segment, background)
        self.status = self._latest.status
        self.controls, self.canvas = StrokeControls(), PaintCanvas(self._act)
        # whoever changes what is shown holds it: the mouse is heard while a mask is computed
        self._shown, self._seen = threading.RLock(), 0
        right = widgets.VBox(
            [self.canvas, self.status], layout={"flex": "100 1 480px", "min_width": "0"}
        )
        layout = {"flex_flow": "row wrap", "grid_gap": "4px 16px"}
        both = widgets.Box([self.controls, right], layout=layout)
        super().__init__([widgets.HTML(page.STYLE, layout={"display": "none"}), both])
        self.add_class("wsss-painter")
        self._connect()
        self.load(image, name, names, strokes)

    def load(
        self,
        image: np.ndarray,
        name: str,
        names: Sequence[str] = NAMES,
        strokes: np.ndarray | None = None,
    ) -> None:
        """Take another photograph, whose features are computed at once; parameters as above."""
        painting = Painting(PhotoSegmenter(image, **self._network), names, strokes)
        with self._shown:
            self.painting, self.name, self.scores = painting, name, None
            self.controls.brush.value = max(3, max(painting.segmenter.image.shape) // 80)
            self.canvas.label = 0
            self._show_classes()
            self._redraw()
        self.canvas.fit()
        self._latest.ask()

    def read(self, path: str | Path) -> None:
        """Take the photograph of a file; errors as of `wsss_lib.datasets.images.read_photo`."""
        self.load(read_photo(path), Path(path).stem)

    def wait(self) -> None:
        """Wait for the mask of the newest strokes, and raise its error if there is one."""
        self._latest.wait()

    def download(self, kind: str) -> None:
        """Send ``strokes`` or ``mask`` to the reader's machine, see `Painting.write`."""
        name = f"{self.name}_{kind}.png"
        with TemporaryDirectory() as folder:
            path = Path(folder, "picture.png")
            self.painting.write(path, kind, self._crf)
            self.canvas.download(name, path.read_bytes())
        self._latest.say(f"{name} is among your browser's downloads.")

    @property
    def _crf(self) -> str | None:
        return CRF if self.controls.refine.value else None

    def _connect(self) -> None:
        controls = self.controls
        link((controls.brush, "value"), (self.canvas, "width"))
        for name in ("undo", "redo", "clear"):
            getattr(controls, name).on_click(lambda _, name=name: self._act({"do": name}))
        for kind in ("mask", "strokes"):
            button = getattr(controls, kind)
            button.on_click(lambda _, kind=kind: self._try(self.download, kind))
        controls.refine.observe(lambda _: self._follow(), names="value")
        for control in (controls.opacity, controls.probability):
            control.observe(lambda _: self._redraw(), names="value")
        self.canvas.observe(lambda _: self._redraw(), names="label")
        controls.path.observe(lambda change: self._try(self.read, change["new"]), names="value")
        controls.photograph.observe(lambda change: self._take(change, self.read), names="value")
        controls.load.observe(lambda change: self._take(change, self._read_strokes), names="value")

    def _act(self, message: dict) -> None:
        """Do what somebody did on the canvas, see `PaintCanvas`, or with a button."""
        arguments = {key: message[key] for key in message.keys() - {"do", "id"}}
        if message["do"] not in _DEEDS:
            raise ParameterError(f"The canvas said {message}; expected one of {_DEEDS} to do.")
        answer = getattr(self.painting, message["do"])(**arguments)
        self._seen = message.get("id", self._seen)
        self._follow()
        if message["do"] == "add" and answer is not None:
            self.canvas.label = answer

    def _read_strokes(self, path: Path) -> None:
        self.painting.read(path)
        self._follow()

    def _take(self, change: dict, read: Callable[[Path], None]) -> None:
        """Read what was uploaded, from a file, since the readers want one."""
        change["owner"].value = ()  # so that the same file can be sent again
        for file in change["new"]:
            with TemporaryDirectory() as folder:
                path = Path(folder, Path(file["name"]).name)
                path.write_bytes(file["content"])
                self._try(read, path)

    def _try(self, action: Callable, *arguments: object) -> None:
        try:
            action(*arguments)
        except (WsssError, OSError) as error:
            self.status.value = page.error_html(str(error))

    def _follow(self) -> None:
        """Show what is painted now, with its mask if that was made before; else have it made."""
        with self._shown:
            painting, crf = self.painting, self._crf
            if made := painting.is_made(crf):
                self.scores = painting.scores(painting.step, crf)
                self._latest.say("" if self.scores else _HINT)
            self._show_classes()
            self._redraw()
        if not made:
            self._latest.ask()

    def _segment(self) -> str:
        """Segment the strokes as they are now and show it, if the photograph is still the same."""
        painting, step, crf = self.painting, self.painting.step, self._crf
        start = time.perf_counter()
        scores = painting.scores(step, crf)
        if scores is None:
            painting.prepare()
        with self._shown:
            if painting is not self.painting:
                return ""
            if painting.is_made(self._crf):  # else newer strokes wait for theirs
                scores = painting.scores(painting.step, self._crf)
            self.scores = scores
            self._redraw()
        return f"mask in {time.perf_counter() - start:.1f} s" if scores else _HINT

    def _show_classes(self) -> None:
        names = self.painting.step.names
        dark = palette().mean(1) < 128
        with self.canvas.hold_sync():
            self.canvas.classes = [
                {
                    "label": label,
                    "name": name,
                    "colour": page.css(label),
                    "ink": "#fff" if dark[label] else "#000",
                }
                for label, name in names.items()
            ]
            if self.canvas.label not in {*names, VOID}:
                self.canvas.label = min(names)

    def _redraw(self) -> None:
        with self._shown:
            image, strokes = self.painting.segmenter.image, self.painting.step.strokes
            scores, label = self.scores, self.canvas.label
            if scores and self.controls.probability.value and label in scores.labels:
                overlay = cam_overlay(image, scores.values[scores.labels.index(label)])
                self.picture = strokes_overlay(overlay, strokes)
            else:
                mask, opacity = scores.mask() if scores else None, self.controls.opacity.value
                self.picture = strokes_overlay(image, strokes, mask, opacity)
            self.canvas.show(self.picture, self._seen)
