import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from wsss_lib.expand.sampling import PixelSamples
from wsss_lib.studies.specific_or_global import (
    KNOWN,
    OWN,
    UNKNOWN,
    by_pool,
    pool_panels,
    pool_sizes,
)


def samples(**counts):
    """So many samples of the classes a, b, c = 0, 1, 2."""
    labels = np.repeat(
        np.array(["abc".index(name) for name in counts], np.uint8), [*counts.values()]
    )
    where = np.zeros(len(labels), int)
    return PixelSamples(where, where, labels, (9, 9), 12)


def test_the_sizes_are_those_of_the_samples():
    table = pool_sizes([samples(a=12, b=12), samples(a=12, b=6), samples(a=12, c=6)], [1, 2])
    assert table.index.tolist() == ["own", "x1", "x2"]
    own, single, double = table.to_dict("records")
    assert own["samples"] == single["samples"] == 20  # 60 samples of three images
    assert (own["of a class"], own["background of an image"]) == (10, 12)
    assert own["an object of an image"] == 8
    assert own["background (%)"] == pytest.approx(100 * 36 / 60)
    # a third of what each image has of each class
    assert single["of a class"] == pytest.approx(20 / 3)
    assert single["background (%)"] == pytest.approx(100 * 12 / 20)
    assert single["background of an image"] == 4
    assert single["an object of an image"] == pytest.approx((4 + 2 + 2) / 3)
    assert double["samples"] == 40
    assert double["kernel (MB)"] == pytest.approx(4 * 40**2 / 1e6)


def test_an_image_of_which_nothing_is_taken_counts():
    table = pool_sizes([samples(a=1)] * 9 + [samples(a=1, b=9)], [1])
    assert table.loc["x1", "samples"] == 2  # of 1.9 in the mean
    assert table.loc["x1", "background of an image"] == pytest.approx(0.1)
    assert table.loc["x1", "an object of an image"] == 1


def test_images_without_background_or_objects_have_no_number_there():
    only = pool_sizes([samples(b=4)], [1])
    assert only["background of an image"].isna().all()
    assert pool_sizes([samples(a=4)], [1])["an object of an image"].isna().all()


def lines(*pools):
    """A table of scores: mean 50, 51, ... with an interval of 2 below and 1 above."""
    means = 50.0 + np.arange(len(pools))
    return pd.DataFrame(
        {"pool": pools, "mean": means, "mean_low": means - 2, "mean_high": means + 1}
    )


def test_the_name_of_a_pool_is_taken_apart():
    table = by_pool(lines("own", "pooled1", "pooled16known"))
    assert table["classifier"].tolist() == [OWN, UNKNOWN, KNOWN]
    assert table["times"].fillna(0).tolist() == [0, 1, 16]
    assert table["mean"].tolist() == [50, 51, 52]


def test_each_feature_has_a_panel_with_its_own_classifier_as_a_level():
    pools = ("pooled8", "own", "pooled1known", "pooled2", "pooled8known")
    table = by_pool(pd.concat(lines(*pools).assign(feature=f) for f in ("img", "F2", "F1")))
    figure = pool_panels(table)
    assert [ax.get_title() for ax in figure.axes] == ["img", "F2", "F1"]
    (legend,) = figure.legends
    assert {text.get_text() for text in legend.get_texts()} == {OWN, KNOWN, UNKNOWN}
    ax = figure.axes[0]
    found = {line.get_label(): line for line in ax.lines}
    assert found[UNKNOWN].get_xydata().tolist() == [[2, 53], [8, 50]]
    assert found[KNOWN].get_xydata().tolist() == [[1, 52], [8, 54]]
    assert set(found[OWN].get_ydata()) == {51}
    assert len(ax.patches) == 1  # its interval
    plt.close(figure)
