"""What segmentation networks say of images."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from wsss_lib.datasets.images import write_mask
from wsss_lib.evaluate.outputs import image_scores, output_columns


def test_outputs_stand_beside_the_masks_that_were_learnt_from(squares, tmp_path):
    def says(label):
        return SimpleNamespace(mask=lambda image, crf: np.full(image.shape[:2], label, np.uint8))

    samples = [squares.sample(id_) for id_ in squares.ids[:2]]
    for sample in samples:
        mask = np.where(sample.mask == 0, 255, sample.mask)[:, ::-1]
        write_mask(tmp_path / f"{sample.id}.png", mask)
    masks = {"truth": squares, "svm": replace(squares, masks=str(tmp_path))}
    columns = output_columns(samples, masks, {"truth": says(1), "svm": says(2)})
    assert list(columns) == ["network: truth", "masks: svm", "network: svm"]
    for number, sample in enumerate(samples):
        assert np.array_equal(columns["masks: svm"][number], sample.mask[:, ::-1])
        assert (columns["network: truth"][number] == 1).all()
        assert (columns["network: svm"][number] == 2).all()


def test_each_image_is_scored_alone(squares):
    samples = [squares.sample(id_) for id_ in squares.ids[:2]]
    nothing = [np.zeros_like(sample.mask) for sample in samples]
    columns = {"right": [sample.mask for sample in samples], "nothing": nothing}
    table = image_scores(samples, columns, len(squares.classes))
    assert list(table.index) == list(squares.ids[:2])
    assert (table["right"] == 100).all()
    for sample, score in zip(samples, table["nothing"], strict=True):
        background = np.mean(sample.mask == 0)
        assert score == pytest.approx(100 * background / len(np.unique(sample.mask)))
