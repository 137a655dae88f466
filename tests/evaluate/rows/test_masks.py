import numpy as np
import pytest

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.datasets.images import read_mask
from wsss_lib.errors import MaskError, ParameterError
from wsss_lib.evaluate.rows import pool as pool_module
from wsss_lib.evaluate.rows.masks import image_masks
from wsss_lib.evaluate.rows.settings import Setting
from wsss_lib.evaluate.rows.sweep import sweep

NETWORK = BackboneSpec("resnet18", "random")


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("WSSS_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("pool", ["own", "pooled2", "pooled2known"])
def test_row_and_mask_are_those_of_a_sweep(tiny, tmp_path, pool):
    setting = Setting("F2", 30, pool=pool)
    row, mask = image_masks(tiny, "tiny_2", [setting], NETWORK)[setting]
    rows = sweep(tiny, [setting], NETWORK, store=tmp_path / "s", masks_out=tmp_path).rows[setting]
    seconds = {"fit_seconds": 0, "predict_seconds": 0}
    assert row | seconds == rows[2] | seconds
    np.testing.assert_array_equal(mask, read_mask(tmp_path / "F2" / "tiny_2.png", 3))


def test_a_sweep_finds_the_fitted_pools(tiny, tmp_path, monkeypatch):
    setting = Setting("img", 30, pool="pooled1")
    image_masks(tiny, "tiny_0", [setting])
    monkeypatch.setattr(pool_module, "_fit", None)  # nothing is left to be fitted
    assert len(sweep(tiny, [setting], store=tmp_path / "s").rows[setting]) == 4


def test_a_missing_network_or_image_is_named(tiny):
    with pytest.raises(ParameterError):
        image_masks(tiny, "tiny_0", [Setting("F1", 30)])
    tiny.mask_path("tiny_0").unlink()
    with pytest.raises(MaskError):
        image_masks(tiny, "tiny_0", [Setting("img", 30, pool="pooled1")])
