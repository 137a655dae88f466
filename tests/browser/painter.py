"""What a browser does to the painter and sees of it, in a notebook or alone on a page."""

from wsss_lib.datasets.classes import VOC
from wsss_lib.datasets.images import read_mask

#: JavaScript: the colours of the canvas at some places, shares of its width and height.
_COLOURS = """places => {
    const canvas = document.querySelector(".wsss-paint"), context = canvas.getContext("2d")
    const at = ([x, y]) => [Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 1]
    return places.map(place => context.getImageData(...at(place)).data.join()).join(" ")
}"""


def canvas(page):
    return page.locator(".wsss-paint")


def colours(page, *places: tuple[float, float]) -> str:
    """Of the canvas at some places."""
    return page.evaluate(_COLOURS, list(places))


def wait_for_colours(page, places, test: str, than: str) -> None:
    """Wait until the colours are (``==``) or are not any more (``!=``) what they were."""
    page.wait_for_function(
        f"([places, than]) => ({_COLOURS})(places) {test} than", arg=[places, than]
    )


def wait_for_status(page, text: str) -> None:
    page.locator(".wsss.quiet", has_text=text).wait_for()


def point(page, x: float, y: float) -> tuple[float, float]:
    """Where on the page a place of the canvas is."""
    box = canvas(page).bounding_box()
    return box["x"] + x * box["width"], box["y"] + y * box["height"]


def put_down(page, *places: tuple[float, float], button: str = "left") -> None:
    """Move the mouse with a button down through places of the canvas."""
    page.mouse.move(*point(page, *places[0]))
    page.mouse.down(button=button)
    for place in places[1:]:
        page.mouse.move(*point(page, *place), steps=5)


def stroke(page, *places: tuple[float, float]) -> None:
    """Paint a line with the mouse."""
    put_down(page, *places)
    page.mouse.up()


def button(page, title: str):
    """One of the painter's buttons by what it says when the mouse is over it."""
    return page.get_by_title(title, exact=True)


def downloaded(page, kind: str, folder):
    """The file that a button sends, and the labels in it."""
    buttons = page.locator(".wsss-painter .jupyter-button:has(.fa-download)", has_text=kind)
    with page.expect_download() as sent:
        buttons.click()
    path = folder / sent.value.suggested_filename
    sent.value.save_as(path)
    return path, read_mask(path, len(VOC))
