"""Anybody's masks and seeds, scored."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
import torchmetrics.functional.classification as oracle
from PIL import Image

from wsss_lib.errors import DataError, MaskError, ParameterError
from wsss_lib.evaluate.mask_scores import measures, score_caption, score_masks
from wsss_lib.metrics import DRAWS
from wsss_lib.weak.seed_files import SeedFiles
from wsss_lib.weak.seeds import with_background


def save(folder, masks):
    """Grey masks by id, as any program writes them."""
    folder.mkdir()
    for id_, mask in masks.items():
        Image.fromarray(mask.astype(np.uint8)).save(folder / f"{id_}.png")
    return folder


@pytest.fixture
def noisy(tiny, tmp_path):
    """Random masks of `tiny`, some void."""
    rng = np.random.default_rng(1)
    values = {id_: rng.choice([0, 1, 2, 255], (24, 32), p=[0.4, 0.3, 0.2, 0.1]) for id_ in tiny.ids}
    return save(tmp_path / "noisy", values), values


def test_scores_agree_with_torchmetrics_void_in_masks_being_background(tiny, noisy):
    folder, masks = noisy
    found = score_masks(tiny, [folder])
    truth = torch.from_numpy(np.stack([tiny.mask(id_) for id_ in tiny.ids]).astype(int))
    mask = torch.from_numpy(np.stack([np.where(m == 255, 0, m) for m in masks.values()]))
    settings = {"num_classes": 3, "average": None, "ignore_index": 255}
    table = found.tables["classes"]
    for column, score in {
        "iou": oracle.multiclass_jaccard_index,
        "precision": oracle.multiclass_precision,
        "recall": oracle.multiclass_recall,
    }.items():
        expected = 100 * score(mask, truth, **settings).numpy()
        assert table[column].to_numpy() == pytest.approx(expected)
    line = found.main.iloc[0]
    assert line[["bkg", "left", "low"]].tolist() == pytest.approx(table["iou"].tolist())
    for measure in ("precision", "recall"):
        assert line[measure] == pytest.approx(table[measure].mean())
    assert line["void"] == pytest.approx(100 * np.mean([m == 255 for m in masks.values()]))


def test_over_and_under_activation_by_hand():
    # class 1: 6 found of 10, and 4 of the background taken; class 2: 10 of 10 and nothing else
    found = measures(np.array([[16, 4, 0], [4, 6, 0], [0, 0, 10]]))
    assert found["over"].tolist() == pytest.approx([100 * 4 / 24, 100 * 4 / 14, 0])
    assert found["under"].tolist() == pytest.approx([100 * 4 / 24, 100 * 4 / 14, 0])
    # 2 of 10 missed, 5 too many: the union is 15
    found = measures(np.array([[35, 5], [2, 8]]))
    assert found["over"][1] == pytest.approx(100 * 5 / 15)
    assert found["under"][1] == pytest.approx(100 * 2 / 15)


def test_over_and_under_activation_are_averaged_over_objects(tiny, noisy):
    found = score_masks(tiny, [noisy[0]])
    objects = found.tables["classes"].iloc[1:]
    for measure in ("over", "under"):
        assert found.main[measure].iloc[0] == pytest.approx(objects[measure].mean())
    assert (objects[["iou", "over", "under"]].sum(axis=1)).to_numpy() == pytest.approx(100)


def test_a_class_that_the_truth_lacks_has_no_score():
    found = measures(np.array([[5, 0, 5], [0, 5, 0], [0, 0, 0]]))
    assert all(np.isnan(found[name][2]) for name in found)


@pytest.fixture
def halves(few_squares, tmp_path):
    """The first three squares with truth of 200 pixels of background and 200 of an object."""
    truth = np.repeat([[0, 1]], 200, axis=1).reshape(20, 20)
    save(tmp_path / "truth", dict.fromkeys(few_squares.ids, truth))

    def found(name, *right):
        """Masks that find so many pixels of the object, and all background."""
        masks = {}
        for id_, pixels in zip(few_squares.ids, right, strict=True):
            masks[id_] = truth * (np.arange(400).reshape(20, 20) < 200 + pixels)
        return save(tmp_path / name, masks)

    return replace(few_squares, masks=str(tmp_path / "truth")), found


def own_iou(right):
    """The mean IoU in % of such an image, by hand."""
    return 50 * (200 / (400 - right) + right / 200)


def test_masks_are_compared_image_by_image(halves):
    dataset, found = halves
    before, after = found("before", 100, 100, 150), found("after", 180, 98, 100)
    result = score_masks(dataset, [after], against=before, over=["bkg", dataset.classes.short[1]])
    pairs = [(180, 100), (98, 100), (100, 150)]
    images = result.tables["images"]
    gains = images["gain"][images["masks"].str.endswith("after")]
    assert gains.tolist() == pytest.approx([own_iou(a) - own_iou(b) for a, b in pairs])
    first, line = (result.main.iloc[place] for place in (0, 1))
    assert [first["gain"], first["harmed"], first["helped"]] == [0, 0, 0]
    # the second image loses half a point: neither harmed nor helped
    assert [line["harmed"], line["helped"]] == pytest.approx([100 / 3, 100 / 3])
    rights = np.array(pairs)
    assert line["gain"] == pytest.approx(np.diff(own_iou(rights.mean(0))[::-1])[0])
    times = np.random.default_rng(0).multinomial(3, np.full(3, 1 / 3), DRAWS)
    drawn = own_iou(times @ rights / 3)
    low, high = np.percentile(drawn[:, 0] - drawn[:, 1], [2.5, 97.5])
    assert [line["gain_low"], line["gain_high"]] == pytest.approx([low, high])


def test_bands_and_means_are_of_the_chosen_classes(tiny, noisy):
    found = score_masks(tiny, [noisy[0]], over=["left"])
    bands = found.tables["bands"].set_index("region")
    assert bands.loc["confusion", "mean"] == pytest.approx(found.main["left"].iloc[0])
    assert found.main["mean"].iloc[0] == found.main["left"].iloc[0]


def cams_of(dataset, tmp_path):
    rng = np.random.default_rng(2)
    (tmp_path / "cams").mkdir()
    maps = {}
    for id_ in dataset.ids:
        size = dataset.mask(id_).shape
        maps[id_] = rng.random((len(dataset.labels(id_)), *size), np.float32)
        np.save(tmp_path / "cams" / f"{id_}.npy", maps[id_])
    return maps


def test_seeds_are_scored_at_a_threshold_beside_the_curve(tiny, tmp_path):
    maps = cams_of(tiny, tmp_path)
    seeds = SeedFiles(tmp_path / "cams", 0.4)
    found = score_masks(tiny, seeds=seeds)
    masks = {id_: with_background(m, tiny.labels(id_), 0.4).mask() for id_, m in maps.items()}
    same = score_masks(tiny, [save(tmp_path / "masks", masks)])
    pd.testing.assert_frame_equal(found.main, same.main.set_axis(found.main.index))
    curve = found.tables["thresholds"]
    at = curve[np.isclose(curve["threshold"], 0.4)].iloc[0]
    assert at["mean"] == pytest.approx(found.main["mean"].iloc[0])
    best = curve[curve["best"] == 1]
    assert best["mean"].tolist() == [curve["mean"].max()]
    said = score_caption(found)
    assert "threshold: 0.4" in said
    assert "chosen on the very masks that are scored" in said
    assert "thresholds" not in same.tables


def test_what_is_missing_or_wrong_is_named(tiny, noisy, tmp_path):
    folder, masks = noisy
    with pytest.raises(ParameterError, match="Nothing to score"):
        score_masks(tiny, against=folder)
    with pytest.raises(ParameterError, match="No class 'dog'"):
        score_masks(tiny, [folder], over=["dog"])
    first, last = tiny.ids[0], tiny.ids[-1]
    one = save(tmp_path / "one", {first: masks[first]})
    with pytest.raises(MaskError, match=r"3 of the 4 ids .* have no mask in .*one"):
        score_masks(tiny, [folder, one])
    save(tmp_path / "scaled", masks | {last: masks[last].T})
    with pytest.raises(MaskError, match=f"mask of {last} to score is 24 x 32 pixels, the true one"):
        score_masks(tiny, [tmp_path / "scaled"])
    save(tmp_path / "others", masks | {last: np.full((24, 32), 7)})
    with pytest.raises(MaskError, match="holds the value 7; expected 0 to 2"):
        score_masks(tiny, [tmp_path / "others"])
    cams_of(tiny, tmp_path)
    (tmp_path / "cams" / f"{last}.npy").unlink()
    with pytest.raises(DataError, match=f"expected one file of seeds for {last}"):
        score_masks(tiny, seeds=SeedFiles(tmp_path / "cams"))
