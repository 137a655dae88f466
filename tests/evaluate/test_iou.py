import numpy as np
import pandas as pd
import pytest
import sklearn.metrics
from PIL import Image
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import SVC

from wsss_lib import paper
from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.evaluate.iou import OF_DRAWS, residuals, table1
from wsss_lib.evaluate.settings import settings_for
from wsss_lib.evaluate.sweeps import sweep
from wsss_lib.expand.sampling import sample_mask

RANDOM18 = BackboneSpec("resnet18", "random")


def test_saved_masks_scored_by_scikit_learn_give_the_tables_numbers(tiny, tmp_path):
    where = {"store": tmp_path / "s", "masks_out": tmp_path / "masks"}
    table = table1(sweep(tiny, settings_for(None, ["img", "F1"], 40), RANDOM18, **where)).main
    for feature in ("img", "F1"):
        truth = np.concatenate([tiny.mask(id_).ravel() for id_ in tiny.ids])
        paths = [tmp_path / "masks" / feature / f"{id_}.png" for id_ in tiny.ids]
        predicted = np.concatenate([np.array(Image.open(path)).ravel() for path in paths])
        judged = truth != 255
        expected = sklearn.metrics.jaccard_score(truth[judged], predicted[judged], average=None)
        row = table.loc[feature]
        np.testing.assert_allclose(row[list(tiny.classes.short)], 100 * expected)
        np.testing.assert_allclose(row["mean"], 100 * expected.mean())


def test_the_img_row_is_what_scikit_learn_alone_gives(tiny, tmp_path):
    table = table1(sweep(tiny, settings_for(None, ["img"], 40), store=tmp_path / "s")).main
    truth, predicted = [], []
    for sample in tiny:
        pixels = sample_mask(sample.mask, 40, 0, sample.id)
        colours = sample.image.reshape(-1, 3).astype(float)
        colours = (colours - colours.mean(0)) / colours.std(0)
        at = pixels.rows * sample.mask.shape[1] + pixels.cols
        labels = pixels.labels
        oracle = OneVsRestClassifier(SVC()).fit(colours[at], labels)
        truth.append(sample.mask.ravel())
        predicted.append(oracle.predict(colours))
    truth, predicted = np.concatenate(truth), np.concatenate(predicted)
    expected = sklearn.metrics.jaccard_score(
        truth[truth != 255], predicted[truth != 255], average=None
    )
    # the two solvers stop within a tolerance of the same optimum
    np.testing.assert_allclose(table.loc["img"].iloc[:3], 100 * expected, atol=0.3)


def test_a_class_without_held_out_pixels_has_no_held_out_score(tiny, tmp_path):
    found = table1(sweep(tiny, settings_for(None, ["img"], 10_000), store=tmp_path / "s"))
    assert found.main.loc["img"].notna().all()
    assert found.tables["table1_heldout"].loc["img"].isna().all()


def scores(**rows):
    table = pd.DataFrame.from_dict(
        {k: list(v) for k, v in rows.items()}, orient="index", columns=["cat", "dog"]
    )
    return (
        table.rename_axis("feature").reset_index().assign(mean=0.0, **dict.fromkeys(OF_DRAWS, 0.0))
    )


def test_the_papers_own_rows_leave_nothing():
    table = paper.table1()[["cat", "dog"]]
    found = residuals(scores(F1=table.loc["F1"], img=table.loc["img"]))
    assert found["rms"].tolist() == [0, 0]


def test_numbered_from_the_deep_end_our_last_layer_meets_the_papers_first():
    table = paper.table1()[["cat", "dog"]]
    ours = scores(F5=table.loc["F1"] + [3.0, -4.0], xy=[1.0, 1.0])
    found = residuals(ours, "from the deep end")
    assert found["feature"].tolist() == ["F5"]
    np.testing.assert_allclose(found[["cat", "dog"]], [[3, -4]])
    assert found["mean"].item() == pytest.approx(-0.5)
    assert found["rms"].item() == pytest.approx(np.sqrt(12.5))


def test_a_class_without_a_score_does_not_count():
    found = residuals(scores(F1=[np.nan, paper.table1().loc["F1", "dog"] + 2]))
    assert found["rms"].item() == pytest.approx(2)
