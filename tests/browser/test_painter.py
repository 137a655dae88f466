"""The painter in JupyterLab and on the page of ``make painter``, with mouse and keys."""

import numpy as np
import pytest

from wsss_lib.datasets.classes import VOID

from .painter import (
    button,
    canvas,
    colours,
    downloaded,
    point,
    put_down,
    stroke,
    wait_for_colours,
    wait_for_status,
)

pytestmark = pytest.mark.browser

#: Windows that photograph and controls must fit into together.
SIZES = ((900, 700), (1280, 900))


@pytest.fixture(params=["lab", "voila"])
def painter(request, page):
    """The painter, without strokes."""
    if request.param == "lab":
        request.getfixturevalue("run_all")("16_your_photograph")
    else:
        page.goto(request.getfixturevalue("voila")("painter").address, wait_until="commit")
    canvas(page).scroll_into_view_if_needed()
    wait_for_status(page, "Paint a stroke in each of two classes")
    return page


def check_that_it_fits(page):
    """Photograph and controls are in sight together, in small windows too."""
    from playwright.sync_api import expect

    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        page.locator(".wsss-painter").scroll_into_view_if_needed()
        expect(page.locator(".wsss-painter")).to_be_in_viewport(ratio=0.99)
        assert canvas(page).bounding_box()["width"] >= 300


def test_all_controls_of_the_painter(painter, tmp_path):
    page = painter
    check_that_it_fits(page)
    beside = [(x / 40, y / 10) for x in range(1, 40) for y in (3, 4, 6, 7, 8)]
    # a stroke is seen before it has ended, and before the kernel knows of it
    put_down(page, (0.1, 0.1), (0.9, 0.1))
    assert colours(page, (0.3, 0.1)) == "0,0,0,255"
    page.mouse.up()
    bare = colours(page, *beside)
    page.keyboard.press("1")
    stroke(page, (0.2, 0.5), (0.5, 0.5))
    wait_for_colours(page, beside, "!=", bare)
    wait_for_status(page, "mask in")
    masked = colours(page, *beside)
    page.keyboard.press("Control+z")
    wait_for_colours(page, beside, "==", bare)
    page.keyboard.press("Control+Shift+z")
    wait_for_colours(page, beside, "==", masked)
    button(page, "Undo (Ctrl+Z)").click()
    wait_for_colours(page, beside, "==", bare)
    button(page, "Redo (Ctrl+Shift+Z)").click()
    wait_for_colours(page, beside, "==", masked)

    # another picture of the same strokes, and back
    for name in ("probability", "refine (CRF)"):
        page.get_by_label(name).click()
        wait_for_colours(page, beside, "!=", masked)
        page.get_by_label(name).click()
        wait_for_colours(page, beside, "==", masked)

    # zoomed in and moved, strokes are where they are seen
    page.mouse.move(*point(page, 0.75, 0.75))
    page.keyboard.press("+")
    page.keyboard.press("+")
    page.keyboard.down("Control")
    page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    zoom = float(canvas(page).get_attribute("data-zoom"))
    assert zoom > 1.25**2
    before = colours(page, *beside)
    put_down(page, (0.75, 0.75), (0.5, 0.75), button="right")
    page.mouse.up(button="right")
    assert colours(page, *beside) != before
    # in the middle of the window now
    left = 0.75 - 0.75 / zoom + 0.25 / zoom
    top = 0.75 - 0.75 / zoom
    place = (left + 0.5 / zoom, top + 0.5 / zoom)
    brush = page.locator(".widget-hslider", has_text="brush").locator(".widget-readout")
    assert brush.inner_text() == "3"
    page.keyboard.press("]")
    page.wait_for_function("at => at.textContent === '4'", arg=brush.element_handle())
    page.keyboard.press("[")
    page.wait_for_function("at => at.textContent === '3'", arg=brush.element_handle())
    page.get_by_title("Paint with class 0").click()
    stroke(page, (0.5, 0.5))
    page.keyboard.press("f")
    assert canvas(page).get_attribute("data-zoom") == "1.00"

    # classes come, are named, and go
    label = page.locator("[title^='Paint with class']").count()
    button(page, "Add a class").click()
    named = page.get_by_label(f"name of class {label}")
    named.fill("sand")
    named.press("Enter")
    stroke(page, (0.1, 0.9), (0.9, 0.9))

    path, strokes = downloaded(page, "strokes", tmp_path)
    rows, cols = strokes.shape
    assert path.name == "china_strokes.png"
    assert set(np.unique(strokes)) == {0, 1, label, VOID}
    assert strokes[rows // 10, cols // 2] == 0
    assert strokes[rows // 2, cols // 3] == 1
    assert strokes[int(rows * 0.9), cols // 2] == label
    assert strokes[int(rows * place[1]), int(cols * place[0])] == 0
    _, mask = downloaded(page, "mask", tmp_path)
    painted = strokes != VOID
    assert (mask[painted] == strokes[painted]).mean() > 0.8
    assert mask.shape == strokes.shape

    button(page, f"Remove class {label} and its strokes").click()
    named.wait_for(state="detached")
    button(page, "Rub out all strokes").click()
    wait_for_colours(page, beside, "==", bare)
    with page.expect_file_chooser() as chooser:
        page.locator(".wsss-painter .jupyter-button:has(.fa-upload)", has_text="strokes").click()
    chooser.value.set_files(path)
    named.wait_for()
    assert named.input_value() == "sand"
    _, again = downloaded(page, "strokes", tmp_path)
    np.testing.assert_array_equal(again, strokes)
