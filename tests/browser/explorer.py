"""What a browser sees of the layer explorer, in a notebook or alone on a page."""


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
