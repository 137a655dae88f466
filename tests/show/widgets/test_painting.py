import numpy as np
import pytest
from PIL import Image

from wsss_lib.datasets.classes import VOID
from wsss_lib.datasets.images import read_mask, read_note
from wsss_lib.datasets.strokes import read_strokes
from wsss_lib.errors import MaskError, ParameterError
from wsss_lib.evaluate.photo import PhotoSegmenter
from wsss_lib.evaluate.settings import Setting
from wsss_lib.expand.strokes import paint_stroke
from wsss_lib.show.widgets import painting as module
from wsss_lib.show.widgets.painting import MOST, Painting

PIXELS = Setting("img", 50)


@pytest.fixture
def painting(image):
    return Painting(PhotoSegmenter(image, None, PIXELS), ("sky", "sea"))


@pytest.fixture
def fits(monkeypatch):
    """The strokes of every fit of an SVM."""
    real, seen = PhotoSegmenter.scores, []

    def counted(segmenter, strokes, crf=None):
        seen.append(strokes)
        return real(segmenter, strokes, crf)

    monkeypatch.setattr(PhotoSegmenter, "scores", counted)
    return seen


def paint_two(painting):
    painting.paint([(3, 4), (12, 4)], 0, 3)
    painting.paint([(22, 15), (30, 15)], 1, 3)


def test_steps_go_back_and_forth_until_something_new_is_painted(painting):
    steps = [painting.step]
    for points, label in (([(3, 4)], 0), ([(9, 9)], 1)):
        painting.paint(points, label, 3)
        steps.append(painting.step)
    np.testing.assert_array_equal(steps[2].strokes, paint_stroke(steps[1].strokes, [(9, 9)], 1, 3))
    painting.undo()
    assert painting.step is steps[1]
    painting.undo()
    painting.undo()  # nothing is left
    assert painting.step is steps[0]
    painting.redo()
    assert painting.step is steps[1]
    painting.clear()
    painting.redo()  # what was undone is gone
    assert (painting.step.strokes == VOID).all()
    painting.undo()
    assert painting.step is steps[1]


def test_a_removed_class_takes_its_strokes_and_the_others_keep_their_labels(painting):
    third = painting.add()
    painting.rename(third, "sand")
    paint_two(painting)
    painting.paint([(5, 20)], third, 3)
    before = painting.step
    painting.remove(1)
    assert dict(painting.step.names) == {0: "sky", 2: "sand"}
    expected = np.where(before.strokes == 1, VOID, before.strokes)
    np.testing.assert_array_equal(painting.step.strokes, expected)
    painting.paint([(9, 9)], 1, 3)  # a stroke of the class that is gone
    np.testing.assert_array_equal(painting.step.strokes, expected)
    assert painting.add() == 1
    painting.undo()
    painting.undo()
    assert painting.step is before


def test_the_last_class_stays_and_there_are_at_most_those_of_voc(painting):
    assert [painting.add() for _ in range(MOST - 1)] == [*range(2, MOST), None]
    for label in range(MOST):
        painting.remove(label)
    assert list(painting.step.names) == [MOST - 1]


@pytest.mark.parametrize("count", [0, 22])
def test_no_classes_or_too_many_are_refused(image, count):
    with pytest.raises(ParameterError, match=f"{count} names .* 1 to 21"):
        Painting(PhotoSegmenter(image, None, PIXELS), ["a"] * count)


def test_scores_are_computed_once_for_the_same_strokes(painting, image, fits):
    assert painting.scores(painting.step) is None
    paint_two(painting)
    assert not painting.is_made(None)
    first = painting.scores(painting.step)
    refined = painting.scores(painting.step, "deeplab")
    strokes = painting.step.strokes
    segmenter = PhotoSegmenter(image, None, PIXELS)
    np.testing.assert_array_equal(first.mask(), segmenter.mask(strokes))
    np.testing.assert_array_equal(refined.mask(), segmenter.mask(strokes, "deeplab"))
    del fits[:]
    painting.rename(0, "haze")
    assert painting.scores(painting.step) is first
    painting.clear()
    assert painting.is_made(None)
    painting.undo()
    assert painting.is_made("deeplab")
    assert painting.scores(painting.step, "deeplab") is refined
    assert fits == []


def test_only_the_scores_of_the_newest_steps_are_kept(painting, monkeypatch, fits):
    monkeypatch.setattr(module, "_KEPT", 2)
    paint_two(painting)
    for x in range(3):
        painting.scores(painting.step)
        painting.paint([(x, 20)], 0, 1)
    painting.undo()
    assert painting.is_made(None)
    painting.undo()
    assert painting.is_made(None)
    painting.undo()
    assert not painting.is_made(None)
    assert painting.scores(painting.step) is not None
    assert len(fits) == 4


def test_what_is_written_has_the_photographs_size_and_the_command_line_agrees(image, tmp_path):
    large = image.repeat(20, 0).repeat(20, 1)  # 480 x 720, painted on as 427 x 640
    painting = Painting(PhotoSegmenter(large, None, PIXELS), ("sky, blue", "sea 2"))
    strokes, mask = (tmp_path / f"coast_{kind}.png" for kind in ("strokes", "mask"))
    with pytest.raises(ParameterError, match="two classes"):
        painting.write(mask, "mask")
    painting.paint([(50, 60), (200, 60)], 0, 9)
    painting.paint([(400, 300), (600, 300)], 1, 9)
    for path, kind in ((strokes, "strokes"), (mask, "mask")):
        painting.write(path, kind)
        assert read_note(path) == "0 sky, blue, 1 sea 2"
    again = PhotoSegmenter(large, None, PIXELS).mask(read_strokes(strokes, (480, 720)))
    np.testing.assert_array_equal(read_mask(mask, 2), again)

    other = Painting(PhotoSegmenter(large, None, PIXELS), ("background", "object"))
    other.read(strokes)
    np.testing.assert_array_equal(other.step.strokes, painting.step.strokes)
    assert dict(other.step.names) == {0: "sky, blue", 1: "sea 2"}
    other.undo()
    assert dict(other.step.names) == {0: "background", 1: "object"}


def test_strokes_without_names_are_loaded_and_those_of_another_photograph_refused(
    painting, tmp_path
):
    strokes = np.full((24, 36), VOID, np.uint8)
    strokes[3, 3:9], strokes[20, 20:30] = 0, 7
    Image.fromarray(strokes).save(tmp_path / "drawn.png")
    painting.read(tmp_path / "drawn.png")
    np.testing.assert_array_equal(painting.step.strokes, strokes)
    assert dict(painting.step.names) == {0: "sky", 1: "sea", 7: "class 7"}
    step = painting.step
    Image.fromarray(strokes[1:]).save(tmp_path / "other.png")
    with pytest.raises(MaskError, match="must agree"):
        painting.read(tmp_path / "other.png")
    assert painting.step is step
