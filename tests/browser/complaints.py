"""What a page complains about: errors in its console, and requests to other machines."""

import re
from urllib.parse import urlsplit

from .servers import HOST

#: Errors that are not ours, with the reason.
KNOWN = (
    # Voila 0.5.13 ends the kernel of a page that is left without the _xsrf that its server asks for
    r"status of 403 .*/voila/api/shutdown/",
)


def watch(page) -> list[str]:
    """A list that grows with each complaint of a page of playwright."""
    complaints = []

    def said(message) -> None:
        text = f"{message.text} {message.location.get('url', '')}"
        if message.type == "error" and not any(re.search(known, text) for known in KNOWN):
            complaints.append(f"console: {text}")

    def asked(request) -> None:
        address = urlsplit(request.url)
        if address.hostname not in (None, HOST):
            complaints.append(f"asked of another machine: {request.url}")

    page.on("console", said)
    page.on("pageerror", lambda error: complaints.append(f"not caught: {error}"))
    page.on("request", asked)
    page.on("websocket", asked)
    return complaints
