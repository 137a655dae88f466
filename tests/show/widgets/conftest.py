"""Fixtures of the tests of widgets."""

import numpy as np
import pytest


@pytest.fixture
def image():
    """A photograph that is dark on the left and light on the right."""
    image = np.random.default_rng(0).integers(40, 60, (24, 36, 3), dtype=np.uint8)
    image[:, 18:] += 120
    return image
