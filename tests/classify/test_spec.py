"""Which network is chosen."""

from dataclasses import replace

import pytest

from wsss_lib.classify import spec
from wsss_lib.classify.sipe import SIPESettings
from wsss_lib.classify.train import ClassifierSettings
from wsss_lib.datasets.classes import ClassSet
from wsss_lib.errors import DataError, WeightsError
from wsss_lib.weak.seeds import Localiser


@pytest.fixture
def asked(checkpoints, monkeypatch):
    """The trainings that are asked for, in their order."""
    seen = []

    def train(images, settings, *, sipe, device):
        seen.append((images, settings, sipe, device))
        return checkpoints.plain if sipe is None else checkpoints.sipe

    monkeypatch.setattr(spec, "train_classifier", train)
    return seen


@pytest.mark.parametrize(
    ("weights", "sipe", "name"), [("sipe", SIPESettings(), "sipe"), ("trained", None, "plain")]
)
def test_a_network_is_trained_with_sipe_or_without(
    squares, asked, checkpoints, weights, sipe, name
):
    """On the list of the data set; a seed is of random weights and not of the training."""
    expected, val = getattr(checkpoints, name), squares.with_list("val")
    assert spec.choose_classifier(val, weights, device="auto") == expected
    backbone = spec.choose_backbone(val, "resnet10", weights, seed=5)
    assert backbone == spec.BackboneSpec("resnet10", str(expected), 5)
    assert backbone.load().weights.name == expected.name
    assert asked == [
        (squares, ClassifierSettings(), sipe, "auto"),
        (squares, ClassifierSettings(backbone="resnet10"), sipe, "cpu"),
    ]


def test_voc_is_learnt_from_trainaug(few_squares, monkeypatch):
    monkeypatch.setattr(
        type(few_squares), "with_list", lambda self, *given, **which: (self.name, *given, which)
    )
    voc = replace(few_squares, name="voc")
    (voc.devkit / "SegmentationClassAug").mkdir()
    (voc.devkit / "ImageSets/Segmentation/trainaug.txt").touch()
    which = {"images": None, "masks": "SegmentationClassAug", "need_masks": True}
    assert spec.training_images(voc) == ("voc", "trainaug", which)
    which = {"images": 4, "masks": "own", "need_masks": False}
    found = spec.training_images(voc, "mine", images=4, masks="own", need_masks=False)
    assert found == ("voc", "mine", which)


@pytest.mark.parametrize("list_name", [None, "train", "val"])
def test_without_trainaug_train_is_learnt_from_and_that_is_said(few_squares, capsys, list_name):
    voc = replace(few_squares, name="voc")
    found = spec.training_images(voc, list_name)
    assert found.ids == voc.with_list(list_name or "train").ids
    assert (found.list_name, found.masks) == (list_name or "train", "SegmentationClass")
    said = "has no list trainaug: train is learnt from." in capsys.readouterr().out
    assert said == (list_name is None)
    with pytest.raises(DataError, match="No list 'trainaug'"):
        spec.training_images(voc, "trainaug")


def test_a_checkpoint_is_taken_as_it_is(squares, asked, checkpoints):
    path = str(checkpoints.sipe)
    assert spec.choose_classifier(squares, path) == checkpoints.sipe
    assert spec.choose_backbone(squares, "resnet10", path) == spec.BackboneSpec("resnet10", path)
    assert not asked


def renamed(names):
    """Other names of the toy set's classes, of the same number or not."""
    return {
        "reordered": [names[0], names[2], names[1], *names[3:]],
        "another name": [*names[:4], "thing", *names[5:]],
        "fewer": names[:-1],
        "more": [*names, "thing"],
        "sorted": [names[0], *sorted(names[1:])],
    }


@pytest.mark.parametrize("kind", ["plain", "sipe"])
@pytest.mark.parametrize("change", ["reordered", "another name", "fewer", "more", "sorted"])
def test_a_network_of_other_classes_localises_nothing(squares, checkpoints, kind, change):
    """Neither where it is chosen nor where its maps meet the images."""
    path, before = getattr(checkpoints, kind), squares.classes.names
    names = tuple(renamed(list(before))[change])
    other = replace(squares, classes=ClassSet(names, names))
    pairs = zip([*before, None], [*names, None], strict=False)
    first = next(number for number, (old, new) in enumerate(pairs) if old != new)
    for meet in (
        lambda: spec.choose_classifier(other, str(path)),
        lambda: Localiser(path).scores(other, other.ids[0]),
    ):
        with pytest.raises(WeightsError, match=rf"{path.name} .* number {first} is "):
            meet()
    assert spec.choose_backbone(other, "resnet10", str(path)).load()  # features have no classes


@pytest.mark.parametrize("weights", ["random", "imagenet", "nowhere.pth"])
def test_what_is_no_checkpoint_localises_nothing(squares, asked, weights):
    with pytest.raises(WeightsError, match=rf"No weights file {weights}\. Expected 'sipe', 'tr"):
        spec.choose_classifier(squares, weights)
    assert not asked
