"""A photograph to paint strokes on, whose mask follows: classes, controls, canvas, painter."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path

import ipywidgets as widgets
import numpy as np
from ipycanvas import MultiCanvas

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.datasets.classes import VOC, VOID, palette
from wsss_lib.datasets.images import read_photo, write_mask
from wsss_lib.errors import ParameterError, WsssError
from wsss_lib.evaluate.photo import LONG_SIDE, NETWORK, SETTING, PhotoSegmenter, enlarged_mask
from wsss_lib.evaluate.settings import Setting
from wsss_lib.expand.strokes import enlarge_strokes, paint_stroke, shrink_strokes
from wsss_lib.files import atomic_path
from wsss_lib.paths import output_dir, shown
from wsss_lib.show.masks import strokes_overlay
from wsss_lib.show.widgets import page
from wsss_lib.show.widgets.latest import LatestWins

#: A larger mask would have colours that look alike.
MOST = len(VOC)


class ClassPalette(widgets.VBox):
    """Choose a class, or the eraser; type its name; add one more.

    Parameters
    ----------
    names : sequence of str
        Of the classes 0, 1, 2, ...

    Attributes
    ----------
    label : int
        What is painted with: a class, or 255, the eraser.
    buttons : list of Button
        One per class.
    fields : list of Text
        The names.
    eraser, more : Button

    Raises
    ------
    ParameterError
        If there are fewer than two names, or more than 21.
    """

    def __init__(self, names: Sequence[str]) -> None:
        if not 2 <= len(names) <= MOST:
            raise ParameterError(f"{len(names)} names of classes; expected 2 to {MOST}.")
        super().__init__()
        self.buttons, self.fields = [], []
        self.eraser = widgets.Button(description="eraser", layout={"width": "50%"})
        self.more = widgets.Button(description="add a class", icon="plus", layout={"width": "50%"})
        self.eraser.on_click(lambda _: self.choose(VOID))
        self.more.on_click(lambda _: self.add(f"class {len(self.buttons)}"))
        for name in names:
            self.add(name)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all classes."""
        return tuple(field.value for field in self.fields)

    def add(self, name: str) -> None:
        """Add a class and paint with it."""
        label = len(self.buttons)
        text = "#fff" if palette()[label].mean() < 128 else "#000"
        button = widgets.Button(
            tooltip=f"Paint with class {label}",
            style={"button_color": page.css(label), "text_color": text},
            layout={"width": "56px", "border": "1px solid rgba(128, 128, 128, .6)"},
        )
        button.on_click(lambda _: self.choose(label))
        field = widgets.Text(name, layout={"flex": "1 1 0", "width": "auto"})
        self.buttons.append(button)
        self.fields.append(field)
        rows = [widgets.HBox(pair) for pair in zip(self.buttons, self.fields, strict=True)]
        self.children = [*rows, widgets.HBox([self.eraser, self.more])]
        self.more.disabled = label + 1 == MOST
        self.choose(label)

    def choose(self, label: int) -> None:
        """Paint with a class from now on, or with the eraser (255)."""
        self.label = label
        for place, button in enumerate(self.buttons):
            button.icon = "pencil" if place == label else ""
            button.description = "" if place == label else str(place)
        self.eraser.icon = "eraser" if label == VOID else ""


_WIDE, _HALF = {"width": "auto"}, {"width": "50%"}


class StrokeControls(widgets.VBox):
    """What is painted with, how the mask is made and shown, and which photograph.

    Parameters
    ----------
    palette : ClassPalette

    Attributes
    ----------
    brush : IntSlider
        Width in pixels of the scaled photograph.
    opacity : FloatSlider
        Of the mask.
    refine, live : Checkbox
        Whether a CRF follows the SVM, and whether to segment after each stroke.
    undo, clear, segment, save : Button
    upload : FileUpload
    path : Text
        Of a photograph to open.
    """

    def __init__(self, palette: ClassPalette) -> None:
        self.brush = widgets.IntSlider(8, 1, 60, description="brush", layout=_WIDE)
        self.opacity = widgets.FloatSlider(0.5, max=1, step=0.05, description="mask", layout=_WIDE)
        for slider in (self.brush, self.opacity):
            slider.style.description_width = "3.2em"
        self.refine = widgets.Checkbox(description="refine borders (CRF)", indent=False)
        self.live = widgets.Checkbox(True, description="segment after each stroke", indent=False)
        self.undo = widgets.Button(description="undo", icon="undo", layout=_HALF)
        self.clear = widgets.Button(description="clear", icon="trash", layout=_HALF)
        self.segment = widgets.Button(description="segment", icon="magic", layout=_HALF)
        self.segment.button_style = "primary"
        self.save = widgets.Button(description="save", icon="save", layout=_HALF)
        self.upload = widgets.FileUpload(
            accept="image/*", description="upload a photograph", layout=_WIDE
        )
        self.path = widgets.Text(
            placeholder="or its path, then Enter", continuous_update=False, layout=_WIDE
        )
        strokes = widgets.HBox([self.undo, self.clear])
        mask = widgets.HBox([self.segment, self.save])
        super().__init__(
            [
                *(palette, self.brush, strokes),
                *(self.opacity, self.refine, self.live, mask),
                *(self.upload, self.path),
            ],
            layout={"flex": "0 0 260px", "grid_gap": "6px"},
        )


#: A picture may come from a thread while the mouse draws, and ipycanvas takes one layer at a time.
_DRAWING = threading.Lock()
#: Pixels of the page that a small photograph is enlarged to.
_SHOWN = 640


class StrokeCanvas:
    """A photograph to paint on; a stroke is seen at once and handed on when it ends.

    Parameters
    ----------
    size : tuple of int
        (h, w) of the photograph.
    pen : callable
        Gives the colour (CSS) and the width (pixels) of the brush.
    paint : callable
        Called with the points of a finished stroke, a list of (x, y), see
        `wsss_lib.expand.strokes.paint_stroke`.

    Attributes
    ----------
    layers : MultiCanvas
        The widget.
    picture : ndarray, shape (h, w, 3), uint8
        What is shown.
    """

    def __init__(
        self,
        size: tuple[int, int],
        pen: Callable[[], tuple[str, float]],
        paint: Callable[[list[tuple[float, float]]], None],
    ) -> None:
        self._pen, self._paint, self._points = pen, paint, []
        self.picture: np.ndarray | None = None
        # as wide as the page lets it be, up to `_SHOWN`, and never out of proportion
        widest = max(1, _SHOWN // max(size)) * size[1]
        layout = {"width": "100%", "max_width": f"{widest}px", "height": "auto"}
        # the stroke that is being drawn has a layer of its own, where no new picture wipes it out
        self.layers = MultiCanvas(2, width=size[1], height=size[0], layout=layout)
        self.layers.on_client_ready(self._show_again)
        self.layers.on_mouse_down(self.start)
        self.layers.on_mouse_move(self.extend)
        self.layers.on_mouse_up(self.finish)
        self.layers.on_mouse_out(self.finish)
        self.layers.on_touch_start(lambda touches: self.start(*touches[0]))
        self.layers.on_touch_move(lambda touches: self.extend(*touches[0]))
        self.layers.on_touch_end(lambda _: self.finish())
        self.layers.add_class("wsss-paint")

    def show(self, picture: np.ndarray) -> None:
        """Show a picture, (h, w, 3) uint8."""
        self.picture = picture
        with _DRAWING:
            self.layers[0].put_image_data(picture)

    def start(self, x: float, y: float) -> None:
        """Put the brush down; pixels from the top left corner."""
        colour, width = self._pen()
        self._points, live = [(x, y)], self.layers[1]
        with _DRAWING:
            live.stroke_style = live.fill_style = colour
            live.line_width, live.line_cap = width, "round"
            live.fill_circle(x, y, width / 2)

    def extend(self, x: float, y: float) -> None:
        """Draw on, if the brush is down."""
        if self._points:
            with _DRAWING:
                self.layers[1].stroke_line(*self._points[-1], x, y)
            self._points.append((x, y))

    def finish(self, *_place: float) -> None:
        """Lift the brush: the stroke is handed on."""
        if not self._points:
            return
        # the canvas counts from the corner of the first pixel, strokes from its centre
        points = [(x - 0.5, y - 0.5) for x, y in self._points]
        self._points = []
        with _DRAWING:
            self.layers[1].clear()
        self._paint(points)

    def _show_again(self) -> None:
        """Fill the canvas of a page that was loaded again, which begins empty.

        Only a change of layers is sent to the page, and it has forgotten the last one: so the
        other layer comes first.
        """
        with _DRAWING:
            self.layers[1].clear()
        self.show(self.picture)


_HINT = "Paint a stroke in each of two classes or more."
#: The strokes that can be undone.
_STEPS = 50
#: What refines the mask, for a second or more: the preset that helped most after simulated strokes,
#: by 3 to 4 points on the 20 photographs it was chosen on and by 0 to 2 on 20 others.
CRF = "deeplab"


class StrokePainter(widgets.VBox):
    """Paint a few strokes of each class; the mask follows, also where nothing was painted.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3), uint8
        The photograph.
    names : sequence of str
        Of the classes 0, 1, 2, ...; more can be added.
    strokes : ndarray, shape (H, W), uint8, optional
        The first strokes; 255 = not labelled.
    name : str
        Of the photograph, for the files that are saved.
    backbone, setting, long_side
        See `wsss_lib.evaluate.photo.PhotoSegmenter`.
    background : bool
        Whether to compute on a thread; else a control returns when all is done, and raises.

    Attributes
    ----------
    strokes : ndarray, shape (h, w), uint8
        On the photograph as it was scaled.
    scores : ClassScores or None
        What the mask is made of; None while fewer than two classes are painted.
    palette : ClassPalette
    controls : StrokeControls
    status : HTML
    canvas : StrokeCanvas
    """

    def __init__(
        self,
        image: np.ndarray,
        names: Sequence[str] = ("background", "object"),
        *,
        strokes: np.ndarray | None = None,
        name: str = "photograph",
        backbone: BackboneSpec | None = NETWORK,
        setting: Setting = SETTING,
        long_side: int = LONG_SIDE,
        background: bool = True,
    ) -> None:
        self._backbone, self._setting, self._long_side = backbone, setting, long_side
        self._latest = LatestWins(self._segment, background)
        self.status = self._latest.status
        self.palette = ClassPalette(names)
        self.palette.choose(0)
        self.controls = StrokeControls(self.palette)
        self._frame = widgets.VBox()
        beside = {"flex": "1 1 0", "min_width": "0"}
        right = widgets.VBox([self._frame, self.status], layout=beside)
        both = widgets.HBox([self.controls, right], layout={"grid_gap": "20px"})
        super().__init__([widgets.HTML(page.STYLE), both])
        self._connect()
        self.load(image, name, strokes)

    def load(self, image: np.ndarray, name: str, strokes: np.ndarray | None = None) -> None:
        """Take another photograph; parameters as of the class."""
        self.segmenter = PhotoSegmenter(
            image, self._backbone, self._setting, long_side=self._long_side
        )
        size = self.segmenter.image.shape[:2]
        none = np.full(size, VOID, np.uint8)
        self.name, self.scores = name, None
        self.strokes = none if strokes is None else shrink_strokes(strokes, size)
        self._before: deque[np.ndarray] = deque(maxlen=_STEPS)
        self.controls.brush.value = max(3, max(size) // 80)
        self.canvas = StrokeCanvas(size, self._pen, self.paint)
        self._frame.children = [self.canvas.layers]
        self._redraw()
        self._latest.say(_HINT)

    def read(self, path: str | Path) -> None:
        """Take the photograph of a file; errors as of `wsss_lib.datasets.images.read_photo`."""
        self.load(read_photo(path), Path(path).stem)

    def paint(self, points: Sequence[tuple[float, float]]) -> None:
        """Paint a stroke with the chosen class and brush, see `paint_stroke`."""
        label, width = self.palette.label, self.controls.brush.value
        self._change(paint_stroke(self.strokes, points, label, width))

    def step_back(self) -> None:
        """Undo the last change of the strokes."""
        if self._before:
            self.strokes = self._before.pop()
            self._follow()

    def ask(self) -> None:
        """Have the strokes segmented."""
        self._latest.ask()

    def wait(self) -> None:
        """Wait for the mask of the newest strokes, and raise its error if there is one."""
        self._latest.wait()

    def write(self, folder: str | Path | None = None) -> list[Path]:
        """Write strokes and mask, computed once more, as palette PNGs of the photograph's own size.

        Parameters
        ----------
        folder : path, optional
            ``build/strokes/`` of the output folder when left out.

        Returns
        -------
        list of Path
            The strokes, which ``wsss expand`` takes, and the mask if there is one.
        """
        self.ask()  # else the mask could be that of the strokes before
        self.wait()
        folder, size = Path(folder or self._folder), self.segmenter.full_size
        note = ", ".join(f"{label} {name}" for label, name in enumerate(self.palette.names))
        pictures = {"strokes": enlarge_strokes(self.strokes, size)}
        if self.scores is not None:
            pictures["mask"] = enlarged_mask(self.scores, size)
        paths = []
        for kind, picture in pictures.items():
            paths.append(folder / f"{self.name}_{kind}.png")
            write_mask(paths[-1], picture, note)
        self._latest.say(f"Written: {', '.join(map(shown, paths))}")
        return paths

    @property
    def _folder(self) -> Path:
        return output_dir() / "build" / "strokes"

    def _connect(self) -> None:
        controls = self.controls
        controls.undo.on_click(lambda _: self.step_back())
        controls.clear.on_click(lambda _: self._change(np.full_like(self.strokes, VOID)))
        controls.segment.on_click(lambda _: self.ask())
        controls.save.on_click(lambda _: self._try(self.write))
        controls.opacity.observe(lambda _: self._redraw(), names="value")
        controls.refine.observe(lambda _: self.ask(), names="value")
        controls.path.observe(lambda change: self._try(self.read, change["new"]), names="value")
        controls.upload.observe(lambda change: self._try(self._take, change["new"]), names="value")

    def _take(self, files: Sequence[dict]) -> None:
        """Keep what was uploaded beside its strokes, so that the command line finds it, too."""
        self.controls.upload.value = ()  # so that the same file can be sent again
        for file in files:
            path = self._folder / Path(file["name"]).name
            with atomic_path(path) as temporary:
                temporary.write_bytes(file["content"])
            self.read(path)

    def _try(self, action: Callable, *arguments: object) -> None:
        try:
            action(*arguments)
        except WsssError as error:
            self.status.value = page.error_html(str(error))

    def _pen(self) -> tuple[str, float]:
        return page.css(self.palette.label), self.controls.brush.value

    def _change(self, strokes: np.ndarray) -> None:
        self._before.append(self.strokes)
        self.strokes = strokes
        self._follow()

    def _follow(self) -> None:
        self._redraw()
        if self.controls.live.value:
            self.ask()

    def _segment(self) -> str:
        """Segment the strokes as they are now and show it, if the photograph is still the same."""
        segmenter, strokes, start = self.segmenter, self.strokes, time.perf_counter()
        _ = segmenter.maps  # while the second class is still to be painted
        two = len(np.setdiff1d(strokes, [VOID])) >= 2
        refine = CRF if self.controls.refine.value else None
        scores = segmenter.scores(strokes, refine) if two else None
        if segmenter is not self.segmenter:
            return _HINT
        self.scores = scores
        self._redraw()
        seconds = time.perf_counter() - start
        return f"mask in {seconds:.1f} s" if two else "Paint a second class, too."

    def _redraw(self) -> None:
        mask = self.scores.mask() if self.scores else None
        image, opacity = self.segmenter.image, self.controls.opacity.value
        self.canvas.show(strokes_overlay(image, self.strokes, mask, opacity))
