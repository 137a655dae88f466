import matplotlib.pyplot as plt
import numpy as np
import pytest

from wsss_lib.datasets.classes import VOC, VOID, palette
from wsss_lib.datasets.devkit import Sample
from wsss_lib.engine import SweepResult
from wsss_lib.evaluate.settings import Setting
from wsss_lib.expand.sampling import PixelSamples
from wsss_lib.studies.label_noise import loss_table, noise_figure

from .made import IMAGES, iou, rows


def test_a_loss_is_what_a_feature_is_below_itself_with_clean_labels():
    result = SweepResult(
        IMAGES,
        {
            Setting("F1", 10): rows(10, 80, 80, 80),
            Setting("F2", 10): rows(10, 90, 90, 90),
            Setting("F1", 10, noise="random2.5"): rows(10, 60, 60, 60),
            Setting("F2", 10, noise="border20"): rows(10, 80, 90, 100),
        },
    )
    first, second = loss_table(result).to_dict("records")
    assert (first["feature"], first["kind"], first["percent"]) == ("F1", "random", 2.5)
    expected = pytest.approx(iou(80) - iou(60))
    assert [first[name] for name in ("loss", "loss_low", "loss_high")] == [expected] * 3
    assert (second["feature"], second["kind"], second["percent"]) == ("F2", "border", 20)
    assert second["loss_low"] < second["loss"] == 0 < second["loss_high"]


def test_noise_is_set_against_clean_labels_that_are_alike_in_all_else():
    settings = [Setting("F1", 10, seed=1), Setting("F1", 10, noise="random5")]
    settings += [Setting("F1", 10, seed=1, noise="random5")]
    table = loss_table(SweepResult(IMAGES, {each: rows(10, 50) for each in settings}))
    assert table["seed"].tolist() == [1]


def test_each_noise_has_its_samples_above_and_its_errors_below():
    mask = np.repeat([[0, 8, VOID]], 6, axis=0).repeat([5, 4, 1], axis=1).astype(np.uint8)
    sample = Sample("halves", np.zeros((6, 10, 3), np.uint8), mask)
    rows, cols = np.array([0, 1, 2, 3]), np.array([0, 1, 6, 7])
    clean, noisy = (
        PixelSamples(rows, cols, np.array(labels, np.uint8), sample.mask.shape, 2)
        for labels in ([0, 0, 8, 8], [0, 0, 8, 0])
    )
    empty = np.zeros_like(sample.mask)
    samples, masks = {"none": clean, "border50": noisy}, {"none": sample.mask, "border50": empty}
    figure = noise_figure(sample, clean, samples, masks, VOC)
    titles = [ax.get_title() for ax in figure.axes]
    assert titles[:2] == ["none\n0.0 % of samples wrong", "border50\n25.0 % of samples wrong"]
    # 4 of the 9 columns without void
    assert titles[2:] == ["0.0 % of pixels wrong", "44.4 % of pixels wrong"]
    right, wrong = figure.axes[1].collections
    assert right.get_offsets().tolist() == [[0, 0], [1, 1], [6, 2]]
    assert wrong.get_offsets().tolist() == [[7, 3]]
    assert np.array_equal(wrong.get_facecolors()[0, :3], palette()[0] / 255)
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["right label", "labelled background", "labelled cat", "wrong pixel", "void"]
    plt.close(figure)
