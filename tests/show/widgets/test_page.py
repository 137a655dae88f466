import base64
import re
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression

from wsss_lib.datasets.classes import ClassSet, palette
from wsss_lib.evaluate.exploration import class_scores, explore, history
from wsss_lib.expand.pixels import PixelClassifier
from wsss_lib.expand.sampling import PixelSamples
from wsss_lib.expand.svm import ImageSVM
from wsss_lib.show.widgets.page import (
    WIDTH,
    enlarge,
    error_html,
    history_html,
    image_html,
    png_uri,
    result_html,
    sample_picture,
    scores_html,
    settings_text,
)


@pytest.mark.parametrize(("width", "times"), [(1, 480), (240, 2), (241, 1), (500, 1)])
def test_small_pictures_grow_by_a_whole_number(width, times):
    picture = np.arange(2 * width * 3, dtype=np.uint8).reshape(2, width, 3)
    grown = enlarge(picture)
    assert grown.shape == (2 * times, width * times, 3)
    assert np.array_equal(grown[::times, ::times], picture)


def test_a_sample_is_a_dot_round_its_pixel_and_larger_where_there_are_few():
    image, at = np.zeros((40, WIDTH, 3), np.uint8), (np.array([20]), np.array([50]))
    sizes = []
    for n in (100, 101, 1001):
        samples = PixelSamples(*at, np.array([3], np.uint8), (40, WIDTH), n)
        rows, cols = np.nonzero((sample_picture(image, samples) == palette()[3]).all(-1))
        assert (rows.mean(), cols.mean()) == (20, 50)
        sizes.append(len(rows))
    assert sizes == sorted(sizes, reverse=True)


def test_a_dot_at_the_corner_stays_inside():
    image = np.zeros((2, WIDTH, 3), np.uint8)
    corner = PixelSamples(
        np.array([0]), np.array([WIDTH - 1]), np.array([3], np.uint8), (2, WIDTH), 1
    )
    rows, cols = np.nonzero((sample_picture(image, corner) == palette()[3]).all(-1))
    assert (set(rows), set(cols)) == ({0, 1}, set(range(WIDTH - 5, WIDTH)))


def test_the_address_holds_the_very_pixels():
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    head, content = png_uri(picture).split(",")
    assert head == "data:image/png;base64"
    assert np.array_equal(np.asarray(Image.open(BytesIO(base64.b64decode(content)))), picture)


@pytest.fixture
def results(pair):
    return {layer: explore(pair, None, "three", layer, 20) for layer in ("img", "xy", "img*xy")}


def cells(html):
    """The text of each line of a table."""
    lines = re.findall(r"<tr.*?</tr>", html, re.DOTALL)
    return [re.findall(r"<t[hd][^>]*>(?:<span.*?</span>)?([^<]*)<", line) for line in lines]


def test_the_settings_stand_in_a_line(pair, results):
    said = "n = 20 per class from ground truth · rbf, C = 1 · gamma = scale"
    assert settings_text(results["img"]) == f"img · {said}"
    assert settings_text(results["img*xy"]) == f"img*xy · {said}"
    linear = explore(pair, None, "two", "img", 20, svm=ImageSVM("linear", C=0.01))
    assert settings_text(linear).endswith("linear, C = 0.01")
    other = explore(pair, None, "two", "img", 20, svm=PixelClassifier(LogisticRegression()))
    assert settings_text(other).endswith("ground truth · LogisticRegression")
    assert "support vectors" in result_html(linear, "A")
    assert "support vectors" not in result_html(other, "A")


def test_every_picture_has_a_name_for_those_who_cannot_see_it(results):
    html = image_html(results["xy"].sample) + result_html(results["xy"], "A")
    names = re.findall(r'<img alt="([^"]*)"', html)
    assert names == ["photograph", "ground truth", "samples xy", "mask xy", "wrong pixels xy"]


def test_the_scores_are_those_of_the_table(pair, results):
    lines = cells(scores_html({"now": results["img"]}, pair.classes))
    table = class_scores(results["img"], pair.classes)
    assert lines[0] == ["IoU (%)", "all pixels", "held out"]
    assert [line[0] for line in lines[1:]] == ["background", "left", "low", "mean"]
    shown = [
        [np.nan if text == "&ndash;" else float(text) for text in line[1:]] for line in lines[1:]
    ]
    assert np.allclose(shown, table.round(1), equal_nan=True, atol=0.051)
    assert lines[3][2] == "&ndash;"  # all four pixels of the last class are sampled


def test_two_results_of_one_image_are_compared(pair, results):
    pairs = {"A": results["img"], "B": results["xy"]}
    lines = cells(scores_html(pairs, pair.classes))
    assert lines[0][-1] == "B minus A, all pixels"
    means = [class_scores(each, pair.classes).loc["mean", "all pixels"] for each in pairs.values()]
    assert float(lines[-1][-1]) == pytest.approx(means[1] - means[0], abs=0.051)


def test_results_of_two_images_have_all_classes_and_no_difference(pair, results):
    other = explore(pair, None, "two", "img", 20)
    lines = cells(scores_html({"A": other, "B": results["img"]}, pair.classes))
    assert len(lines[0]) == 5
    assert [line[0] for line in lines[1:]] == ["background", "left", "low", "mean"]
    assert lines[3][1:3] == ["&ndash;", "&ndash;"]


def test_names_are_escaped(results):
    strange = ClassSet(("background", "<left>", "low"), ("bkg", "<left>", "low"))
    html = scores_html({"now": results["img"]}, strange)
    assert "&lt;left&gt;" in html
    assert "<left>" not in html


def test_the_history_has_the_newest_first_and_no_single_classes(pair, results):
    lines = cells(history_html(history(list(results.values()), pair.classes)))
    assert [line[0] for line in lines] == ["", "3", "2", "1"]
    assert [line[4] for line in lines] == ["layer", "img*xy", "xy", "img"]
    assert "IoU, held out" in lines[0]
    assert "IoU, left" not in lines[0]


def test_an_error_is_escaped_and_announced():
    assert "&lt;b&gt;" in error_html("<b>")
    assert 'role="alert"' in error_html("")
