import numpy as np
import pytest

from wsss_lib.datasets.images import read_mask, read_note
from wsss_lib.datasets.toy import TOY
from wsss_lib.errors import ImageError, ParameterError
from wsss_lib.scores import ClassScores
from wsss_lib.weak.crf import dense_crf, unary_from_labels
from wsss_lib.weak.irn import labels as label_files
from wsss_lib.weak.irn.labels import (
    affinity_labels,
    make_affinity_labels,
    merge_labels,
    runs_from_cams,
    runs_from_scores,
)
from wsss_lib.weak.seeds import Localiser, with_background


@pytest.fixture
def disc():
    """A disc in a ring of another colour, and scores that fall off from its middle."""
    rows, cols = np.indices((48, 60))
    distance = np.hypot(rows - 24, cols - 30)
    colours = np.array([(220, 180, 40), (120, 10, 130), (40, 90, 60)], np.uint8)
    image = colours[np.digitize(distance, (14, 21))]
    return image, np.clip(1 - distance / 24, 0, 1).astype(np.float32)[None]


def test_merging_keeps_sure_objects_and_sure_background():
    foreground = np.array([[0, 0, 0, 5, 5, 5]], np.uint8)
    background = np.array([[0, 5, 7, 0, 5, 7]], np.uint8)
    merged = merge_labels(foreground, background)
    assert merged.tolist() == [[0, 255, 255, 5, 5, 5]]
    assert merged.dtype == np.uint8


def test_cams_are_set_against_irns_two_constants():
    cams = np.float32([[[0.01, 0.1, 0.2, 0.4]], [[0.02, 0.04, 0.29, 0.31]]])
    foreground, background = runs_from_cams(cams, (3, 8))
    assert foreground.labels == background.labels == (0, 3, 8)
    assert foreground.mask().tolist() == [[0, 0, 0, 3]]
    assert background.mask().tolist() == [[0, 3, 8, 3]]


def test_scores_are_taken_as_they_are_and_with_half_the_background():
    scores = ClassScores(np.float32([[[0.8, 0.8, 0.8]], [[0.9, 0.5, 0.3]]]), (0, 6))
    foreground, background = runs_from_scores(scores)
    assert foreground.mask().tolist() == [[6, 0, 0]]
    assert background.mask().tolist() == [[6, 6, 0]]
    assert scores.values[0, 0, 0] == np.float32(0.8)


def test_labels_are_void_between_the_two_runs(disc):
    image, cam = disc
    labels = affinity_labels(image, *runs_from_cams(cam, (5,)))
    assert set(np.unique(labels).tolist()) == {0, 5, 255}
    assert labels[24, 30] == 5
    assert labels[0, 0] == 0


def test_runs_go_through_the_crf_for_hard_labels(disc):
    image, cam = disc
    run = with_background(cam, (5,), 0.3)
    hard = (cam[0] > 0.3).astype(np.uint8)
    expected = 5 * dense_crf(image, unary_from_labels(hard, 2, 0.7)).argmax(0)
    assert (hard != expected / 5).any()
    np.testing.assert_array_equal(affinity_labels(image, run, run), expected)


def test_an_image_without_classes_is_background(disc):
    scores = ClassScores(np.ones((1, 48, 60), np.float32), (0,))
    assert (affinity_labels(disc[0], *runs_from_scores(scores)) == 0).all()


def test_runs_without_background_or_of_other_classes_are_refused(disc):
    image, cam = disc
    cams = ClassScores(cam, (5,))
    with pytest.raises(ParameterError, match=r"\(5,\) and \(5,\); expected the background"):
        affinity_labels(image, cams, cams)
    runs = (with_background(cam, (label,), 0.3) for label in (5, 6))
    with pytest.raises(ParameterError, match=r"\(0, 5\) and \(0, 6\); expected .* same classes"):
        affinity_labels(image, *runs)


class Stopped(Exception):
    """Somebody pulled the plug."""


@pytest.fixture
def localiser(checkpoints):
    return Localiser(checkpoints.plain, (1.0,))


@pytest.fixture
def made(monkeypatch):
    """The labels of the images whose affinity labels are made; a stop can be put among them."""
    seen = []

    def labels(image, *runs):
        if None in seen:
            raise Stopped
        seen.append(runs[0].labels)
        return affinity_labels(image, *runs)

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


def test_labels_of_a_plain_network_are_irns(few_squares, localiser):
    folder = make_affinity_labels(few_squares, localiser)
    for sample in few_squares:
        scores = localiser.scores(few_squares, sample.id)
        runs = runs_from_cams(scores.values[1:], scores.labels[1:])
        expected = affinity_labels(sample.image, *runs)
        np.testing.assert_array_equal(read_mask(folder / f"{sample.id}.png", len(TOY)), expected)


def test_labels_of_sipe_are_sipes_and_lie_elsewhere(few_squares, localiser, checkpoints):
    sipe, one = Localiser(checkpoints.sipe, (1.0,)), few_squares.subset(few_squares.ids[:1])
    folder = make_affinity_labels(one, sipe)
    expected = affinity_labels(one[0].image, *runs_from_scores(sipe.scores(one, one.ids[0])))
    np.testing.assert_array_equal(read_mask(folder / f"{one.ids[0]}.png", len(TOY)), expected)
    assert make_affinity_labels(one, localiser) != folder


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


def test_a_damaged_photograph_is_a_sentence(few_squares, localiser):
    few_squares.image_path(few_squares.ids[1]).write_bytes(b"no picture")
    with pytest.raises(ImageError, match=rf"{few_squares.ids[1]}\.jpg is no picture"):
        make_affinity_labels(few_squares, localiser)
