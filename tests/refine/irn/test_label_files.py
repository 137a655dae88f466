"""Affinity labels as files: made once, and kept one by one."""

import numpy as np
import pytest

from wsss_lib.datasets.images import read_mask, read_note
from wsss_lib.datasets.toy import TOY
from wsss_lib.errors import ImageError
from wsss_lib.expand.localise import Localiser
from wsss_lib.refine.irn import label_files
from wsss_lib.refine.irn.label_files import make_affinity_labels
from wsss_lib.refine.irn.labels import affinity_labels, runs_from_cams, runs_from_scores


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
