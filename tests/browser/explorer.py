"""What a browser sees of the layer explorer, in a notebook or alone on a page."""

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


def listen(page) -> None:
    """From now on keep whatever the page says in small grey letters, however shortly."""
    page.evaluate(_LISTEN)


def heard(page) -> set[str]:
    """What the page said since `listen`."""
    return set(page.evaluate("said"))
