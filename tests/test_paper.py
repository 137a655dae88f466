import numpy as np

from wsss_lib import paper
from wsss_lib.datasets.classes import VOC


def test_table1_has_voc_classes_and_its_means_agree_with_its_columns():
    table = paper.table1()
    assert list(table.columns) == [*VOC.short, "mean"]
    assert list(table.index) == ["img", "F1", "F2", "F3", "F4", "F5"]
    np.testing.assert_allclose(table[list(VOC.short)].mean(axis=1), table["mean"], atol=0.011)
