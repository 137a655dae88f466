"""A tiny devkit, and a file server with the vices of real ones."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from wsss_lib.datasets.images import write_mask

#: Image ids of the tiny devkit, and the labels in their masks beside background and void.
TINY = {"a": (1,), "b": (2, 7), "c": (20,)}


@pytest.fixture
def make_devkit() -> Callable[[Path], Path]:
    """Makes a devkit with three images of 6 x 4 pixels below a root and returns its folder."""

    def make(root: Path) -> Path:
        devkit = root / "VOCdevkit" / "VOC2012"
        lists = devkit / "ImageSets" / "Segmentation"
        for folder in (lists, devkit / "JPEGImages", devkit / "SegmentationClass"):
            folder.mkdir(parents=True)
        for id_, labels in TINY.items():
            image = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
            Image.fromarray(image).save(devkit / "JPEGImages" / f"{id_}.jpg")
            mask = np.zeros((4, 6), np.uint8)
            mask[1, : len(labels)] = labels
            mask[3] = 255
            write_mask(devkit / "SegmentationClass" / f"{id_}.png", mask)
        (lists / "train.txt").write_text("a\nb\n")
        (lists / "val.txt").write_text("c\n")
        return devkit

    return make


class Server(ThreadingHTTPServer):
    """Serves ``files`` at ``/<vice>/<name>`` and notes what was asked for."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.requests: list[tuple[str, str | None]] = []

    def url(self, vice: str, name: str) -> str:
        """The address of a file behind a vice."""
        return f"http://127.0.0.1:{self.server_port}/{vice}/{name}"


class Handler(BaseHTTPRequestHandler):
    """Answers by vice.

    good: with range support; deaf: ignores Range; missing: 404; dying: half of what is asked for,
    then the line is cut; wrong: other bytes; page: a web page instead of the file.
    """

    server: Server

    def do_GET(self) -> None:
        """Serve a file the way the address says."""
        _, vice, name = self.path.split("/")
        wanted = self.headers["Range"]
        self.server.requests.append((vice, wanted))
        data = self.server.files[name]
        if vice == "missing":
            self.send_error(404)
            return
        if vice == "page":
            data = b"<html>blocked</html>"
        elif vice == "wrong":
            data = bytes(255 - byte for byte in data)
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        start = start if vice in ("good", "dying", "wrong") else 0
        if start >= len(data):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        end = start + (len(data) - start) // 2 if vice == "dying" else len(data)
        self.wfile.write(data[start:end])

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A running file server on this machine."""
    monkeypatch.setenv("no_proxy", "*")
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()
