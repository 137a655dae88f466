import base64
import re
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression

from wsss_lib.datasets.classes import VOID, ClassSet, palette
from wsss_lib.evaluate.exploration import class_scores, explore
from wsss_lib.expand.pixels import PixelClassifier
from wsss_lib.expand.sampling import PixelSamples
from wsss_lib.expand.svm import ImageSVM
from wsss_lib.show.widgets.page import (
    CLEAR,
    WIDTH,
    cells_html,
    error_html,
    error_layer,
    image_html,
    labels_text,
    layer_uri,
    photo_uri,
    result_html,
    sample_layer,
    scores_html,
    settings_text,
    tried_texts,
)


def made_samples(rows, cols, labels, size, requested):
    return PixelSamples(np.array(rows), np.array(cols), np.array(labels, np.uint8), size, requested)


@pytest.mark.parametrize(("width", "times"), [(1, 480), (240, 2), (241, 1), (500, 1)])
def test_samples_of_a_small_image_are_laid_out_on_a_layer_a_whole_number_larger(width, times):
    layer = sample_layer(made_samples([1], [0], [3], (2, width), 5000))
    assert layer.shape == (2 * times, width * times)
    assert layer[times + times // 2, times // 2] == 3


def test_a_sample_is_a_dot_round_its_pixel_and_larger_where_there_are_few():
    sizes = []
    for n in (100, 101, 1001):
        layer = sample_layer(made_samples([20], [50], [3], (40, WIDTH), n))
        rows, cols = np.nonzero(layer == 3)
        assert (rows.mean(), cols.mean()) == (20, 50)
        assert (layer != 3).sum() == (layer == CLEAR).sum()
        sizes.append(len(rows))
    assert sizes == sorted(sizes, reverse=True)


def test_a_dot_at_the_corner_stays_inside():
    layer = sample_layer(made_samples([0], [WIDTH - 1], [3], (2, WIDTH), 1))
    rows, cols = np.nonzero(layer == 3)
    assert (set(rows), set(cols)) == ({0, 1}, set(range(WIDTH - 5, WIDTH)))


def picture(address):
    """What kind of picture an address holds, and the picture."""
    head, content = address.split(",")
    return head, Image.open(BytesIO(base64.b64decode(content)))


def test_a_layer_has_the_very_labels_in_their_colours_and_clear_ones_let_through():
    labels = np.array([[0, 1, 20], [VOID, CLEAR, 3]], np.uint8)
    head, shown = picture(layer_uri(labels))
    shown = np.asarray(shown.convert("RGBA"))
    assert head == "data:image/png;base64"
    assert np.array_equal(shown[..., 3], 255 * (labels != CLEAR))
    assert np.array_equal(shown[labels != CLEAR][:, :3], palette()[labels[labels != CLEAR]])


def test_the_photograph_is_small_and_nearly_as_it_was():
    photo = np.indices((60, 80, 3)).sum(0).astype(np.uint8)
    head, shown = picture(photo_uri(photo))
    assert head == "data:image/jpeg;base64"
    assert np.abs(np.asarray(shown).astype(int) - photo).max() < 10


def test_right_pixels_let_the_photograph_through_and_void_is_neither():
    truth = np.array([[0, 1, VOID, VOID]], np.uint8)
    assert error_layer(truth, np.array([[0, 2, 2, VOID]])).tolist() == [[CLEAR, 0, VOID, VOID]]


@pytest.fixture
def results(pair):
    return {layer: explore(pair, None, "three", layer, 20) for layer in ("img", "xy", "img*xy")}


def cells(html):
    """The text of each line of a table."""
    lines = re.findall(r"<tr.*?</tr>", html, re.DOTALL)
    return [re.findall(r"<t[hd][^>]*>(?:<span.*?</span>)?([^<]*)<", line) for line in lines]


def test_the_settings_stand_in_a_line(pair, results):
    said = "n = 20 per class from ground truth · rbf, C = 1 · gamma = scale"
    assert settings_text(results["img"]) == f"three · img · {said}"
    assert settings_text(results["img*xy"]) == f"three · img*xy · {said}"
    linear = explore(pair, None, "two", "img", 20, svm=ImageSVM("linear", C=0.01))
    assert settings_text(linear).endswith("linear, C = 0.01")
    other = explore(pair, None, "two", "img", 20, svm=PixelClassifier(LogisticRegression()))
    assert settings_text(other).endswith("ground truth · LogisticRegression")
    assert "support vectors" in result_html(linear, "A")
    assert "support vectors" not in result_html(other, "A")


def test_every_picture_has_a_name_for_those_who_cannot_see_it(results):
    html = image_html(results["xy"].sample) + result_html(results["xy"], "A")
    names = re.findall(r'<img class="\w+" alt="([^"]+)"', html)
    assert names == ["photograph", "ground truth", "samples xy", "mask xy", "wrong pixels xy"]


def test_labels_are_counted_and_those_on_void_are_not_called_wrong(results):
    result = results["img"]
    assert labels_text(result) == "44 samples, 44 of 44 labels right (100 %)"
    on = made_samples([0, 5, 5], [0, 0, 20], [1, 1, 1], (24, 32), 3)  # void, right, wrong
    assert labels_text(replace(result, pixels=on)) == (
        "3 samples, 1 of 2 labels right (50 %), 1 on void"
    )
    on = made_samples([0], [0], [1], (24, 32), 1)
    assert labels_text(replace(result, pixels=on)) == "1 sample, 0 of 0 labels right, 1 on void"


def test_the_scores_are_those_of_the_table(pair, results):
    lines = cells(scores_html({"now": results["img"]}, pair.classes))
    table = class_scores(results["img"], pair.classes)
    assert lines[0] == ["IoU (%)", "all pixels", "held out"]
    assert [line[0] for line in lines[1:]] == ["background", "left", "low", "mean"]
    shown = [
        [np.nan if text == "&ndash;" else float(text.split()[0]) for text in line[1:]]
        for line in lines[1:]
    ]
    assert np.allclose(shown, table.round(1), equal_nan=True, atol=0.051)
    assert lines[3][2] == "&ndash;"  # all four pixels of the last class are sampled
    assert lines[4][2].endswith(" (2 of 3 classes)")
    assert "classes" not in lines[4][1]


def test_two_results_of_one_image_are_compared(pair, results):
    pairs = {"A": results["img"], "B": results["xy"]}
    lines = cells(scores_html(pairs, pair.classes))
    assert lines[0][-1] == "B minus A, all pixels"
    means = [class_scores(each, pair.classes).loc["mean", "all pixels"] for each in pairs.values()]
    assert float(lines[-1][-1]) == pytest.approx(means[1] - means[0], abs=0.051)


def test_names_are_escaped(results):
    strange = ClassSet(("background", "<left>", "low"), ("bkg", "<left>", "low"))
    html = scores_html({"now": results["img"]}, strange)
    assert "&lt;left&gt;" in html
    assert "<left>" not in html


def test_what_was_tried_has_no_single_classes_and_says_what_its_mean_is_over(pair, results):
    texts = tried_texts(results["img*xy"], pair.classes)
    assert [texts[name] for name in ("image", "layer", "n", "C")] == ["three", "img*xy", "20", "1"]
    assert texts["IoU, held out"].endswith(" (2 of 3 classes)")
    assert "IoU, left" not in texts
    assert cells_html(["<a>", "b"]).count("<span>") == 2
    assert "<a>" not in cells_html(["<a>", "b"])


def test_an_error_is_escaped_and_announced():
    assert "&lt;b&gt;" in error_html("<b>")
    assert 'role="alert"' in error_html("")
