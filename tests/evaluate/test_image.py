import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from sklearn.base import clone
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import SVC

from wsss_lib.classify.crops import ClassifierCrops
from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.classify.train import ClassifierSettings
from wsss_lib.evaluate.image import evaluate_image
from wsss_lib.evaluate.settings import Setting
from wsss_lib.expand.pixels import CLASSIFIERS
from wsss_lib.expand.sampling import sample_mask
from wsss_lib.features import extract
from wsss_lib.metrics import confusion_matrix, dense
from wsss_lib.segmentation.train import SegmentationCrops, SegmenterSettings

NETWORK = BackboneSpec("resnet18", "random")


def expanded(dataset):
    return evaluate_image(dataset, "tiny_1", [Setting("img", 40)])[0][1]


def classifier_crop(dataset):
    settings = ClassifierSettings(batch=2, crop=16)
    return ClassifierCrops(dataset, settings, 0, 0, dataset.label_matrix())[1][0]


def segmenter_crop(dataset):
    settings = SegmenterSettings(batch=2, crop=16, factors=(1.0,))
    return SegmentationCrops(dataset, settings, 0, 0)[1][0]


@pytest.mark.parametrize("use", [expanded, classifier_crop, segmenter_crop])
@pytest.mark.parametrize(("ending", "orientation", "turns"), [(".PNG", 6, 1), (".tiff", 3, 2)])
def test_all_see_a_photograph_as_its_camera_says(tiny, use, ending, orientation, turns):
    expected, exif = use(tiny), Image.Exif()
    exif[0x0112] = orientation
    for id_ in tiny.ids:
        path = tiny.image_path(id_)
        turned = Image.fromarray(np.rot90(tiny.image(id_), turns))
        path.unlink()
        turned.save(path.with_suffix(ending), exif=exif)
    np.testing.assert_array_equal(use(tiny), expected)


def test_a_classifier_of_cells_is_fitted_and_judged_as_said(tiny):
    setting = Setting("F2", 1000, C=10.0, resolution="cells_nearest")
    ((row, mask),) = evaluate_image(tiny, "tiny_1", [setting], NETWORK)
    sample = tiny.sample("tiny_1")
    values = extract(sample.image, ["F2"], NETWORK.load())["F2"].values
    height, width = values.shape[1:]
    cells = F.interpolate(torch.from_numpy(sample.mask)[None, None].float(), (height, width))[
        0, 0
    ].numpy()
    X, y = values.flatten(1).T.numpy().astype(float), cells.ravel()
    oracle = OneVsRestClassifier(SVC(C=10)).fit(X[y != 255], y[y != 255])
    rows = np.arange(24) * height // 24
    cols = np.arange(32) * width // 32
    expected = oracle.predict(X).reshape(height, width)[rows[:, None], cols]
    assert (mask == expected).mean() > 0.99
    assert sum(row["samples"].values()) == (y != 255).sum()
    assert np.array_equal(dense(row["confusion"], 3), confusion_matrix(sample.mask, mask, 3))
    unsampled = (cells == 255)[rows[:, None], cols]
    assert dense(row["held_out"], 3).sum() == (unsampled & (sample.mask != 255)).sum()


def test_without_a_z_score_the_classifier_sees_other_values(tiny):
    settings = [Setting("img", 40, gamma=0.1, zscore=zscore) for zscore in (True, False)]
    (scored, _), (raw, _) = evaluate_image(tiny, "tiny_1", settings, None)
    # colours from 0 to 255: with that gamma hardly a sample resembles another one
    assert scored["support_vectors"] < raw["support_vectors"] >= 0.95 * 120


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_a_classifier_by_its_name_is_that_of_scikit_learn(tiny, name):
    setting = Setting("img", 40, name)
    ((row, mask),) = evaluate_image(tiny, "tiny_1", [setting])
    sample = tiny.sample("tiny_1")
    X = extract(sample.image, ["img"])["img"].values.flatten(1).T.numpy()
    labels = sample_mask(sample.mask, 40, 0, "tiny_1").label_image().ravel()
    oracle = clone(CLASSIFIERS[name]).fit(X[labels != 255], labels[labels != 255])
    assert np.array_equal(mask.ravel(), oracle.predict(X))
    assert row["support_vectors"] == 0


@pytest.mark.parametrize("scheme", ["uniform", "blocks8", "apart3"])
def test_the_scheme_says_where_samples_lie(tiny, scheme):
    ((row, _),) = evaluate_image(tiny, "tiny_1", [Setting("xy", 40, sampling=scheme)])
    judged, held_out = (dense(row[region], 3).sum() for region in ("confusion", "held_out"))
    assert judged == (tiny.mask("tiny_1") != 255).sum()
    if scheme == "blocks8":
        assert held_out < 0.6 * judged
    else:
        assert held_out == judged - sum(row["samples"].values())


def test_samples_can_be_a_share_of_the_cells_of_the_map(tiny):
    shares = [Setting(layer, "0.1xcells") for layer in ("img", "F2")]
    rows = [row for row, _ in evaluate_image(tiny, "tiny_0", shares, NETWORK)]
    sizes = [24 * 32, 6 * 8]  # tiny_0 has two classes
    assert [row["samples"]["0"] for row in rows] == [round(0.1 * size) for size in sizes]


def test_wrong_labels_reach_the_classifier_and_not_the_score(tiny):
    clean, noisy = (
        evaluate_image(tiny, "tiny_1", [Setting("img", 40, noise=noise)], None)[0][0]
        for noise in ("none", "random40")
    )
    assert (clean["wrong_samples"], noisy["wrong_samples"]) == (0, 3 * 16)
    for region in ("confusion", "held_out"):
        totals = [dense(row[region], 3).sum(1) for row in (clean, noisy)]
        np.testing.assert_array_equal(*totals)
    right = [np.trace(dense(row["confusion"], 3)) for row in (clean, noisy)]
    assert right[0] > right[1]


def test_several_layers_are_concatenated_or_multiplied(tiny):
    names = ["F1+F3", "F1*F3"]
    settings = [*(Setting(name, 40) for name in names), Setting("F1*F3", 40, weights="tuned")]
    rows = [row for row, _ in evaluate_image(tiny, "tiny_1", settings, NETWORK)]
    assert "layer_weights" not in rows[0]
    assert rows[1]["layer_weights"] == [0.5, 0.5]
    assert sum(rows[2]["layer_weights"]) == pytest.approx(1)
    sample = tiny.sample("tiny_1")
    maps = extract(sample.image, ["F1", "F3"], NETWORK.load())
    pixels = sample_mask(sample.mask, 40, 0, "tiny_1")
    joined = np.hstack([map_.at(pixels.rows, pixels.cols) for map_ in maps.values()])
    every = np.hstack([map_.at(*np.indices((24, 32)).reshape(2, -1)) for map_ in maps.values()])
    expected = OneVsRestClassifier(SVC()).fit(joined, pixels.labels).predict(every)
    ((_, mask),) = evaluate_image(tiny, "tiny_1", settings[:1], NETWORK)
    assert (mask.ravel() == expected).mean() > 0.99
