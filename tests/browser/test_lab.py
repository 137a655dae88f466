"""JupyterLab as somebody uses it who steps through the notebooks."""

import re

import numpy as np
import pytest

from wsss_lib.datasets.classes import VOC, VOID
from wsss_lib.datasets.images import read_mask

from .explorer import choose, scores, shown

pytestmark = pytest.mark.browser

#: JavaScript: whether cells of code were run and none is waiting any more.
AT_REST = """() => {
    const prompts = [...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")]
    const texts = prompts.map(prompt => prompt.textContent.trim())
    return /[0-9]/.test(texts[0]) && !texts.includes("[*]:")
}"""
#: JavaScript: the colours of a canvas at some places, shares of its width and height.
COLOURS = """places => {
    const canvas = document.querySelector(".wsss-paint")
    const at = ([x, y]) => [Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 1]
    const context = canvas.getContext("2d")
    return places.map(place => context.getImageData(...at(place)).data.join()).join(" ")
}"""


@pytest.fixture
def run_all(lab, page):
    """Open a notebook, run all of it, and wait until that is done."""

    def run(name):
        page.goto(lab(name), wait_until="commit")
        page.get_by_text("| Idle").wait_for()  # before that the menu does nothing
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_text("Run All Cells", exact=True).click()
        page.wait_for_function(AT_REST)

    return run


def check_that_all_ran(page):
    """Every cell has its number, and no traceback is anywhere, in a widget neither."""
    prompts = page.locator(".jp-CodeCell .jp-InputPrompt").all_inner_texts()
    assert all(re.fullmatch(r"\[\d+\]:", prompt) for prompt in prompts)
    assert page.locator(".wsss .error").count() == 0
    assert "Traceback" not in page.locator(".jp-Notebook").inner_text()


def test_the_layer_explorer_follows_its_controls(run_all, page):
    run_all("06_layer_explorer")
    check_that_all_ran(page)
    before, table = shown(page), scores(page)
    choose(page, "img")
    assert shown(page)["mask img"] != before["mask F2"]
    assert scores(page) != table

    before, heading = shown(page), page.locator(".wsss .head")
    slider = page.locator(".widget-hslider", has_text="n per class")
    slider.get_by_role("slider").press("ArrowRight")
    page.locator(".wsss .head", has_not_text="n = 30 per class").wait_for()
    assert int(re.search(r"n = (\d+) per class", heading.inner_text())[1]) > 30
    assert shown(page)["samples img"] != before["samples img"]
    assert shown(page)["mask img"] != before["mask img"]
    check_that_all_ran(page)


def wait_for_status(page, text):
    page.locator(".wsss.quiet", has_text=text).wait_for()


def stroke(page, *places):
    """Paint with the mouse through places, shares of the photograph's width and height."""
    box = page.locator(".wsss-paint").bounding_box()
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=5)
    page.mouse.up()


def saved(page, folders):
    """Strokes and mask as the button saves them."""
    page.locator(".jupyter-button", has_text="save").click()
    wait_for_status(page, "Written:")
    folder = folders.output / "build" / "strokes"
    return [read_mask(folder / f"china_{what}.png", len(VOC)) for what in ("strokes", "mask")]


def test_strokes_of_the_mouse_change_the_mask_and_what_is_shown(run_all, page, folders):
    run_all("16_your_photograph")
    check_that_all_ran(page)
    page.locator(".wsss-paint").scroll_into_view_if_needed()
    beside = [[x / 10, y] for x in range(1, 10) for y in (0.3, 0.7)]  # no stroke comes here
    bare = page.evaluate(COLOURS, beside)
    page.get_by_title("Paint with class 0").click()
    stroke(page, (0.1, 0.1), (0.9, 0.1))
    wait_for_status(page, "Paint a second class")
    assert page.evaluate(COLOURS, beside) == bare
    page.get_by_title("Paint with class 1").click()
    stroke(page, (0.2, 0.5), (0.5, 0.5))
    wait_for_status(page, "mask in")
    page.wait_for_function(f"([at, before]) => ({COLOURS})(at) != before", arg=[beside, bare])
    strokes, mask = saved(page, folders)
    rows, cols = mask.shape
    assert strokes[rows // 10, cols // 2] == mask[rows // 10, cols // 2] == 0
    assert strokes[rows // 2, cols // 3] == mask[rows // 2, cols // 3] == 1
    assert set(np.unique(strokes)) == {0, 1, VOID}

    two = page.evaluate(COLOURS, beside)
    page.get_by_title("Paint with class 2").click()
    stroke(page, (0.1, 0.9), (0.9, 0.9))
    wait_for_status(page, "mask in")
    page.wait_for_function(f"([at, before]) => ({COLOURS})(at) != before", arg=[beside, two])
    _, newer = saved(page, folders)
    assert 2 in newer[rows * 8 // 10]
