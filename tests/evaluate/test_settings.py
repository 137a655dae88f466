from types import SimpleNamespace

import pytest

from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.settings import Setting, row_key, settings_for


def key(*image, weights_sha="w", **setting):
    return row_key(
        Setting(**{"feature": "F1", "samples": 10} | setting), *image, weights_sha=weights_sha
    )


def test_the_key_holds_everything_that_determines_a_result():
    others = [
        {"feature": "F2"},
        {"samples": 11},
        {"kernel": "linear"},
        {"kernel": "LDA"},
        {"C": 2.0},
        {"gamma": "3xscale"},
        {"solver": "libsvm"},
        {"seed": 1},
        {"zscore": False},
        {"sampling": "blocks8"},
        {"resolution": "cells"},
        {"noise": "random10"},
        {"pool": "pooled4"},
        {"weights_sha": "v"},
    ]
    keys = {*(key(*image) for image in ("ij", "kj", "ik")), *(key(*"ij", **o) for o in others)}
    assert len(keys) == 3 + len(others)
    assert key(feature="img") == key(feature="img", weights_sha="v")


def test_one_gamma_in_two_spellings_is_one_setting():
    assert Setting("img", 40, gamma="10") == Setting("img", 40, gamma=10)


@pytest.mark.parametrize(
    ("layers", "values", "sentence"),
    [
        (["F9"], {}, "No layer 'F9'"),
        (["img", "img"], {}, "img is named twice"),
        (["img"], {"svm": "best"}, "No SVM preset 'best'"),
        (["img"], {"samples": 0}, "samples=0"),
        (["img"], {"seed": -1}, "seed=-1"),
        (["img"], {"C": -1.0}, "C=-1"),
        (["img"], {"gamma": "wide"}, "gamma='wide'"),
        (["img"], {"kernel": "cubic"}, "kernel='cubic'"),
        (["img"], {"kernel": "nearest"}, "its feature is xy"),
        (["img"], {"sampling": "blocks"}, "No sampling 'blocks'"),
        (["F1+F2"], {"weights": "tuned"}, "is for a product such as"),
        (["F1*F2"], {"kernel": "linear"}, "is a product of RBF kernels"),
        (["xy"], {"pool": "pooled1", "kernel": "nearest"}, "pool='pooled1' is for"),
        (["F1*F2"], {"pool": "pooled1"}, "pool='pooled1' is for"),
        (["F1"], {"pool": "pooled1", "kernel": "LDA"}, "pool='pooled1' is for"),
        (["F1*F2"], {"kernel": "LDA"}, "is a product of RBF kernels"),
        (["F1"], {"pool": "pooled1", "noise": "random10"}, "pool='pooled1' is for"),
        (["F1"], {"pool": "pooled1", "samples": "0.1xcells"}, "pool='pooled1' is for"),
    ],
)
def test_bad_settings_are_refused_before_any_work(layers, values, sentence):
    with pytest.raises(ParameterError, match=sentence):
        settings_for(SimpleNamespace(name="toy"), layers, **values)


@pytest.mark.parametrize(
    ("feature", "values", "sentence"),
    [
        ("img", {"resolution": "half"}, "resolution='half'"),
        ("F1+F2", {"resolution": "cells"}, "is for a single layer with clean labels"),
        ("F1", {"pool": "pooled1", "resolution": "cells"}, "pool='pooled1' is for"),
    ],
)
def test_bad_resolutions_are_refused(feature, values, sentence):
    with pytest.raises(ParameterError, match=sentence):
        Setting(feature, 10, **values)
