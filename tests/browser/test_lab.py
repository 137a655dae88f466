"""JupyterLab as somebody uses it who steps through the notebooks."""

import re

import pytest

from .explorer import choose, compare, scores, shown

pytestmark = pytest.mark.browser


def check_that_all_ran(page):
    """Every cell has its number, and no traceback is anywhere, in a widget neither."""
    prompts = page.locator(".jp-CodeCell .jp-InputPrompt").all_inner_texts()
    assert all(re.fullmatch(r"\[\d+\]:", prompt) for prompt in prompts)
    assert page.locator(".wsss .error").count() == 0
    assert "Traceback" not in page.locator(".jp-Notebook").inner_text()


def test_the_layer_explorer_follows_its_controls_beside_an_open_file_browser(run_all, page):
    run_all("06_layer_explorer")
    check_that_all_ran(page)
    page.get_by_role("tab", name="File Browser").wait_for()
    compare(page)
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
