import errno
import os
from datetime import UTC, datetime

import numpy as np
import pytest
from PIL import Image

from wsss_lib.datasets.classes import VOID
from wsss_lib.datasets.images import read_mask, read_note
from wsss_lib.datasets.strokes import read_strokes
from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.photo import PhotoSegmenter
from wsss_lib.evaluate.settings import Setting
from wsss_lib.expand.strokes import paint_stroke
from wsss_lib.show.widgets.strokes import CRF, MOST, ClassPalette, StrokeCanvas, StrokePainter


def chosen(palette):
    return [place for place, button in enumerate(palette.buttons) if button.icon == "pencil"]


def test_a_button_chooses_its_class():
    palette = ClassPalette(["sky", "sea", "sand"])
    palette.buttons[1].click()
    assert (palette.label, chosen(palette)) == (1, [1])
    assert palette.buttons[1].style.button_color == "#800000"
    palette.eraser.click()
    assert (palette.label, chosen(palette), palette.eraser.icon) == (VOID, [], "eraser")
    palette.buttons[0].click()
    assert (palette.label, chosen(palette), palette.eraser.icon) == (0, [0], "")


def test_names_can_be_typed_and_classes_added_up_to_the_last_of_voc():
    palette = ClassPalette(["sky", "sea"])
    palette.fields[1].value = "lake"
    palette.more.click()
    assert palette.names == ("sky", "lake", "class 2")
    assert palette.label == 2
    for _ in range(MOST - 3):
        assert not palette.more.disabled
        palette.more.click()
    assert palette.more.disabled
    assert len(palette.children) == MOST + 1


@pytest.mark.parametrize("count", [1, 22])
def test_too_few_or_too_many_classes_are_refused(count):
    with pytest.raises(ParameterError, match=f"{count} names .* 2 to 21"):
        ClassPalette(["a"] * count)


PIXELS = Setting("img", 50)


@pytest.fixture
def image():
    image = np.random.default_rng(0).integers(40, 60, (24, 36, 3), dtype=np.uint8)
    image[:, 18:] += 120
    return image


@pytest.fixture
def painter(image, tmp_path, monkeypatch):
    """A painter that answers at once."""
    monkeypatch.setenv("WSSS_OUTPUT", str(tmp_path))
    return StrokePainter(image, backbone=None, setting=PIXELS, background=False)


def paint_two(painter):
    painter.palette.choose(0)
    painter.paint([(3, 4), (12, 4)])
    painter.palette.choose(1)
    painter.paint([(22, 15), (30, 15)])


def test_the_mask_comes_with_the_second_class(painter, image):
    painter.paint([(3, 4), (12, 4)])
    assert painter.scores is None
    assert "second class" in painter.status.value
    paint_two(painter)
    expected = PhotoSegmenter(image, None, PIXELS).mask(painter.strokes)
    np.testing.assert_array_equal(painter.scores.mask(), expected)
    assert (expected[:, :18] == 0).all()
    assert "mask in" in painter.status.value


def test_strokes_have_the_chosen_class_and_brush(painter):
    painter.palette.choose(1)
    painter.controls.brush.value = 5
    painter.paint([(5, 6), (20, 6)])
    empty = np.full((24, 36), VOID, np.uint8)
    np.testing.assert_array_equal(painter.strokes, paint_stroke(empty, [(5, 6), (20, 6)], 1, 5))
    painter.palette.eraser.click()
    painter.paint([(0, 6), (35, 6)])
    assert (painter.strokes == VOID).all()


def test_undo_takes_back_step_by_step_and_the_mask_follows(painter):
    paint_two(painter)
    both = painter.strokes
    painter.controls.clear.click()
    assert (painter.strokes == VOID).all()
    assert painter.scores is None
    painter.controls.undo.click()
    np.testing.assert_array_equal(painter.strokes, both)
    assert painter.scores is not None
    painter.controls.undo.click()
    assert set(np.unique(painter.strokes)) == {0, VOID}
    painter.controls.undo.click()
    painter.controls.undo.click()
    assert (painter.strokes == VOID).all()


def test_it_waits_for_the_button_if_it_is_told_to(painter):
    painter.controls.live.value = False
    paint_two(painter)
    assert painter.scores is None
    painter.controls.segment.click()
    assert painter.scores.labels == (0, 1)


def test_refining_asks_for_the_crf(painter, image):
    image[10, 6] = 250
    painter.load(image, "specked")
    paint_two(painter)
    assert painter.scores.mask()[10, 6] == 1
    painter.controls.refine.value = True
    expected = PhotoSegmenter(image, None, PIXELS).mask(painter.strokes, CRF)
    np.testing.assert_array_equal(painter.scores.mask(), expected)
    assert expected[10, 6] == 0


@pytest.mark.parametrize("opacity", [0.0, 1.0])
def test_the_opacity_changes_the_picture_alone(painter, opacity):
    paint_two(painter)
    before, scores = painter.canvas.picture, painter.scores
    painter.controls.opacity.value = opacity
    assert (painter.canvas.picture != before).any()
    assert painter.scores is scores


def test_a_saved_pair_has_the_photographs_size_and_the_command_line_agrees(image, tmp_path):
    large = image.repeat(20, 0).repeat(20, 1)  # 480 x 720, shown as 427 x 640
    painter = StrokePainter(
        large, ("sky", "sea"), name="coast", backbone=None, setting=PIXELS, background=False
    )
    painter.controls.brush.value = 9
    painter.paint([(50, 60), (200, 60)])
    painter.palette.choose(1)
    painter.paint([(400, 300), (600, 300)])
    strokes, mask = painter.write(tmp_path)
    assert [strokes.name, mask.name] == ["coast_strokes.png", "coast_mask.png"]
    assert read_note(mask) == "0 sky, 1 sea"
    written = read_strokes(strokes, (480, 720))
    again = PhotoSegmenter(large, None, PIXELS).mask(written)
    np.testing.assert_array_equal(read_mask(mask, 2), again)


def test_the_save_button_says_where(painter, tmp_path):
    painter.controls.save.click()
    assert (tmp_path / "build/strokes/photograph_strokes.png").is_file()
    assert "photograph_strokes.png" in painter.status.value


def sent(name, content):
    file = {"name": name, "type": "image/png", "size": len(content)}
    return (file | {"content": memoryview(content), "last_modified": datetime.now(UTC)},)


@pytest.mark.parametrize(
    ("place", "reason"), [("file", "a file is where a folder"), ("full", "No space left on device")]
)
@pytest.mark.parametrize("action", ["save", "upload"])
def test_where_nothing_can_be_written_it_shows_in_red(
    painter, image, tmp_path, monkeypatch, action, place, reason
):
    paint_two(painter)
    strokes = painter.strokes
    (tmp_path / "file").write_text("a file")
    monkeypatch.setenv("WSSS_OUTPUT", str(tmp_path / place))
    if place == "full":

        def full(*_, **__):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr("wsss_lib.files.tempfile.mkstemp", full)
    if action == "save":
        painter.controls.save.click()
    else:
        painter.controls.upload.value = sent("other.png", b"some bytes")
        assert painter.controls.upload.value == ()
    assert 'class="error"' in painter.status.value
    assert reason in painter.status.value
    assert "another place with --out or WSSS_OUTPUT" in painter.status.value
    assert (painter.name, painter.strokes is strokes) == ("photograph", True)
    assert not [path for path in tmp_path.rglob("*.png")]


def test_a_bad_upload_can_be_sent_again(painter):
    for _ in range(2):
        painter.status.value = ""
        painter.controls.upload.value = sent("bad.png", b"text")
        assert "not a picture" in painter.status.value
        assert painter.controls.upload.value == ()


def test_a_path_or_an_upload_takes_another_photograph(painter, image, tmp_path):
    paint_two(painter)
    Image.fromarray(image[:20]).save(tmp_path / "other.png")
    painter.controls.path.value = str(tmp_path / "other.png")
    assert (painter.name, painter.strokes.shape, painter.scores) == ("other", (20, 36), None)
    np.testing.assert_array_equal(painter.segmenter.image, image[:20])
    content = (tmp_path / "other.png").read_bytes()
    painter.controls.upload.value = sent("../sent.png", content)
    assert painter.controls.upload.value == ()
    assert painter.name == "sent"
    assert (tmp_path / "build/strokes/sent.png").read_bytes() == content


def test_a_bad_photograph_shows_in_red_and_the_old_one_stays(painter, tmp_path):
    (tmp_path / "bad.jpg").write_text("text")
    painter.controls.path.value = str(tmp_path / "bad.jpg")
    assert "not a picture" in painter.status.value
    assert 'class="error"' in painter.status.value
    assert painter.name == "photograph"


def test_on_a_thread_the_newest_strokes_win(image):
    painter = StrokePainter(image, backbone=None, setting=PIXELS)
    for _ in range(3):
        paint_two(painter)
    painter.wait()
    expected = PhotoSegmenter(image, None, PIXELS).mask(painter.strokes)
    np.testing.assert_array_equal(painter.scores.mask(), expected)


def test_an_answer_about_another_photograph_is_dropped(painter, image, monkeypatch):
    real = PhotoSegmenter.scores

    def slow(segmenter, *arguments):
        scores = real(segmenter, *arguments)
        painter.load(image[:, ::-1], "mirrored")
        return scores

    monkeypatch.setattr(PhotoSegmenter, "scores", slow)
    paint_two(painter)
    assert (painter.name, painter.scores) == ("mirrored", None)
    assert "mask in" not in painter.status.value


def test_first_strokes_can_be_given(image, tmp_path):
    strokes = np.full((24, 36), VOID, np.uint8)
    strokes[3, 3], strokes[20, 30] = 0, 1
    painter = StrokePainter(image, strokes=strokes, backbone=None, setting=PIXELS, background=False)
    painter.ask()
    np.testing.assert_array_equal(painter.strokes, strokes)
    assert painter.scores.labels == (0, 1)


def test_a_stroke_of_the_mouse_is_painted_with_the_chosen_class(painter):
    painter.canvas.start(4, 5)
    painter.canvas.extend(12, 5)
    painter.canvas.finish(12, 5)
    expected = paint_stroke(np.full((24, 36), VOID, np.uint8), [(3.5, 4.5), (11.5, 4.5)], 0, 3)
    np.testing.assert_array_equal(painter.strokes, expected)


GREY = np.full((20, 30, 3), 100, np.uint8)


@pytest.fixture
def painted():
    strokes = []
    canvas = StrokeCanvas((20, 30), lambda: ("#800000", 4), strokes.append)
    canvas.show(GREY)
    return canvas, strokes


def mouse(canvas, event, x, y):
    canvas.layers[1]._handle_frontend_event(None, {"event": event, "x": x, "y": y}, [])


@pytest.mark.parametrize("end", ["mouse_up", "mouse_out"])
def test_a_stroke_is_what_lies_between_mouse_down_and_up_or_out(painted, end):
    canvas, strokes = painted
    mouse(canvas, "mouse_move", 3, 3)
    mouse(canvas, "mouse_down", 5, 6)
    mouse(canvas, "mouse_move", 8, 9.5)
    assert strokes == []
    mouse(canvas, end, 8, 9.5)
    mouse(canvas, "mouse_move", 20, 20)
    mouse(canvas, "mouse_up", 20, 20)
    assert strokes == [[(4.5, 5.5), (7.5, 9)]]


def test_a_finger_paints_too(painted):
    canvas, strokes = painted
    events = {"touch_start": [{"x": 1, "y": 2}], "touch_move": [{"x": 3, "y": 4}], "touch_end": []}
    for event, touches in events.items():
        canvas.layers[1]._handle_frontend_event(None, {"event": event, "touches": touches}, [])
    assert strokes == [[(0.5, 1.5), (2.5, 3.5)]]


def test_a_page_that_is_loaded_again_gets_the_picture(painted, monkeypatch):
    canvas, _ = painted
    sent = []
    monkeypatch.setattr(canvas.layers[0], "put_image_data", sent.append)
    canvas.layers[1]._handle_frontend_event(None, {"event": "client_ready"}, [])
    np.testing.assert_array_equal(sent, [GREY])
