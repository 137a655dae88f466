"""Fixtures shared by all tests."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def voc_root() -> Path:
    """The folder of a genuine part of PASCAL VOC 2012 (it holds ``VOCdevkit/``)."""
    if not os.environ.get("WSSS_TEST_VOC"):
        pytest.skip("WSSS_TEST_VOC is not set: it names the folder of a real VOCdevkit")
    return Path(os.environ["WSSS_TEST_VOC"]).resolve()
