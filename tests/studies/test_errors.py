import matplotlib.pyplot as plt
import numpy as np
import pytest
from PIL import Image

from wsss_lib.datasets.devkit import Sample
from wsss_lib.evaluate.settings import Setting
from wsss_lib.evaluate.sweeps import sweep
from wsss_lib.show.masks import error_map
from wsss_lib.studies.errors import error_figure, error_table


def test_the_share_of_wrong_pixels_is_that_of_background_and_objects(tiny, tmp_path):
    setting = Setting("img", 30)
    result = sweep(tiny, [setting], store=tmp_path / "s", masks_out=tmp_path)
    table = error_table(result, ["confusion", "near2", "away2"])
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
    table = error_table(result, ["away32"])
    assert table["pixels"].tolist() == [0, 0]
    assert table["error"].isna().all()


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def halves(columns=10):
    """An image whose left half is background and whose right half is an object."""
    mask = np.zeros((6, columns), np.uint8)
    mask[:, columns // 2 :] = 8
    return Sample("halves", np.zeros((6, columns, 3), np.uint8), mask)


def test_errors_stand_beside_the_image_with_the_band_round_the_boundary():
    sample = halves()
    wrong = np.zeros_like(sample.mask)
    figure = error_figure(sample, {"F1": sample.mask, "F5": wrong}, 2)
    assert [ax.get_title() for ax in figure.axes] == ["image", "F1", "F5"]
    assert np.array_equal(figure.axes[2].images[0].get_array(), error_map(sample.mask, wrong))
    for ax in figure.axes:
        (outline,) = ax.collections
        columns = np.concatenate([path.vertices[:, 0] for path in outline.get_paths()])
        assert set(columns) == {2.5, 6.5}  # two pixels on either side of 4.5
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["wrong pixel", "void", "2 pixels from a boundary"]


@pytest.mark.parametrize(("columns", "band"), [(2, 4), (10, 9), (1, 2)])
def test_a_band_without_an_edge_in_the_image_has_no_outline(columns, band):
    sample = halves(columns)  # of one column it is all object
    assert not error_figure(sample, {"F1": sample.mask}, band).axes[0].collections
