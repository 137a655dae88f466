import matplotlib.pyplot as plt
import numpy as np
import pytest

from wsss_lib.show.diagram import arrow, box


@pytest.fixture
def ax():
    ax = plt.figure().subplots()
    ax.set(xlim=(0, 10), ylim=(10, 0))
    yield ax
    plt.close("all")


def test_a_box_stands_round_its_centre(ax):
    text = box(ax, (3, 2), (2, 1), "CAM", facecolor="w", edgecolor="k", weight="bold")
    (patch,) = ax.patches
    assert patch.get_bbox().extents.tolist() == [2, 1.5, 4, 2.5]
    assert (text.get_text(), text.get_position(), text.get_weight()) == ("CAM", (3, 2), "bold")


@pytest.mark.parametrize("bent", [False, True])
def test_an_arrow_runs_from_start_to_end(ax, bent):
    drawn = arrow(ax, (1, 8), (6, 2), bent=bent, linestyle=":")
    assert (drawn.xyann, drawn.xy) == ((1, 8), (6, 2))
    assert drawn.arrow_patch.get_linestyle() == ":"
    ax.figure.canvas.draw()
    middle = drawn.arrow_patch.get_path().vertices[1]
    corner = (1, 2) if bent else (3.5, 5)  # upright, then level
    np.testing.assert_allclose(middle, ax.transData.transform(corner), atol=1)
