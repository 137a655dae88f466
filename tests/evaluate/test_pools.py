import json

import numpy as np
import pytest
from PIL import Image
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import SVC

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.datasets.images import write_mask
from wsss_lib.errors import StoreError
from wsss_lib.evaluate import image as image_module
from wsss_lib.evaluate import pools as pool_module
from wsss_lib.evaluate.image import ImageSamples
from wsss_lib.evaluate.settings import Setting
from wsss_lib.evaluate.sweeps import sweep
from wsss_lib.expand.pooled import PooledClassifier, pool_samples
from wsss_lib.expand.sampling import sample_mask
from wsss_lib.features import extract
from wsss_lib.metrics import dense

NETWORK = BackboneSpec("resnet18", "random")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("WSSS_CACHE", str(tmp_path / "cache"))


def test_a_pooled_classifier_is_that_of_scikit_learn_on_samples_of_all_images(tiny, tmp_path):
    setting = Setting("img", 30, pool="pooled2")
    result = sweep(tiny, [setting], store=tmp_path / "s", masks_out=tmp_path)
    drawn = [sample_mask(tiny.mask(id_), 30, 0, id_) for id_ in tiny.ids]
    pool = pool_samples(drawn, 2)
    colours = [extract(tiny.image(id_), ["img"])["img"] for id_ in tiny.ids]
    X = np.concatenate([c.at(p.rows, p.cols) for c, p in zip(colours, pool, strict=True)])
    y = np.concatenate([p.labels for p in pool])
    oracle = OneVsRestClassifier(SVC(gamma="scale", tol=1e-5)).fit(X, y)
    for id_, feature in zip(tiny.ids, colours, strict=True):
        expected = oracle.predict(feature.values.flatten(1).T.numpy())
        mask = np.array(Image.open(tmp_path / "img" / f"{id_}.png"))
        assert (mask.ravel() == expected).mean() > 0.995
    assert {sum(row["samples"].values()) for row in result.rows[setting]} == {len(y)}
    assert len(y) == 2 * sum(map(len, drawn)) / 4


@pytest.mark.parametrize("sampling", ["uniform", "blocks8"])
def test_no_pixel_of_the_pool_is_held_out(tiny, sampling):
    setting = Setting("img", 30, pool="pooled2", sampling=sampling)
    chosen = pool_module._choose(tiny, tiny.ids, [setting])[setting]
    for id_, pixels in chosen.items():
        drawn = ImageSamples(tiny, id_, tiny.mask(id_))
        held_out, _ = drawn.scored(*drawn.drawing(setting, tiny.mask(id_).shape))
        assert len(pixels)
        assert not held_out[pixels.rows, pixels.cols].any()


def test_the_order_of_the_list_makes_no_other_pool(tiny, tmp_path):
    setting = Setting("img", 31, pool="pooled1")
    rows = sweep(tiny, [setting], store=tmp_path / "one").rows[setting]
    for path in (tmp_path / "cache/pooled").iterdir():
        path.unlink()
    turned = sweep(tiny.subset(tiny.ids[::-1]), [setting], store=tmp_path / "two").rows[setting]
    assert [row["confusion"] for row in rows] == [row["confusion"] for row in turned[::-1]]


def test_other_labels_of_an_image_are_another_result(tiny, tmp_path):
    free, known = (Setting("img", 30, pool=pool) for pool in ("pooled2", "pooled2known"))
    annotation = tiny.devkit / "Annotations" / "tiny_0.xml"
    sweep(tiny, [free, known], store=tmp_path / "s")
    annotation.parent.mkdir()
    annotation.write_text("<annotation><object><name>low</name></object></annotation>")
    result = sweep(tiny, [free, known], store=tmp_path / "s")
    assert dense(result.rows[known][0]["confusion"], 3)[:, 1].sum() == 0


def test_known_labels_keep_absent_classes_out_of_the_same_decision(tiny, tmp_path, monkeypatch):
    asked = []
    original = PooledClassifier.decide
    monkeypatch.setattr(
        PooledClassifier, "decide", lambda self, f: asked.append(self) or original(self, f)
    )
    free, known = (Setting("img", 30, pool=pool) for pool in ("pooled2", "pooled2known"))
    result = sweep(tiny, [free, known], store=tmp_path / "s")
    assert len(asked) == len(tiny)
    assert {classifier.svm.threads for classifier in asked} == {1}
    for rows in zip(*result.rows.values(), strict=True):
        assert rows[0]["predict_seconds"] == rows[1]["predict_seconds"] > 0
        assert rows[0]["samples"] == rows[1]["samples"]
    without = result.rows[known][0]  # the first image does not show the last class
    assert dense(without["confusion"], 3)[:, 2].sum() == 0


def test_the_same_features_are_read_as_in_an_image(tiny, tmp_path):
    # of a single image, the pool of its own size is the image's own classifier
    alone = tiny.subset(tiny.ids[1:2])
    own, pooled = Setting("F2", 30), Setting("F2", 30, pool="pooled1")
    result = sweep(alone, [own, pooled], NETWORK, store=tmp_path / "s")
    assert result.rows[own][0]["confusion"] == result.rows[pooled][0]["confusion"]


def test_fitted_classifiers_and_rows_are_kept(tiny, tmp_path, monkeypatch):
    settings = [Setting("img", 30, pool=pool) for pool in ("pooled1", "pooled1known", "pooled2")]
    fitted = []
    monkeypatch.setattr(
        pool_module, "_fit", lambda *a, fit=pool_module._fit: (fitted.append(a[0]), fit(*a))
    )
    first = sweep(tiny, settings[:2], store=tmp_path / "s")
    assert len(fitted) == 1
    again = sweep(tiny, settings, store=tmp_path / "s")
    assert len(fitted) == 2
    assert again.rows[settings[0]] == first.rows[settings[0]]
    # another image in the pool is another pool
    sweep(tiny.subset(tiny.ids[:3]), settings[:1], store=tmp_path / "s")
    assert len(fitted) == 3


def test_workers_give_the_same_rows(tiny, tmp_path):
    settings = [Setting("img", 30, pool="pooled2known"), Setting("img", 30)]
    one = sweep(tiny, settings, store=tmp_path / "one")
    two = sweep(tiny, settings, store=tmp_path / "two", workers=2)
    seconds = {"fit_seconds": 0, "predict_seconds": 0}
    for setting in settings:
        for first, second in zip(one.rows[setting], two.rows[setting], strict=True):
            assert json.dumps(first | seconds) == json.dumps(second | seconds)


def test_an_image_that_cannot_be_used_is_left_out_of_the_pool(tiny, tmp_path):
    tiny.image_path(tiny.ids[0]).write_bytes(b"no picture")
    write_mask(tiny.mask_path(tiny.ids[2]), np.full((24, 32), 255, np.uint8))
    setting = Setting("img", 30, pool="pooled1")
    result = sweep(tiny, [setting], store=tmp_path / "s")
    assert list(result.failures) == [tiny.ids[0], tiny.ids[2]]
    assert len(result.rows[setting]) == 2


def test_a_torn_file_of_a_pool_says_what_to_do(tiny, tmp_path):
    setting = Setting("img", 30, pool="pooled1")
    sweep(tiny.subset(tiny.ids), [setting], store=tmp_path / "s")
    (path,) = (tmp_path / "cache/pooled").iterdir()
    path.write_bytes(path.read_bytes()[:50])
    image_module._load.cache_clear()
    with pytest.raises(StoreError, match="Delete it and run"):
        sweep(tiny, [setting], store=tmp_path / "other")
