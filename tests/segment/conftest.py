"""A segmentation network that was trained for a moment."""

from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def small(checkpoints) -> dict:
    """Settings of a training that takes a moment."""
    return {"weights": str(checkpoints.plain), "crop": 16, "batch": 4, "epochs": 1}


@pytest.fixture(scope="session")
def trained(squares, small, tmp_path_factory) -> Path:
    """The checkpoint of a network that learnt the masks of `squares`, scored on two more."""
    from wsss_lib.segment.train import train_segmenter

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WSSS_CACHE", str(tmp_path_factory.mktemp("segmenter")))
        more = {"crop": 32, "epochs": 3, "rates": (1, 2)}
        return train_segmenter(squares, **small | more)
