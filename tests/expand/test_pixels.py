import numpy as np
import pytest
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestCentroid

from wsss_lib.errors import ParameterError
from wsss_lib.expand import pixels
from wsss_lib.expand.image import expand
from wsss_lib.expand.pixels import PixelClassifier
from wsss_lib.features import FeatureMap
from wsss_lib.weak.steps import decision_scores

SIZE = (24, 31)
FOREST = RandomForestClassifier(10, random_state=0, n_jobs=1)


class LabelsOnly(NearestCentroid):
    decision_function = predict_proba = property()


def made(classes=3):
    generator = torch.Generator().manual_seed(0)
    maps = [FeatureMap(torch.randn(c, 6, 8, generator=generator), SIZE) for c in (4, 3)]
    labels = np.full(SIZE, 255, np.uint8)
    rng = np.random.default_rng(0)
    labels.ravel()[rng.permutation(labels.size)[:90]] = np.arange(90) % classes + 5
    return maps, labels


def vectors(maps):
    """All pixels by torch's own interpolation."""
    resized = [
        torch.nn.functional.interpolate(m.values[None], SIZE, mode="bilinear")[0] for m in maps
    ]
    return torch.cat(resized).flatten(1).T.numpy()


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("estimator", [LogisticRegression(), FOREST])
def test_masks_and_scores_are_those_of_scikit_learn_by_hand(estimator, classes, monkeypatch):
    maps, labels = made(classes)
    X, sampled = vectors(maps), labels.ravel() != 255
    oracle = estimator.fit(X[sampled], labels.ravel()[sampled])
    monkeypatch.setattr(pixels, "BLOCK", 4 * 7 * 50)
    done = expand(maps, labels, estimator)
    assert (done.mask.ravel() == oracle.predict(X)).mean() > 0.995  # rounding of interpolation
    assert done.mask.dtype == np.uint8
    assert 255 not in done.mask
    scores = decision_scores(done.svm, maps)
    assert scores.values.shape == (classes, *SIZE)
    if estimator is FOREST:
        close = np.isclose(scores.values.reshape(classes, -1).T, oracle.predict_proba(X), atol=1e-5)
        assert close.mean() > 0.99


def test_blocks_are_bounded_and_do_not_change_the_result(monkeypatch):
    maps, labels = made()
    whole, read = PixelClassifier(LogisticRegression()).fit(maps, labels), []
    expected, at = whole.predict(maps), FeatureMap.at
    monkeypatch.setattr(FeatureMap, "at", lambda *a: (read.append(len(a[1])), at(*a))[1])
    monkeypatch.setattr(pixels, "BLOCK", 4 * 7 * 100)
    assert np.array_equal(whole.predict(maps), expected)
    assert max(read) == 100
    assert sum(read) == 2 * expected.size


def test_one_class_is_everywhere():
    maps, labels = made(1)
    done = expand(maps, labels, LogisticRegression())
    assert (done.mask == 5).all()
    assert not done.svm.decision_function(maps).any()


def test_a_classifier_of_labels_only_predicts_and_says_that_it_has_no_scores():
    maps, labels = made()
    done = expand(maps, labels, LabelsOnly())
    assert set(np.unique(done.mask)) == {5, 6, 7}
    with pytest.raises(ParameterError, match="LabelsOnly gives labels only"):
        done.svm.decision_function(maps)
