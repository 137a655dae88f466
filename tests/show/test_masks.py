import matplotlib.pyplot as plt
import numpy as np
import pytest

from wsss_lib.datasets.classes import VOC, VOID, ClassSet, palette
from wsss_lib.datasets.devkit import Sample
from wsss_lib.evaluate.exploration import explore
from wsss_lib.expand.sampling import PixelSamples, sample_mask
from wsss_lib.scores import ClassScores
from wsss_lib.show.masks import (
    cam_overlay,
    class_colours,
    class_legend,
    colour_mask,
    error_map,
    expansion_figure,
    exploration_figure,
    masks_figure,
    picture_grid,
    samples_figure,
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
    np.testing.assert_allclose(class_colours([0, 8]), np.divide([[0, 0, 0], cat], 255))
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
    assert (left.get_title(), list(right.images)) == ("a mask", [])


def test_samples_are_dots_in_the_colour_of_their_class():
    pixels = PixelSamples(np.array([0, 1]), np.array([0, 1]), np.array([0, 8]), (2, 2), 1)
    dots = show_samples(np.zeros((2, 2, 3), np.uint8), pixels).collections[0]
    assert dots.get_offsets().tolist() == [[0, 0], [1, 1]]
    assert np.array_equal(dots.get_facecolors()[:, :3], palette()[[0, 8]] / 255)


def legend_texts(figure):
    (legend,) = figure.legends
    return [text.get_text() for text in legend.get_texts()]


def test_legend_names_the_classes_in_index_order_and_void_last():
    figure = plt.figure()
    class_legend(figure, VOC, [12, 8, 0], void=True)
    assert legend_texts(figure) == ["background", "cat", "dog", "void"]


def test_a_grid_has_one_row_per_image_and_titles_on_top_only():
    rows = [[np.zeros((4, 8, 3), np.uint8)] * 2, [np.zeros((9, 3, 3), np.uint8)] * 2]
    figure = picture_grid(rows, ["image", "mask"])
    assert [ax.get_title() for ax in figure.axes] == ["image", "mask", "", ""]
    assert [ax.images[0].get_array().shape for ax in figure.axes[::2]] == [(4, 8, 3), (9, 3, 3)]


def test_figure_6_shows_image_truth_and_the_samples_of_each_image():
    grey, mask = np.full((3, 4, 3), 50, np.uint8), np.zeros((3, 4), np.uint8)
    images = [Sample("dark", grey, mask), Sample("bright", 2 * grey, mask)]
    pixels = [sample_mask(sample.mask, n + 1) for n, sample in enumerate(images)]
    axes = samples_figure(images, pixels).axes
    assert [ax.get_title() for ax in axes[:3]] == ["image", "ground truth", "samples"]
    assert [len(ax.collections[0].get_offsets()) for ax in axes[2::3]] == [1, 2]
    assert all(len(ax.images) == 1 for ax in axes)


def test_figure_4_shows_the_map_the_seed_and_the_mask_of_each_image(pair):
    samples = list(pair)
    rng = np.random.default_rng(0)
    seeds = [ClassScores(rng.random((2, 24, 32)).astype(np.float32), (0, 1)) for _ in samples]
    masks = [np.full((24, 32), label, np.uint8) for label in (1, 2)]
    figure = expansion_figure(samples, seeds, {"SVM": masks, "rounds": masks[::-1]})
    titles = ["image", "ground truth", "CAM", "seed", "SVM", "rounds"]
    assert [ax.get_title() for ax in figure.axes[:6]] == titles
    expected = [
        samples[1].image,
        colour_mask(samples[1].mask),
        cam_overlay(samples[1].image, seeds[1].values[1]),
        colour_mask(seeds[1].mask()),
        colour_mask(masks[1]),
        colour_mask(masks[0]),
    ]
    for ax, picture in zip(figure.axes[6:], expected, strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), picture)


def test_masks_stand_over_their_errors_with_the_mean_of_the_classes_in_the_image():
    truth = np.array([[0, 0, 1, 1], [0, 0, 1, VOID]], np.uint8)
    wrong = np.where(truth == 1, 2, truth).astype(np.uint8)
    half = np.array([[0, 0, 0, 1], [0, 0, 1, 1]], np.uint8)  # IoU 4/5 and 2/3
    image = np.full((2, 4, 3), 90, np.uint8)
    sample = Sample("one", image, truth)
    masks = [{"seed": half, "round 1": wrong}, {"seed": truth, "round 1": half}]
    figure = masks_figure([sample, sample], masks, ClassSet(("a", "b", "c"), ("a", "b", "c")))
    titles = [ax.get_title() for ax in figure.axes]
    assert titles[:3] == ["ground truth", "seed: 73.3 %", "round 1: 50.0 %"]
    assert titles[6:9] == ["ground truth", "seed: 100.0 %", "round 1: 73.3 %"]
    assert set(titles[3:6] + titles[9:]) == {""}
    shown = [ax.images[0].get_array() for ax in figure.axes[:6]]
    expected = [colour_mask(truth), colour_mask(half), colour_mask(wrong), image]
    expected += [error_map(truth, half), error_map(truth, wrong)]
    assert all(np.array_equal(*pair) for pair in zip(shown, expected, strict=True))
    assert legend_texts(figure) == ["a", "b", "void"]


def test_results_stand_row_by_row_with_their_scores_and_one_legend(pair):
    results = [explore(pair, None, id_, "img", 20) for id_ in ("two", "three")]
    figure = exploration_figure(results, pair.classes)
    for part, result in zip(figure.subfigs, results, strict=True):
        _, truth, prediction, errors = (ax.images[0].get_array() for ax in part.axes)
        np.testing.assert_array_equal(truth, colour_mask(result.sample.mask))
        np.testing.assert_array_equal(prediction, colour_mask(result.mask))
        np.testing.assert_array_equal(errors, error_map(result.sample.mask, result.mask))
        title = part.get_suptitle()
        assert title.startswith(f"img, n = 20: IoU {result.row()['IoU, all pixels']:.1f} % ")
        assert f"predict {result.expansion.predict_seconds:.2f} s" in title
    dots = figure.subfigs[1].axes[0].collections[0]
    assert len(dots.get_offsets()) == 44  # 20 + 20 + the 4 that there are
    assert legend_texts(figure) == ["background", "left", "low", "void"]


def test_activation_is_bright_and_the_rest_keeps_its_grey():
    image = np.full((1, 3, 3), 100, np.uint8)
    picture = cam_overlay(image, np.array([[0.0, 1.0, 5.0]]))
    assert picture.dtype == np.uint8
    assert picture[0, 1].min() > picture[0, 0].max()
    np.testing.assert_array_equal(picture[0, 1], picture[0, 2])  # clipped at 1
    dark = 0.6 * np.array([0, 0, 4]) + 0.4 * 100  # inferno at 0, and the grey of the photograph
    np.testing.assert_allclose(picture[0, 0], dark, atol=0.5)


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


def test_the_mask_is_mixed_in_and_its_borders_are_white():
    picture = strokes_overlay(GREY, mask=MASK_STROKES, opacity=0.25)
    assert (picture[:, 5] == 255).all()
    np.testing.assert_allclose(picture[3, 0], 75 + 0.25 * palette()[0], atol=0.5)
    np.testing.assert_allclose(picture[3, 11], 75 + 0.25 * palette()[2], atol=0.5)


def test_without_mask_and_strokes_it_is_the_photograph():
    np.testing.assert_array_equal(strokes_overlay(GREY, np.full((9, 12), VOID, np.uint8)), GREY)


def test_the_figure_names_its_masks_its_classes_and_the_photographer():
    painted = strokes()
    painted[0, 0] = 2
    masks = {"SVM": MASK_STROKES, "CRF": MASK_STROKES}
    figure = strokes_figure(GREY, painted, masks, ["sky", "sea", "sand"], "somebody, CC BY")
    assert [ax.get_title() for ax in figure.axes] == ["strokes", "SVM", "CRF"]
    assert legend_texts(figure) == ["sea", "sand"]
    assert figure.axes[0].texts[0].get_text() == "Photograph: somebody, CC BY"
    np.testing.assert_array_equal(
        figure.axes[1].images[0].get_array(), strokes_overlay(GREY, mask=MASK_STROKES, opacity=0.6)
    )
