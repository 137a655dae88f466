from datetime import UTC, datetime
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from wsss_lib.datasets.classes import VOID
from wsss_lib.datasets.images import read_mask
from wsss_lib.evaluate.photo import PhotoSegmenter
from wsss_lib.evaluate.settings import Setting
from wsss_lib.expand.strokes import paint_stroke
from wsss_lib.show.masks import cam_overlay, strokes_overlay
from wsss_lib.show.widgets.painting import MOST
from wsss_lib.show.widgets.strokes import CRF, StrokePainter

PIXELS = Setting("img", 50)
EMPTY = np.full((24, 36), VOID, np.uint8)


@pytest.fixture
def painter(image):
    """A painter that answers at once."""
    return StrokePainter(image, backbone=None, setting=PIXELS, background=False)


def browser(painter, do, **message):
    """Say what the canvas in a browser says."""
    painter.canvas._msg_callbacks(painter.canvas, {"do": do, **message}, [])


def stroke(painter, *points, id=1):
    label, width = painter.canvas.label, painter.canvas.width
    browser(painter, "paint", points=points, label=label, width=width, id=id)


def paint_two(painter):
    painter.canvas.label = 0
    stroke(painter, (3, 4), (12, 4))
    painter.canvas.label = 1
    stroke(painter, (22, 15), (30, 15))


@pytest.fixture
def sent(painter, monkeypatch):
    """What is sent to the browser from now on."""
    sent = []
    monkeypatch.setattr(painter.canvas, "send", lambda *message: sent.append(message))
    return sent


def classes(painter):
    return {each["label"]: each["name"] for each in painter.canvas.classes}


def test_classes_are_added_named_and_removed_and_that_is_undone(painter):
    browser(painter, "add")
    browser(painter, "rename", label=2, name="sand")
    assert classes(painter) == {0: "background", 1: "object", 2: "sand"}
    assert painter.canvas.classes[1] == dict(label=1, name="object", colour="#800000", ink="#fff")
    assert painter.canvas.label == 2
    stroke(painter, (5, 6))
    browser(painter, "remove", label=2)
    assert classes(painter) == {0: "background", 1: "object"}
    assert painter.canvas.label == 0
    assert (painter.painting.step.strokes == VOID).all()
    painter.controls.undo.click()
    assert classes(painter)[2] == "sand"
    assert painter.painting.step.strokes[6, 5] == 2
    painter.controls.undo.click()
    painter.controls.undo.click()
    assert classes(painter)[2] == "class 2"
    for _ in range(MOST):
        browser(painter, "add")
    assert len(painter.canvas.classes) == MOST


def test_the_canvas_cannot_ask_for_anything_else(painter, tmp_path):
    browser(painter, "write", path=str(tmp_path / "a.png"), kind="strokes")
    assert not list(tmp_path.iterdir())


def test_the_mask_comes_with_the_second_class(painter, image):
    assert "Paint a stroke in each of two classes" in painter.status.value
    stroke(painter, (3, 4), (12, 4))
    assert painter.scores is None
    paint_two(painter)
    strokes = painter.painting.step.strokes
    expected = PhotoSegmenter(image, None, PIXELS).mask(strokes)
    np.testing.assert_array_equal(painter.scores.mask(), expected)
    np.testing.assert_array_equal(painter.picture, strokes_overlay(image, strokes, expected))
    assert "mask in" in painter.status.value


def test_a_stroke_has_the_class_and_the_width_that_it_was_painted_with(painter):
    painter.canvas.width = 5
    assert painter.controls.brush.value == 5
    painter.controls.brush.value = 7
    assert painter.canvas.width == 7
    message = dict(points=[(5, 6), (20, 6)], label=1, width=4, id=3)
    browser(painter, "paint", **message)
    expected = paint_stroke(EMPTY, [(5, 6), (20, 6)], 1, 4)
    np.testing.assert_array_equal(painter.painting.step.strokes, expected)
    browser(painter, "paint", **message | {"label": VOID})
    assert (painter.painting.step.strokes == VOID).all()


def test_the_picture_tells_the_canvas_which_strokes_it_holds(painter):
    stroke(painter, (3, 4), (12, 4), id=77)
    assert painter.canvas.seen == 77
    shown = np.array(Image.open(BytesIO(painter.canvas.picture)))
    np.testing.assert_array_equal(shown, painter.picture)
    assert (shown[4, 3] == 0).all()


@pytest.mark.parametrize("way", ["button", "key"])
def test_undo_and_redo_take_stored_masks(painter, monkeypatch, way):
    paint_two(painter)
    mask, strokes = painter.scores.mask(), painter.painting.step.strokes

    def press(do):
        getattr(painter.controls, do).click() if way == "button" else browser(painter, do)

    monkeypatch.setattr(PhotoSegmenter, "scores", None)  # nothing can be computed
    press("undo")
    assert painter.scores is None
    press("redo")
    np.testing.assert_array_equal(painter.scores.mask(), mask)
    np.testing.assert_array_equal(painter.painting.step.strokes, strokes)
    painter.controls.clear.click()
    assert painter.scores is None
    press("undo")
    np.testing.assert_array_equal(painter.scores.mask(), mask)


def test_refining_asks_for_the_crf_once(painter, image, monkeypatch):
    image[10, 6] = 250
    painter.load(image, "specked")
    paint_two(painter)
    assert painter.scores.mask()[10, 6] == 1
    expected = PhotoSegmenter(image, None, PIXELS).mask(painter.painting.step.strokes, CRF)
    monkeypatch.setattr(PhotoSegmenter, "scores", None)
    painter.controls.refine.value = True
    np.testing.assert_array_equal(painter.scores.mask(), expected)
    assert expected[10, 6] == 0
    monkeypatch.setattr("wsss_lib.show.widgets.painting.refine_by_crf", None)
    for refined, label in ((False, 1), (True, 0)):
        painter.controls.refine.value = refined
        assert painter.scores.mask()[10, 6] == label


def test_the_opacity_changes_the_picture_alone(painter, image):
    paint_two(painter)
    scores = painter.scores
    painter.controls.opacity.value = 1.0
    strokes = painter.painting.step.strokes
    expected = strokes_overlay(image, strokes, scores.mask(), 1.0)
    np.testing.assert_array_equal(painter.picture, expected)
    assert painter.scores is scores


def test_the_probability_of_the_chosen_class_is_a_picture(painter, image):
    paint_two(painter)
    painter.controls.probability.value = True
    for label in (1, 0):
        painter.canvas.label = label
        values = painter.scores.values[label]
        assert (values[:, 18:].mean() > 0.5) == (label == 1)
        expected = strokes_overlay(cam_overlay(image, values), painter.painting.step.strokes)
        np.testing.assert_array_equal(painter.picture, expected)


def test_strokes_and_mask_go_to_the_browser_and_strokes_come_back(painter, image, sent, tmp_path):
    painter.controls.mask.click()
    assert 'class="error"' in painter.status.value
    assert sent == []
    paint_two(painter)
    strokes, expected = painter.painting.step.strokes, painter.scores.mask()
    for kind, labels in (("strokes", strokes), ("mask", expected)):
        getattr(painter.controls, kind).click()
        message, (content,) = sent.pop()
        assert message == {"do": "download", "name": f"photograph_{kind}.png"}
        path = tmp_path / message["name"]
        path.write_bytes(content)
        np.testing.assert_array_equal(read_mask(path, 2), labels)
    painter.load(image, "again")
    painter.controls.load.value = upload("strokes.png", (tmp_path / "photograph_strokes.png"))
    np.testing.assert_array_equal(painter.painting.step.strokes, strokes)
    np.testing.assert_array_equal(painter.scores.mask(), expected)


def upload(name, path):
    content = path.read_bytes()
    file = {"name": name, "type": "image/png", "size": len(content)}
    return (file | {"content": memoryview(content), "last_modified": datetime.now(UTC)},)


def test_a_path_or_an_upload_takes_another_photograph_with_classes_of_its_own(image, tmp_path):
    painter = StrokePainter(image, ("sky", "sea"), backbone=None, setting=PIXELS, background=False)
    paint_two(painter)
    Image.fromarray(image[:20]).save(tmp_path / "other.png")
    painter.controls.path.value = str(tmp_path / "other.png")
    assert (painter.name, painter.painting.step.strokes.shape, painter.scores) == (
        "other",
        (20, 36),
        None,
    )
    assert classes(painter) == {0: "background", 1: "object"}
    np.testing.assert_array_equal(painter.picture, image[:20])
    painter.controls.photograph.value = upload("../sent.png", tmp_path / "other.png")
    assert painter.controls.photograph.value == ()
    assert painter.name == "sent"


@pytest.mark.parametrize("control", ["photograph", "load"])
def test_a_bad_upload_shows_in_red_and_can_be_sent_again(painter, tmp_path, control):
    (tmp_path / "bad.png").write_text("text")
    painting = painter.painting
    for _ in range(2):
        painter.status.value = ""
        getattr(painter.controls, control).value = upload("bad.png", tmp_path / "bad.png")
        assert 'class="error"' in painter.status.value
        assert "not a picture" in painter.status.value
    assert (painter.name, painter.painting is painting) == ("photograph", True)


def test_on_a_thread_features_are_computed_before_a_stroke_and_the_newest_strokes_win(image):
    painter = StrokePainter(image, backbone=None, setting=PIXELS)
    painter.wait()
    assert "maps" in vars(painter.painting.segmenter)
    for _ in range(3):
        paint_two(painter)
    painter.wait()
    expected = PhotoSegmenter(image, None, PIXELS).mask(painter.painting.step.strokes)
    np.testing.assert_array_equal(painter.scores.mask(), expected)


def test_an_answer_about_another_photograph_or_to_what_was_undone_is_dropped(
    painter, image, monkeypatch
):
    real = PhotoSegmenter.scores

    def meanwhile(act):
        acts = [act]

        def slow(segmenter, *arguments):
            scores = real(segmenter, *arguments)
            if acts:
                acts.pop()()
            return scores

        monkeypatch.setattr(PhotoSegmenter, "scores", slow)

    meanwhile(painter.controls.undo.click)
    paint_two(painter)
    assert painter.scores is None
    painter.controls.redo.click()
    assert painter.scores is not None
    meanwhile(lambda: painter.load(image[:, ::-1], "mirrored"))
    stroke(painter, (5, 20))
    assert (painter.name, painter.scores) == ("mirrored", None)
    np.testing.assert_array_equal(painter.picture, image[:, ::-1])


def test_first_strokes_can_be_given(image):
    strokes = EMPTY.copy()
    strokes[3, 3], strokes[20, 30] = 0, 1
    painter = StrokePainter(image, strokes=strokes, backbone=None, setting=PIXELS, background=False)
    np.testing.assert_array_equal(painter.painting.step.strokes, strokes)
    assert painter.scores.labels == (0, 1)
