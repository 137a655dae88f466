import numpy as np
import pytest

from wsss_lib.datasets.images import read_mask, read_note
from wsss_lib.datasets.toy import TOY
from wsss_lib.scores import ClassScores
from wsss_lib.weak.crf import dense_crf, unary_from_labels
from wsss_lib.weak.irn import labels as label_files
from wsss_lib.weak.irn.labels import affinity_labels, make_affinity_labels
from wsss_lib.weak.seeds import Localiser, with_background


@pytest.fixture
def disc():
    """A disc in a ring of another colour, and scores that fall off from its middle."""
    rows, cols = np.indices((48, 60))
    distance = np.hypot(rows - 24, cols - 30)
    colours = np.array([(220, 180, 40), (120, 10, 130), (40, 90, 60)], np.uint8)
    image = colours[np.digitize(distance, (14, 21))]
    return image, np.clip(1 - distance / 24, 0, 1).astype(np.float32)[None]


@pytest.mark.parametrize(
    ("own_background", "first", "expected"),
    [
        # IRN's two constants, whatever stands there: 0.30 for objects, 0.05 for background
        (False, [0.15, 0.15, 0.15, 0.15], [0, 255, 255, 3]),
        # SIPE's scores as they are for objects, halved for background
        (True, [0.01, 0.15, 0.4, 0.9], [8, 255, 255, 0]),
    ],
)
def test_two_backgrounds_leave_what_is_between_them_void(
    monkeypatch, own_background, first, expected
):
    monkeypatch.setattr(label_files, "refine_by_crf", lambda _, run, hard: run)
    cams = [[0.01, 0.1, 0.2, 0.4], [0.02, 0.04, 0.29, 0.31]]
    scores = ClassScores(np.float32([first, *cams])[:, None], (0, 3, 8))
    labels = affinity_labels(None, scores, own_background=own_background)
    assert labels.tolist() == [expected]
    assert scores.values[0].tolist() == np.float32([first]).tolist()  # left as they were


def test_runs_go_through_the_crf_for_hard_labels(disc):
    image, cam = disc
    scores = with_background(cam, (5,), 0.15)
    refined = []
    for threshold in (0.30, 0.05):
        hard = (cam[0] > threshold).astype(np.uint8)
        refined.append(dense_crf(image, unary_from_labels(hard, 2)).argmax(0))
        assert (hard != refined[-1]).any()
    expected = np.where(refined[0], 5, np.where(refined[1], 255, 0))
    labels = affinity_labels(image, scores, own_background=False)
    np.testing.assert_array_equal(labels, expected)


def test_an_image_without_classes_is_background(disc):
    scores = ClassScores(np.ones((1, 48, 60), np.float32), (0,))
    assert (affinity_labels(disc[0], scores, own_background=True) == 0).all()


class Stopped(Exception):
    """Somebody pulled the plug."""


@pytest.fixture
def made(monkeypatch):
    """The labels of the images whose affinity labels are made; a stop can be put among them."""
    seen = []

    def labels(image, scores, *, own_background):
        if None in seen:
            raise Stopped
        seen.append(scores.labels)
        return affinity_labels(image, scores, own_background=own_background)

    monkeypatch.setattr(label_files, "affinity_labels", labels)
    return seen


def test_labels_are_made_once_and_only_missing_ones_again(few_squares, localiser, made):
    folder = make_affinity_labels(few_squares, localiser)
    assert made == [(0, 1, 2), (0, 2), (0,)]
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert sorted(files) == [f"{id_}.png" for id_ in few_squares.ids]
    for id_ in few_squares.ids:
        assert read_note(folder / f"{id_}.png") == localiser.key(few_squares, id_)

    assert make_affinity_labels(few_squares, localiser) == folder
    assert len(made) == 3
    first, second, third = few_squares.ids
    (folder / f"{first}.png").unlink()
    make_affinity_labels(few_squares, localiser)
    assert made[3:] == [(0, 1, 2)]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == files

    few_squares.mask_path(third).write_bytes(few_squares.mask_path(second).read_bytes())
    make_affinity_labels(few_squares, localiser)  # it has another label now
    assert made[4:] == [(0, 2)]


def test_labels_are_irns_or_sipes_and_lie_apart(few_squares, checkpoints):
    folders = set()
    for path, own in ((checkpoints.plain, False), (checkpoints.sipe, True)):
        localiser = Localiser(path, (1.0,))
        folder = make_affinity_labels(few_squares, localiser)
        for sample in few_squares:
            scores = localiser.scores(few_squares, sample.id)
            expected = affinity_labels(sample.image, scores, own_background=own)
            found = read_mask(folder / f"{sample.id}.png", len(TOY))
            np.testing.assert_array_equal(found, expected)
        folders.add(folder)
    assert len(folders) == 2


def test_what_was_made_before_a_stop_is_kept(few_squares, localiser, made, monkeypatch):
    write = label_files.write_mask

    def last(*arguments):
        write(*arguments)
        made.append(None)

    with monkeypatch.context() as patch:
        patch.setattr(label_files, "write_mask", last)
        with pytest.raises(Stopped):
            make_affinity_labels(few_squares, localiser)
    assert made == [(0, 1, 2), None]
    made.clear()
    make_affinity_labels(few_squares, localiser)
    assert made == [(0, 2), (0,)]
