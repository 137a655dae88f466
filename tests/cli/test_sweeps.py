import inspect

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from wsss_lib.cli import main
from wsss_lib.datasets.classes import VOID
from wsss_lib.datasets.images import read_mask, write_mask
from wsss_lib.evaluate import photo as defaults
from wsss_lib.evaluate.settings import svm_preset
from wsss_lib.scores import ClassScores


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder with ``photo.jpg``, half dark and half bright, and ``strokes.png``."""
    monkeypatch.setenv("WSSS_OUTPUT", str(tmp_path / "out"))
    monkeypatch.chdir(tmp_path)
    image = np.full((24, 36, 3), 50, np.uint8)
    image[:, 16:] = 190
    Image.fromarray(image).save("photo.jpg", quality=95)
    strokes = np.full((24, 36), VOID, np.uint8)
    strokes[4, 3:12], strokes[15, 22:30] = 5, 0
    write_mask("strokes.png", strokes)
    return tmp_path


def expand(*more, photo="photo.jpg", strokes="strokes.png"):
    return CliRunner().invoke(main, ["expand", photo, "--labels", strokes, *more])


def test_strokes_become_a_palette_mask(place):
    result = expand("--layers", "img", "--out", "deep/mask.png")
    assert result.exit_code == 0, result.output
    mask = read_mask(place / "deep/mask.png", 21)
    np.testing.assert_array_equal(mask, np.where(np.arange(36) < 16, 5, 0)[None].repeat(24, 0))
    first, second, last = result.stdout.splitlines()
    assert (first, second) == ("class 0: 55.6 % of the pixels", "class 5: 44.4 % of the pixels")
    assert last == "Written to deep/mask.png"


def test_the_mask_lies_among_the_results_if_no_place_is_named(place):
    assert expand("--layers", "xy").exit_code == 0
    assert (place / "out/build/expand/photo.png").is_file()


def test_every_option_reaches_the_classifier(place, monkeypatch):
    asked = {}

    class Segmenter:
        maps = ()

        def __init__(self, image, backbone, setting, *, long_side):
            asked.update(backbone=backbone, setting=setting, long_side=long_side)

        def scores(self, strokes, crf):
            asked.update(crf=crf)
            return ClassScores(np.ones((1, *strokes.shape), np.float32), (0,))

    monkeypatch.setattr("wsss_lib.evaluate.photo.PhotoSegmenter", Segmenter)
    result = expand(
        *("--backbone", "resnet18", "--weights", "random", "--layers", "F1+F3", "--seed", "7"),
        *("--samples", "12", "--svm", "paper", "--svm-kernel", "linear", "--svm-c", "3"),
        *("--svm-gamma", "0.5", "--crf", "psa", "--long-side", "99"),
    )
    assert result.exit_code == 0, result.output
    spec, setting = asked["backbone"], asked["setting"]
    assert (spec.name, spec.weights, spec.seed) == ("resnet18", "random", 7)
    assert (setting.feature, setting.samples, setting.seed) == ("F1+F3", 12, 7)
    assert (setting.kernel, setting.C, setting.gamma) == ("linear", 3.0, 0.5)
    assert (asked["crf"], asked["long_side"]) == ("psa", 99)


def test_the_defaults_are_those_of_the_library(place, monkeypatch):
    options = {option.name: option.default for option in main.commands["expand"].params}
    network, setting = defaults.NETWORK, defaults.SETTING
    assert (options["backbone"], options["weights"]) == (network.name, network.weights)
    assert (options["feature"], options["samples"]) == (setting.feature, setting.samples)
    svm = svm_preset(options["svm"])
    assert svm == {"kernel": setting.kernel, "C": setting.C, "gamma": setting.gamma}
    assert options["long_side"] == defaults.LONG_SIDE
    long_side = inspect.signature(defaults.PhotoSegmenter).parameters["long_side"].default
    assert long_side == defaults.LONG_SIDE


def test_bad_values_and_files_get_a_sentence_and_no_traceback(place):
    (place / "text.jpg").write_text("text")
    for result, sentence in (
        (expand("--samples", "0"), "samples=0"),
        (expand("--layers", "img", strokes="none.png"), "No image none.png"),
        (expand("--layers", "img", photo="text.jpg"), "not a picture"),
    ):
        assert result.exit_code == 1
        assert sentence in result.output
        assert result.output.splitlines()[-1].startswith("Error: ")
