import numpy as np
import torch
from sklearn.neighbors import KNeighborsClassifier

from wsss_lib.expand.engine import compiled, smo
from wsss_lib.expand.image import NearestSample, expand, warm_up
from wsss_lib.features import FeatureMap


def test_it_agrees_with_a_nearest_neighbour_classifier_on_coordinates():
    rng = np.random.default_rng(0)
    labels = np.full((30, 41), 255, np.uint8)
    labels[rng.integers(0, 30, 25), rng.integers(0, 41, 25)] = rng.integers(0, 4, 25)
    done = expand(FeatureMap(torch.zeros(2, 30, 41), (30, 41)), labels, NearestSample())
    places, pixels = np.argwhere(labels != 255), np.argwhere(labels < 256)
    oracle = KNeighborsClassifier(2).fit(places, labels[tuple(places.T)])
    distances, neighbours = oracle.kneighbors(pixels)
    clear = distances[:, 0] < distances[:, 1]  # of two equally near samples either will do
    expected = labels[tuple(places[neighbours[:, 0]].T)]
    assert np.array_equal(done.mask.ravel()[clear], expected[clear])
    assert done.svm.n_support_ == len(places)


def test_a_warmed_up_process_has_every_loop_compiled():
    warm_up()
    assert smo._minimise.signatures
    for name in ["combine", "gaussian", "sum_direct", "sum_interpolated", "sum_rows"]:
        types = {str(signature[0].dtype) for signature in getattr(compiled, name).signatures}
        assert types == {"float32", "float64"}, name
