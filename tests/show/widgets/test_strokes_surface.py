from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from wsss_lib.show.widgets.strokes_surface import BoxSurface, CanvasSurface

GREY = np.full((20, 30, 3), 100, np.uint8)


@pytest.fixture
def canvas():
    pytest.importorskip("ipycanvas")
    strokes = []
    surface = CanvasSurface((20, 30), lambda: ("#800000", 4), strokes.append)
    surface.show(GREY)
    return surface, strokes


def mouse(surface, event, x, y):
    surface.canvas[1]._handle_frontend_event(None, {"event": event, "x": x, "y": y}, [])


def test_a_stroke_is_what_lies_between_mouse_down_and_up(canvas):
    surface, strokes = canvas
    mouse(surface, "mouse_move", 3, 3)
    mouse(surface, "mouse_down", 5, 6)
    mouse(surface, "mouse_move", 8, 9.5)
    assert strokes == []
    mouse(surface, "mouse_up", 8, 9.5)
    mouse(surface, "mouse_move", 20, 20)
    mouse(surface, "mouse_up", 20, 20)
    assert strokes == [[(4.5, 5.5), (7.5, 9)]]


def test_a_stroke_ends_where_the_mouse_leaves(canvas):
    surface, strokes = canvas
    mouse(surface, "mouse_down", 5, 6)
    mouse(surface, "mouse_out", 31, 6)
    assert strokes == [[(4.5, 5.5)]]


def test_a_finger_paints_too(canvas):
    surface, strokes = canvas
    for event, touches in (
        ("touch_start", [{"x": 1, "y": 2}]),
        ("touch_move", [{"x": 3, "y": 4}]),
        ("touch_end", []),
    ):
        surface.canvas[1]._handle_frontend_event(None, {"event": event, "touches": touches}, [])
    assert strokes == [[(0.5, 1.5), (2.5, 3.5)]]


def test_a_page_that_is_loaded_again_gets_the_picture(canvas, monkeypatch):
    surface, _ = canvas
    sent = []
    monkeypatch.setattr(surface.canvas[0], "put_image_data", sent.append)
    surface.canvas[1]._handle_frontend_event(None, {"event": "client_ready"}, [])
    np.testing.assert_array_equal(sent, [GREY])


def shown(surface):
    return np.array(Image.open(BytesIO(surface.image.value)))


def test_a_box_is_framed_and_handed_on():
    boxes = []
    surface = BoxSurface((20, 30), boxes.append)
    surface.show(GREY)
    surface.columns.value, surface.rows.value = (2, 9), (4, 20)
    framed = np.zeros((20, 30), bool)
    framed[4:20, 2:9] = True
    framed[5:19, 3:8] = False
    np.testing.assert_array_equal(shown(surface), np.where(framed[..., None], 255, GREY))
    surface.add.click()
    assert boxes == [(2, 4, 9, 20)]


def test_small_photographs_are_shown_large():
    for size, width in (((20, 30), "630px"), ((480, 640), "640px"), ((640, 400), "400px")):
        assert BoxSurface(size, print).image.layout.max_width == width
