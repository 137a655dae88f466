"""What a browser sees of the layer explorer, in a notebook or alone on a page."""

#: JavaScript: the pieces of the results that are cut off, or too narrow to see anything in.
_CUT = """() => [...document.querySelectorAll(".wsss.result, .wsss.scores")].filter(piece => {
    const {left, right, width} = piece.getBoundingClientRect()
    return piece.scrollWidth > piece.clientWidth || width < 300 || left < 0 || right > innerWidth
}).map(piece => piece.className)"""
#: Windows that everything is used in.
SIZES = ((1280, 900), (900, 700))
_LISTEN = """() => {
    window.said = []
    const keep = () => document.querySelectorAll(".wsss.quiet").forEach(
        piece => said.push(piece.textContent))
    new MutationObserver(keep).observe(document.body, {childList: true, subtree: true})
}"""


def choose(page, layer: str) -> None:
    """Click on a layer and wait for its result."""
    page.get_by_role("button", name=layer, exact=True).click()
    page.get_by_alt_text(f"mask {layer}", exact=True).wait_for()


def shown(page) -> dict[str, str]:
    """The pictures of all results, by name."""
    pictures = page.locator(".wsss .row img").all()
    return {each.get_attribute("alt"): each.get_attribute("src") for each in pictures}


def scores(page) -> str:
    """The table of IoU."""
    return page.locator(".wsss.scores").inner_text()


def beside(page) -> bool:
    """Whether A and B are beside each other; else B is below A, and nothing is cut off."""
    page.wait_for_function(f"({_CUT})().length === 0")
    a, b = (each.bounding_box() for each in page.locator(".wsss.result").all())
    assert b["x"] >= a["x"] + a["width"] or b["y"] >= a["y"] + a["height"]
    return b["x"] > a["x"]


def look_closer(page, picture: str) -> None:
    """Click on a picture, make what lies over the photograph fainter, and close it."""
    before = page.get_by_alt_text(picture, exact=True).bounding_box()
    page.get_by_alt_text(picture, exact=True).click()
    layer = page.get_by_alt_text(f"{picture} over the photograph")
    box = layer.bounding_box()
    assert box["width"] > 1.5 * before["width"]
    assert box["height"] + 40 < page.viewport_size["height"]  # the slider, too, is in sight
    opacity = "(image) => getComputedStyle(image).opacity"
    strong = layer.evaluate(opacity)
    page.get_by_label("opacity").locator("visible=true").press("ArrowLeft")
    assert 0 < float(layer.evaluate(opacity)) < float(strong)
    page.get_by_role("button", name="Close", exact=True).locator("visible=true").click()
    layer.wait_for(state="hidden")


def compare(page) -> list[bool]:
    """Use all that compares settings, of which F2 is the first, in each window of `SIZES`.

    Whether A and B stood beside each other is returned for each.
    """
    first, sides = shown(page), []
    page.get_by_role("button", name="Keep as A").click()
    choose(page, "img")
    heads = page.locator(".wsss .head")
    image = heads.first.inner_text().split(" · ")[0].removeprefix("A")
    photograph = page.get_by_alt_text("photograph", exact=True)
    before = photograph.get_attribute("src")
    page.get_by_title("The next image").click()
    page.wait_for_function(
        "([at, old]) => document.querySelector(at).src != old",
        arg=[".wsss img[alt=photograph]", before],
    )
    for at in (0, 1):
        heads.nth(at).filter(has_not_text=image).wait_for()
    assert shown(page)["mask F2"] != first["mask F2"]
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        sides.append(beside(page))
        look_closer(page, "mask img")
    page.locator(".jupyter-widget-Collapse-header", has_text="Everything tried").click()
    again = page.locator(".wsss-lines button")
    assert again.all_inner_texts() == ["4", "3", "2", "1"]
    again.last.click()
    heads.nth(1).filter(has_text=image).filter(has_text="F2").wait_for()
    page.get_by_role("button", name="Forget A").click()
    page.locator(".wsss .tag.now").wait_for()
    assert shown(page)["mask F2"] == first["mask F2"]
    return sides


def listen(page) -> None:
    """From now on keep whatever the page says in small grey letters, however shortly."""
    page.evaluate(_LISTEN)


def heard(page) -> set[str]:
    """What the page said since `listen`."""
    return set(page.evaluate("said"))
