import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from wsss_lib.datasets.classes import VOC
from wsss_lib.errors import ParameterError
from wsss_lib.scores import ClassScores
from wsss_lib.show.masks import cam_overlay, colour_mask
from wsss_lib.show.weak import (
    expansion_figure,
    precision_against_score,
    precision_dots,
    score_overlays,
    step_curves,
)


@pytest.fixture
def ax():
    yield plt.figure(layout="constrained").subplots()
    plt.close("all")


def intervals(means, names):
    means = np.array(means, float)
    table = {"mean": means, "mean_low": means - 2, "mean_high": means + 3}
    return pd.DataFrame(table, index=names)


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_every_class_of_the_scores_lies_over_the_photograph():
    image = np.full((2, 3, 3), 100, np.uint8)
    values = np.random.default_rng(0).random((2, 2, 3)).astype(np.float32)
    pictures = score_overlays(image, ClassScores(values, (0, 8)), VOC)
    assert list(pictures) == ["background", "cat"]
    np.testing.assert_array_equal(pictures["cat"], cam_overlay(image, values[1]))


def test_every_image_of_figure_4_has_its_map_its_seed_and_its_mask(pair):
    samples = list(pair)
    rng = np.random.default_rng(0)
    seeds = [ClassScores(rng.random((2, 24, 32)).astype(np.float32), (0, 1)) for _ in samples]
    masks = [np.full((24, 32), 2, np.uint8)] * 2
    figure = expansion_figure(samples, seeds, masks)
    titles = ["image", "ground truth", "CAM", "seed", "SVM"]
    assert [ax.get_title() for ax in figure.axes[:5]] == titles
    expected = [
        samples[1].image,
        colour_mask(samples[1].mask),
        cam_overlay(samples[1].image, seeds[1].values[1]),
        colour_mask(seeds[1].mask()),
        colour_mask(masks[1]),
    ]
    for ax, picture in zip(figure.axes[5:], expected, strict=True):
        np.testing.assert_array_equal(ax.images[0].get_array(), picture)
    plt.close("all")


def test_precisions_of_a_class_stand_round_its_row(ax):
    precision = pd.DataFrame({"seed": [80, np.nan], "confident": [90, 40]}, ["bkg", "cat"])
    precision_dots(precision, ax)
    seed, confident = ax.lines
    np.testing.assert_array_equal(seed.get_xdata(), [80, np.nan])
    np.testing.assert_allclose((seed.get_ydata() + confident.get_ydata()) / 2, [0, 1])
    assert [text.get_text() for text in ax.get_yticklabels()] == ["bkg", "cat"]
    assert legend(ax) == ["seed", "confident"]
    assert seed.get_marker() != confident.get_marker()
    assert precision_dots(precision, plt.figure().subplots(), legend=False).get_legend() is None


def test_score_stands_over_precision_with_its_interval(ax):
    lines = intervals([40, 50], ["seed", "ground truth"]).assign(precision=[60, 100])
    precision_against_score(lines, ax)
    places = [bars.lines[0].get_xydata().tolist() for bars in ax.containers]
    assert places == [[[60, 40]], [[100, 50]]]
    assert ax.containers[0].lines[2][0].get_segments()[0].tolist() == [[60, 38], [60, 43]]
    assert legend(ax) == ["seed", "ground truth"]


def test_a_score_outside_its_interval_is_drawn_all_the_same(ax):
    line = pd.DataFrame({"precision": 50, "mean": 40, "mean_low": 41, "mean_high": 45}, ["seed"])
    precision_against_score(line, ax)
    assert ax.containers[0].lines[2][0].get_segments()[0].tolist() == [[50, 40], [50, 45]]


def test_chains_that_leave_a_step_out_keep_the_places_of_the_others(ax):
    whole = intervals([30, 35, 40], ["seed", "SVM", "CRF"])
    step_curves({"with": whole, "without": whole.loc[["seed", "CRF"]]}, {"upper bound": 90}, ax)
    first, second, level = ax.lines
    assert first.get_xydata().tolist() == [[0, 30], [1, 35], [2, 40]]
    np.testing.assert_allclose(second.get_xydata(), [[0, 30], [2, 40]], atol=0.1)
    assert list(level.get_ydata()) == [90, 90]
    np.testing.assert_allclose(ax.collections[1].get_segments()[1], [[2, 38], [2, 43]], atol=0.1)
    assert [text.get_text() for text in ax.get_xticklabels()] == ["seed", "SVM", "CRF"]
    assert legend(ax) == ["with", "without", "upper bound"]


def test_a_step_that_the_first_chain_lacks_is_refused(ax):
    seed, svm = intervals([30], ["seed"]), intervals([35], ["SVM"])
    with pytest.raises(ParameterError, match=r"\['SVM'\]; expected some of \['seed'\]"):
        step_curves({"with": seed, "without": svm}, ax=ax)


def test_more_than_can_be_told_apart_is_refused(ax):
    seed = intervals([30], ["seed"])
    with pytest.raises(ParameterError, match=r"5 of .* at most 4"):
        precision_dots(pd.DataFrame([[50] * 5], ["bkg"], list("abcde")), ax)
    with pytest.raises(ParameterError, match=r"5 of .* at most 4"):
        precision_against_score(pd.concat([seed.assign(precision=50)] * 5), ax)
    with pytest.raises(ParameterError, match=r"5 of .* at most 4"):
        step_curves(dict.fromkeys("abcde", seed), ax=ax)
    with pytest.raises(ParameterError, match=r"4 of .* at most 3"):
        step_curves({"with": seed}, dict.fromkeys("abcd", 50.0), ax)
