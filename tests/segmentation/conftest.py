"""A segmentation network that was trained for a moment."""

from dataclasses import replace
from pathlib import Path

import pytest

from wsss_lib.segmentation.train import SegmenterSettings, train_segmenter


@pytest.fixture(scope="session")
def small(checkpoints) -> SegmenterSettings:
    """Settings of a training that takes a moment."""
    weights = str(checkpoints.plain)
    return SegmenterSettings(backbone="resnet10", weights=weights, crop=16, batch=4, epochs=1)


@pytest.fixture(scope="session")
def trained(squares, small, tmp_path_factory) -> Path:
    """The checkpoint of a network that learnt the masks of `squares`, scored on two more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WSSS_CACHE", str(tmp_path_factory.mktemp("segmenter")))
        return train_segmenter(squares, replace(small, crop=32, epochs=3, rates=(1, 2)))
