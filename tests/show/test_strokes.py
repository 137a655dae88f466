import matplotlib.pyplot as plt
import numpy as np
import pytest

from wsss_lib.datasets.classes import VOID, palette
from wsss_lib.show.strokes import strokes_figure, strokes_overlay

GREY = np.full((9, 12, 3), 100, np.uint8)
MASK = np.zeros((9, 12), np.uint8)
MASK[:, 6:] = 2


def strokes():
    painted = np.full((9, 12), VOID, np.uint8)
    painted[4, 4:6] = 1
    return painted


def test_strokes_have_the_colour_of_their_class_and_a_white_outline():
    picture = strokes_overlay(GREY, strokes())
    assert (picture[4, 4:6] == palette()[1]).all()
    assert (picture[4, [2, 3, 6, 7]] == 255).all()
    assert (picture[[2, 3, 5, 6], 4] == 255).all()
    assert (picture[4, [1, 8]] == 100).all()
    assert (GREY == 100).all()


@pytest.mark.parametrize("opacity", [0, 0.25, 1])
def test_the_mask_is_mixed_in_and_its_borders_are_white(opacity):
    picture = strokes_overlay(GREY, mask=MASK, opacity=opacity)
    assert (picture[:, 5] == 255).all()
    for label, col in ((0, 0), (2, 11)):
        expected = (1 - opacity) * 100 + opacity * palette()[label].astype(float)
        np.testing.assert_allclose(picture[3, col], expected, atol=0.5)


def test_without_mask_and_strokes_it_is_the_photograph():
    np.testing.assert_array_equal(strokes_overlay(GREY), GREY)
    np.testing.assert_array_equal(strokes_overlay(GREY, np.full((9, 12), VOID, np.uint8)), GREY)


def test_the_figure_names_its_masks_its_classes_and_the_photographer():
    painted = strokes()
    painted[0, 0] = 2
    masks = {"SVM": MASK, "CRF": MASK}
    figure = strokes_figure(GREY, painted, masks, ["sky", "sea", "sand"], "somebody, CC BY")
    assert [ax.get_title() for ax in figure.axes] == ["strokes", "SVM", "CRF"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["sea", "sand"]
    assert figure.axes[0].texts[0].get_text() == "Photograph: somebody, CC BY"
    np.testing.assert_array_equal(
        figure.axes[1].images[0].get_array(), strokes_overlay(GREY, mask=MASK, opacity=0.6)
    )
    plt.close(figure)
