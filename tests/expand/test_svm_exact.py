"""Exactness on every feature of a photograph: the comparison of ``benchmarks/exactness.py``."""

import importlib
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def exactness(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("exactness")


LAYERS = ["img", "F1", "F2", "F3", "F4", "F5"]


def check(found):
    assert (found["labels"] >= 0.9999).all()
    found = found[found["n_sv"] > 0]
    assert (found["prediction"] < 1e-3).all()
    assert (found["objective"] < 1e-5).all()
    assert (found["difference"] <= 2 * found["own_difference"]).all()


def test_made_photograph(exactness):
    images = exactness.photographs(None)
    check(exactness.compare_all(images, LAYERS, (1, 100), ("scale", "10xscale"), 150, 1500))


def test_toy_images_of_one_two_and_three_classes(exactness):
    found = exactness.compare_all(exactness.toy_images(), LAYERS, (1, 100), ("scale",), 150, 1500)
    assert (found.groupby("image")["n_sv"].max() == 0).sum() == 1
    check(found)


def test_real_photographs_of_one_two_and_three_classes(exactness, voc_root):
    images = exactness.photographs(voc_root)
    found = exactness.compare_all(images, LAYERS, (1, 100), ("3xscale",), 250, 5000)
    assert set(found["image"]) == {"2010_001347", "2007_000549", "2007_000063"}
    assert set(found.loc[found["n_sv"] == 0, "image"]) == {"2010_001347"}
    check(found)
