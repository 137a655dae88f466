import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from wsss_lib.datasets.classes import VOC, VOID, palette
from wsss_lib.datasets.devkit import Sample
from wsss_lib.expand.sampling import PixelSamples, sample_mask
from wsss_lib.show.masks import (
    cam_overlay,
    class_legend,
    colour_mask,
    error_map,
    picture_grid,
    samples_figure,
    share_bars,
    show_image,
    show_samples,
    strokes_figure,
    strokes_overlay,
)

MASK = np.array([[0, 8], [VOID, 8]], np.uint8)


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def test_masks_have_the_colours_that_voc_publishes():
    cat, void = (64, 0, 0), (224, 224, 192)
    assert colour_mask(MASK).tolist() == [[[0, 0, 0], list(cat)], [list(void), list(cat)]]


def test_error_map_is_black_where_wrong_and_beige_where_nobody_knows():
    picture = error_map(MASK, np.array([[0, 0], [0, 8]], np.uint8))
    wrong, right, void = picture[0, 1], picture[0, 0], picture[1, 0]
    assert wrong.tolist() == [0, 0, 0]
    assert right.tolist() == picture[1, 1].tolist() != void.tolist()
    assert void.tolist() == palette()[VOID].tolist()


def test_pictures_are_drawn_pixel_by_pixel_on_the_given_axes():
    _, (left, right) = plt.subplots(1, 2)
    assert show_image(colour_mask(MASK), "a mask", left) is left
    assert np.array_equal(left.images[0].get_array(), colour_mask(MASK))
    assert left.get_title() == "a mask"
    assert not right.images


def test_samples_are_dots_in_the_colour_of_their_class():
    pixels = PixelSamples(np.array([0, 1]), np.array([0, 1]), np.array([0, 8]), (2, 2), 1)
    dots = show_samples(np.zeros((2, 2, 3), np.uint8), pixels).collections[0]
    assert dots.get_offsets().tolist() == [[0, 0], [1, 1]]
    assert np.array_equal(dots.get_facecolors()[:, :3], palette()[[0, 8]] / 255)


def test_legend_names_the_classes_in_index_order_and_void_last():
    figure = plt.figure()
    class_legend(figure, VOC, [12, 8, 0], void=True)
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["background", "cat", "dog", "void"]


@pytest.mark.parametrize(("entries", "columns"), [(7, 7), (8, 4), (9, 5), (15, 5)])
def test_a_long_legend_has_lines_of_about_one_length(entries, columns):
    figure = plt.figure()
    class_legend(figure, VOC, range(entries))
    assert figure.legends[0]._ncols == columns


def test_grid_has_a_row_an_image_and_titles_on_top_only():
    rows = [[np.zeros((4, 8, 3), np.uint8)] * 2, [np.zeros((9, 3, 3), np.uint8)] * 2]
    figure = picture_grid(rows, ["image", "mask"])
    assert [ax.get_title() for ax in figure.axes] == ["image", "mask", "", ""]
    assert [ax.images[0].get_array().shape for ax in figure.axes[::2]] == [(4, 8, 3), (9, 3, 3)]


def test_figure_6_shows_image_truth_and_the_samples_of_each_image():
    images = [Sample(f"{n}", np.full((3, 4, 3), 50 * n, np.uint8), np.zeros((3, 4), np.uint8))
              for n in range(2)]  # fmt: skip
    pixels = [sample_mask(sample.mask, n + 1) for n, sample in enumerate(images)]
    axes = samples_figure(images, pixels).axes
    assert [ax.get_title() for ax in axes[:3]] == ["image", "ground truth", "samples"]
    assert [len(ax.collections[0].get_offsets()) for ax in axes[2::3]] == [1, 2]
    assert all(len(ax.images) == 1 for ax in axes)


def test_activation_is_bright_and_the_rest_keeps_its_grey():
    image = np.full((1, 3, 3), 100, np.uint8)
    picture = cam_overlay(image, np.array([[0.0, 1.0, 5.0]]))
    assert picture.dtype == np.uint8
    assert picture[0, 1].min() > picture[0, 0].max()
    np.testing.assert_array_equal(picture[0, 1], picture[0, 2])  # clipped at 1


def test_share_zero_is_the_grey_photograph():
    image = np.array([[[0, 60, 30]]], np.uint8)
    np.testing.assert_array_equal(cam_overlay(image, np.ones((1, 1)), share=0), [[[30, 30, 30]]])


def test_bars_stack_the_shares():
    _, ax = plt.subplots()
    share_bars(pd.DataFrame({"own": [60.0, 20.0], "rest": [40.0, 80.0]}, ["leaf", "fish"]), ax)
    assert [bar.get_width() for bar in ax.patches] == [60, 20, 40, 80]
    assert [bar.get_x() for bar in ax.patches] == [0, 0, 60, 20]
    plt.close("all")


GREY = np.full((9, 12, 3), 100, np.uint8)
MASK_STROKES = np.zeros((9, 12), np.uint8)
MASK_STROKES[:, 6:] = 2


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
    picture = strokes_overlay(GREY, mask=MASK_STROKES, opacity=opacity)
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
    masks = {"SVM": MASK_STROKES, "CRF": MASK_STROKES}
    figure = strokes_figure(GREY, painted, masks, ["sky", "sea", "sand"], "somebody, CC BY")
    assert [ax.get_title() for ax in figure.axes] == ["strokes", "SVM", "CRF"]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["sea", "sand"]
    assert figure.axes[0].texts[0].get_text() == "Photograph: somebody, CC BY"
    np.testing.assert_array_equal(
        figure.axes[1].images[0].get_array(), strokes_overlay(GREY, mask=MASK_STROKES, opacity=0.6)
    )
    plt.close(figure)
