import numpy as np
import pytest
from PIL import Image

from wsss_lib.evaluate.rows.settings import Setting
from wsss_lib.evaluate.rows.sweep import sweep
from wsss_lib.evaluate.tables.error_rates import error_table


def test_the_share_of_wrong_pixels_is_told_for_background_and_objects(tiny, tmp_path):
    setting = Setting("img", 30)
    result = sweep(tiny, [setting], store=tmp_path / "s", masks_out=tmp_path)
    table = error_table(result, tiny.classes, ["confusion", "near2", "away2"])
    predicted = [np.array(Image.open(tmp_path / "img" / f"{id_}.png")) for id_ in tiny.ids]
    truth = np.concatenate([tiny.mask(id_).ravel() for id_ in tiny.ids])
    wrong = truth != np.concatenate([mask.ravel() for mask in predicted])
    lines = table.set_index(["region", "truth"])
    for name, true in (("background", truth == 0), ("objects", (truth > 0) & (truth < 255))):
        whole = lines.loc["confusion", name]
        assert whole["error"] == pytest.approx(100 * wrong[true].mean())
        assert whole["pixels"] == true.sum()
        parts = [lines.loc[region, name] for region in ("near2", "away2")]
        assert sum(part["pixels"] for part in parts) == true.sum()
        assert sum(p["pixels"] * p["error"] for p in parts) == pytest.approx(
            100 * wrong[true].sum()
        )
        assert whole["error_low"] <= whole["error"] <= whole["error_high"]


def test_a_region_without_pixels_has_no_error(tiny, tmp_path):
    result = sweep(tiny, [Setting("xy", 30, kernel="nearest")], store=tmp_path / "s")
    table = error_table(result, tiny.classes, ["away32"])
    assert table["pixels"].tolist() == [0, 0]
    assert table["error"].isna().all()
