"""What strokes are painted on: a canvas for mouse and finger, or boxes where there is none."""

import threading
from collections.abc import Callable
from io import BytesIO

import ipywidgets as widgets
import numpy as np
from PIL import Image

try:
    from ipycanvas import MultiCanvas
except ImportError:  # the boxes do without
    MultiCanvas = None

#: A picture may come from a thread while the mouse draws, and ipycanvas takes one layer at a time.
_DRAWING = threading.Lock()
#: Pixels of the page that a small photograph is enlarged to.
_SHOWN = 640


class CanvasSurface(widgets.VBox):
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
    """

    def __init__(
        self,
        size: tuple[int, int],
        pen: Callable[[], tuple[str, float]],
        paint: Callable[[list[tuple[float, float]]], None],
    ) -> None:
        self._pen, self._paint, self._points = pen, paint, []
        # the stroke that is being drawn has a layer of its own, where no new picture wipes it out
        self.canvas = MultiCanvas(2, width=size[1], height=size[0], layout=_layout(size))
        self.canvas.on_client_ready(self._show_again)
        self.canvas.on_mouse_down(self.start)
        self.canvas.on_mouse_move(self.extend)
        self.canvas.on_mouse_up(self.finish)
        self.canvas.on_mouse_out(self.finish)
        self.canvas.on_touch_start(lambda touches: self.start(*touches[0]))
        self.canvas.on_touch_move(lambda touches: self.extend(*touches[0]))
        self.canvas.on_touch_end(lambda _: self.finish())
        self.canvas.add_class("wsss-paint")
        cursor = "<style>.wsss-paint, .wsss-paint canvas {cursor: crosshair}</style>"
        super().__init__([self.canvas, widgets.HTML(cursor, layout={"display": "none"})])

    def show(self, picture: np.ndarray) -> None:
        """Show a picture, (h, w, 3) uint8."""
        self._picture = picture
        with _DRAWING:
            self.canvas[0].put_image_data(picture)

    def start(self, x: float, y: float) -> None:
        """Put the brush down; pixels from the top left corner."""
        colour, width = self._pen()
        self._points, live = [(x, y)], self.canvas[1]
        with _DRAWING:
            live.stroke_style = live.fill_style = colour
            live.line_width, live.line_cap = width, "round"
            live.fill_circle(x, y, width / 2)

    def extend(self, x: float, y: float) -> None:
        """Draw on, if the brush is down."""
        if self._points:
            with _DRAWING:
                self.canvas[1].stroke_line(*self._points[-1], x, y)
            self._points.append((x, y))

    def finish(self, *_place: float) -> None:
        """Lift the brush: the stroke is handed on."""
        if not self._points:
            return
        # the canvas counts from the corner of the first pixel, strokes from its centre
        points = [(x - 0.5, y - 0.5) for x, y in self._points]
        self._points = []
        with _DRAWING:
            self.canvas[1].clear()
        self._paint(points)

    def _show_again(self) -> None:
        """Fill the canvas of a page that was loaded again, which begins empty.

        Only a change of layers is told to the page, and it has forgotten the last one: so the
        other layer comes first.
        """
        with _DRAWING:
            self.canvas[1].clear()
        self.show(self._picture)


class BoxSurface(widgets.VBox):
    """A photograph with two ranges, of columns and rows: a box that can be labelled.

    Parameters
    ----------
    size : tuple of int
        (h, w) of the photograph.
    paint : callable
        Called with the box: left, top, right and bottom in pixels, the last two not in it.
    """

    def __init__(
        self, size: tuple[int, int], paint: Callable[[tuple[int, int, int, int]], None]
    ) -> None:
        self.columns = _range("columns", size[1])
        self.rows = _range("rows", size[0])
        self.add = widgets.Button(description="Label this box", icon="plus")
        self.add.on_click(lambda _: paint(self.box))
        self.image = widgets.Image(format="png", layout=_layout(size))
        for control in (self.columns, self.rows):
            control.observe(lambda _: self._draw(), names="value")
        super().__init__([self.columns, self.rows, self.add, self.image])

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right, bottom of the box."""
        (left, right), (top, bottom) = self.columns.value, self.rows.value
        return left, top, right, bottom

    def show(self, picture: np.ndarray) -> None:
        """Show a picture, (h, w, 3) uint8, with the frame of the box."""
        self._picture = picture
        self._draw()

    def _draw(self) -> None:
        framed, (left, top, right, bottom) = self._picture.copy(), self.box
        inner = framed[top + 1 : bottom - 1, left + 1 : right - 1].copy()
        framed[top:bottom, left:right] = (255, 255, 255)
        framed[top + 1 : bottom - 1, left + 1 : right - 1] = inner
        buffer = BytesIO()
        Image.fromarray(framed).save(buffer, "png", compress_level=1)
        self.image.value = buffer.getvalue()


def _layout(size: tuple[int, int]) -> dict[str, str]:
    """As wide as the page lets it be, up to `_SHOWN`, and never out of proportion."""
    times = max(1, _SHOWN // max(size))
    return {"width": "100%", "max_width": f"{times * size[1]}px", "height": "auto"}


def _range(name: str, end: int) -> widgets.IntRangeSlider:
    return widgets.IntRangeSlider(
        value=(end * 2 // 5, end * 3 // 5),
        max=end,
        description=name,
        continuous_update=False,
        layout={"width": "420px"},
    )
