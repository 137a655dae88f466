import numpy as np
import pytest
import torch
import torch.nn.functional as F
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import SVC

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.evaluate.image import evaluate_image
from wsss_lib.evaluate.settings import Setting
from wsss_lib.features import extract
from wsss_lib.metrics import confusion_matrix, dense

NETWORK = BackboneSpec("resnet18", "random")


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


@pytest.mark.parametrize("scheme", ["blocks8", "apart3"])
def test_the_scheme_says_where_samples_lie(tiny, scheme):
    uniform, other = (
        evaluate_image(tiny, "tiny_1", [Setting("xy", 40, sampling=name)], None)[0][0]
        for name in ("uniform", scheme)
    )
    judged = dense(uniform["confusion"], 3).sum()
    held_out = dense(other["held_out"], 3).sum()
    if scheme == "apart3":
        assert held_out == judged - sum(other["samples"].values())
    else:
        assert held_out < 0.6 * judged
