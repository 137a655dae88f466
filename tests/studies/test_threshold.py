import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from skimage.filters import threshold_otsu

from wsss_lib.cli import main
from wsss_lib.datasets.images import write_mask
from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.mask_scores import score_masks
from wsss_lib.metrics import DRAWS, confusion_matrix, iou, mean
from wsss_lib.studies import threshold
from wsss_lib.studies.threshold import (
    BEST,
    CONSTANT,
    LABEL_FREE,
    LABELLED,
    choice_curve,
    choice_table,
    compare_choices,
    label_free_thresholds,
)
from wsss_lib.weak.seed_files import SeedFiles
from wsss_lib.weak.seeds import THRESHOLDS

OWN = "own"


def confusion(right):
    """Of 100 pixels of either of two classes so many are right: the mean IoU is known."""
    return np.array([[right, 100 - right], [100 - right, right]])


def score(right):
    return 100 * right / (200 - right)


def images(peaks, own=60):
    """At the threshold of its peak (in %) an image is 90 % right, at others 50 %."""
    return np.array(
        [
            [*(confusion(90 if place == peak else 50) for place in range(60)), confusion(own)]
            for peak in peaks
        ]
    )


def table(confusions, **options):
    found = pd.DataFrame({OWN: np.linspace(0.2, 0.4, len(confusions))})
    return choice_table(confusions, found, [0, 1], **options).set_index("choice")


def test_where_all_images_agree_any_of_them_tells_the_threshold():
    found = table(images([30] * 20))
    assert found.index.tolist() == [BEST, "5 other images", "10 other images", OWN]
    assert found["images"].tolist() == [20, 15, 10, 20]
    common = found.drop(OWN)
    for column in ("threshold", "threshold_low", "threshold_high"):
        assert common[column].tolist() == pytest.approx([0.3] * 3)
    for column in ("mean", "mean_low", "mean_high"):
        assert common[column].tolist() == pytest.approx([score(90)] * 3)
    for column in ("habit", "habit_low", "habit_high"):
        assert common[column].tolist() == pytest.approx([0] * 3, abs=1e-9)
        assert found.loc[OWN, column] == pytest.approx(score(90) - score(60))
    assert found.loc[OWN, "threshold"] == pytest.approx(0.3)


def test_no_threshold_for_all_images_is_ahead_of_the_best_and_one_for_each_may_be():
    rng = np.random.default_rng(0)
    found = table(images(rng.choice([20, 40], 30, p=[0.7, 0.3]), own=90), seed=3)
    others = found.drop([BEST, OWN])
    assert others[["habit", "habit_low"]].min().min() >= 0
    assert found.loc["5 other images", "habit"] > found.loc["10 other images", "habit"] > 0
    assert found.loc[BEST, "threshold"] == pytest.approx(0.2)
    assert found.loc[OWN, "habit_high"] < 0


def test_images_that_a_threshold_is_chosen_on_are_not_scored(monkeypatch):
    seen, means = [], threshold._means

    def watched(confusions, times, chosen):
        seen.append(np.asarray(times))
        return means(confusions, times, chosen)

    monkeypatch.setattr(threshold, "_means", watched)
    table(images([20, 30] * 20))
    for number, k in enumerate(LABELLED[:3]):
        labelled, left, drawn = seen[2 + 3 * number :][:3]
        assert labelled.shape == (DRAWS, 40)
        assert (labelled.sum(1) == k).all()
        assert np.array_equal(left, ~labelled)
        assert not drawn[labelled].any()
        assert (drawn.sum(1) == 40 - k).all()
        assert len(np.unique(labelled, axis=0)) > DRAWS / 2
    assert len(seen) == 2 + 3 * 3


def test_draws_whose_images_lack_the_classes_choose_nothing():
    found = images([30] * 20)
    found[1:, :, 1] = 0  # the only class that counts is in the first image alone
    line = choice_table(found, pd.DataFrame(), [1]).set_index("choice").loc["5 other images"]
    assert np.isnan(line["mean"])  # what is chosen on the first image meets none that shows it
    assert line["threshold_low"] == line["threshold_high"] == pytest.approx(0.3)


def test_otsu_is_that_of_scikit_image_on_the_greatest_map():
    cams = np.random.default_rng(0).random((2, 30, 40), np.float32) ** 2
    found = label_free_thresholds(cams)
    assert [*found] == [*LABEL_FREE]
    assert found["Otsu of each image"] == threshold_otsu(cams.max(0))
    assert len(set(found.values())) == len(found)


@pytest.mark.parametrize("cams", [np.zeros((0, 4, 5)), np.zeros((2, 4, 5)), np.ones((1, 4, 5))])
def test_a_map_without_any_contrast_is_all_background(cams):
    assert set(label_free_thresholds(cams).values()) == {cams.max(initial=0)}


@pytest.fixture
def cams(tiny, tmp_path):
    """Files of maps that are higher on their class."""
    folder, rng = tmp_path / "cams", np.random.default_rng(0)
    folder.mkdir()
    for id_ in tiny.ids:
        own = np.stack([tiny.mask(id_) == label for label in tiny.labels(id_)])
        np.save(folder / f"{id_}.npy", (0.4 * own + 0.6 * rng.random(own.shape)).clip(0, 1))
    return SeedFiles(folder)


def test_scores_are_those_of_the_masks(tiny, cams):
    report = compare_choices(tiny, cams, over=["bkg", "low"])
    choices = report.main.set_index("choice")["mean"]
    curve = score_masks(tiny, seeds=cams, over=["bkg", "low"]).tables["thresholds"]
    pd.testing.assert_frame_equal(report.tables["threshold_curve"], curve)
    assert choices[BEST] == pytest.approx(curve["mean"].max())
    assert choices[CONSTANT] == pytest.approx(curve["mean"][THRESHOLDS.index(0.15)])
    whole = np.zeros((3, 3), int)
    for id_ in tiny.ids:
        maps, labels = np.load(cams.folder / f"{id_}.npy").astype(np.float32), tiny.labels(id_)
        mask = np.array(labels)[maps.argmax(0)] * (maps.max(0) > threshold_otsu(maps.max(0)))
        whole += confusion_matrix(tiny.mask(id_), mask.astype(np.uint8), 3)
    assert choices["Otsu of each image"] == pytest.approx(100 * mean(iou(whole)[[0, 2]]))


def test_the_curve_shows_every_choice(tiny, cams):
    report = compare_choices(tiny, cams)
    ax = choice_curve(report.tables["threshold_curve"], report.main)
    texts = [text.get_text() for text in ax.get_legend().get_texts()]
    assert [text.rpartition(":")[0] for text in texts] == report.main["choice"].tolist()


def test_seeds_with_a_background_have_no_threshold(tiny, tmp_path):
    (tmp_path / "masks").mkdir()
    write_mask(tmp_path / "masks" / f"{tiny.ids[0]}.png", tiny.mask(tiny.ids[0]))
    with pytest.raises(ParameterError, match="no threshold to choose; expected CAMs"):
        compare_choices(tiny, SeedFiles(tmp_path / "masks"))


def test_on_the_command_line(few_squares, checkpoints, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run = f"--data few --images 3 --weights {checkpoints.plain} --out a/b"
    result = CliRunner().invoke(main, ["study", "threshold", *run.split()])
    assert result.exit_code == 0, result.output
    table = pd.read_csv("a/b.csv")
    assert table["choice"].tolist() == [BEST, CONSTANT, *LABEL_FREE]
    assert len(pd.read_csv("a/b_curve.csv")) == len(THRESHOLDS)
    note = json.loads((tmp_path / "a/b.json").read_text())
    assert note["seeds"]["name"] == checkpoints.plain.name
    result = CliRunner().invoke(main, ["study", "errors", *run.split(), "--seeds", "a"])
    assert result.exit_code == 2
    assert "takes no --seeds" in result.output
