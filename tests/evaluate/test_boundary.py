"""Scores in bands along true boundaries."""

import numpy as np
import pytest

from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.boundary import band_rows, band_table, boundary_effect
from wsss_lib.evaluate.regions import boundary_distance
from wsss_lib.metrics import confusion_matrix, iou_of_counted, mean


def shifted(sample):
    """The true mask, two pixels to the right: wrong along boundaries only."""
    return np.roll(sample.mask, 2, 1)


def bleached(sample):
    """The true mask without the pixels far from boundaries: wrong away from them only."""
    return np.where(boundary_distance(sample.mask) > 4, 1, sample.mask).astype(np.uint8)


def true(sample):
    return sample.mask


def rows_of(dataset, predict):
    return band_rows(dataset, (predict(sample) for sample in dataset))


def test_bands_hold_the_pixels_at_most_so_far_from_a_boundary(few_squares):
    rows = {"shifted": rows_of(few_squares, shifted)}
    table = band_table(rows, few_squares.classes, [2, 4]).set_index("region")
    assert [row["id"] for row in rows["shifted"]] == list(few_squares.ids)
    samples = list(few_squares)
    distances = [boundary_distance(sample.mask) for sample in samples]
    for region, where in {
        "confusion": [distance >= 0 for distance in distances],
        "near4": [distance <= 4 for distance in distances],
        "away2": [distance > 2 for distance in distances],
    }.items():
        confusion = sum(
            confusion_matrix(sample.mask, shifted(sample), len(few_squares.classes), place)
            for sample, place in zip(samples, where, strict=True)
        )
        line = table.loc[region]
        assert line["mean"] == pytest.approx(100 * mean(iou_of_counted(confusion)))
        share = sum(place.sum() for place in where) / sum(place.size for place in where)
        assert line["pixels"] == pytest.approx(100 * share)
    assert (table["mean_low"] <= table["mean_high"]).all()


def test_a_width_that_is_not_counted_is_refused(few_squares):
    rows = {"true": rows_of(few_squares, true)}
    with pytest.raises(ParameterError, match="No region 'near3'"):
        band_table(rows, few_squares.classes, [3])


def test_the_effect_tells_boundaries_from_the_rest(few_squares):
    rows = {p.__name__: rows_of(few_squares, p) for p in (true, shifted, bleached)}
    effect = boundary_effect(rows, few_squares.classes, 4, "true").set_index(["name", "where"])
    assert set(effect.index.get_level_values("name")) == {"shifted", "bleached"}
    gap = effect["gap"]
    assert gap["shifted", "near"] > 10
    assert gap["shifted", "away"] == 0
    assert gap["bleached", "near"] == 0
    assert gap["bleached", "away"] > 10
    for name in ("shifted", "bleached"):
        more = effect.loc[(name, "near minus away")]
        assert more["gap"] == pytest.approx(gap[name, "near"] - gap[name, "away"])
        assert more["gap_low"] <= more["gap"] <= more["gap_high"]


def test_of_equal_masks_no_draw_tells_a_difference(few_squares):
    rows = {"a": rows_of(few_squares, shifted), "b": rows_of(few_squares, shifted)}
    effect = boundary_effect(rows, few_squares.classes, 2, "a")
    assert (effect[["gap", "gap_low", "gap_high"]] == 0).all(axis=None)
