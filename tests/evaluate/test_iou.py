import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics
from PIL import Image
from sklearn.multiclass import OneVsRestClassifier
from sklearn.svm import SVC

from wsss_lib import paper
from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.errors import ParameterError
from wsss_lib.evaluate import sweeps
from wsss_lib.evaluate.iou import OF_DRAWS, residuals, table1
from wsss_lib.evaluate.settings import Setting, row_key, settings_for
from wsss_lib.evaluate.sweeps import sweep
from wsss_lib.expand.sampling import sample_mask
from wsss_lib.metrics import dense

RANDOM18 = BackboneSpec("resnet18", "random")


def settings(*layers, samples=40, **chosen):
    return settings_for(None, layers, samples, **chosen)


@pytest.fixture
def count_images(monkeypatch):
    """Count the images that are really evaluated."""
    done = []
    original = sweeps.evaluate_image

    def counted(dataset, id_, *args, **more):
        done.append(id_)
        return original(dataset, id_, *args, **more)

    monkeypatch.setattr(sweeps, "evaluate_image", counted)
    return done


def test_saved_masks_scored_by_scikit_learn_give_the_tables_numbers(tiny, tmp_path):
    where = {"store": tmp_path / "s", "masks_out": tmp_path / "masks"}
    table = table1(sweep(tiny, settings("img", "F1"), RANDOM18, **where)).main
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
    table = table1(sweep(tiny, settings("img"), store=tmp_path / "s")).main
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


def test_held_out_pixels_are_those_that_were_not_sampled(tiny, tmp_path):
    result = sweep(tiny, settings("img"), store=tmp_path / "s")
    for row, sample in zip(next(iter(result.rows.values())), tiny, strict=True):
        judged = (sample.mask != 255).sum()
        assert dense(row["confusion"], 3).sum() == judged
        assert dense(row["held_out"], 3).sum() == judged - sum(row["samples"].values())


def test_the_table_has_the_papers_form(tiny, tmp_path):
    table1(sweep(tiny, settings("img"), store=tmp_path / "s")).write(tmp_path)
    table = pd.read_csv(tmp_path / "table1.csv")
    assert list(table.columns) == ["feature", "bkg", "left", "low", "mean"]
    note = json.loads((tmp_path / "table1.json").read_text())
    assert note["images"] == 4
    assert note["network"] is None


def test_another_setting_is_another_result(tiny, tmp_path, count_images):
    sweep(tiny, settings("img"), store=tmp_path / "s")
    sweep(tiny, settings("img", C=10.0), store=tmp_path / "s")
    assert len(count_images) == 8


def test_a_changed_image_is_computed_again(tiny, tmp_path, count_images):
    sweep(tiny, settings("img"), store=tmp_path / "s")
    path = tiny.image_path(tiny.ids[1])
    Image.open(path).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(path)
    sweep(tiny, settings("img"), store=tmp_path / "s")
    assert count_images[4:] == [tiny.ids[1]]


def test_missing_masks_are_written_though_the_rows_are_there(tiny, tmp_path, count_images):
    sweep(tiny, settings("img"), store=tmp_path / "s")
    sweep(tiny, settings("img"), store=tmp_path / "s", masks_out=tmp_path / "masks")
    assert len(list((tmp_path / "masks/img").glob("*.png"))) == 4
    assert len(count_images) == 8


@pytest.mark.parametrize("workers", [1, 2])
def test_bad_images_are_named_and_the_others_done(tiny, tmp_path, workers):
    one, two, three, _ = tiny.ids
    tiny.image_path(one).write_bytes(tiny.image_path(one).read_bytes()[:200])
    tiny.mask_path(two).unlink()
    void = Image.open(tiny.mask_path(three)).point(lambda _: 255)
    void.save(tiny.mask_path(three))
    result = sweep(tiny, settings("img"), store=tmp_path / "s", workers=workers)
    assert set(result.failures) == {one, two, three}
    assert "damaged" in result.failures[one]
    assert "all void" in result.failures[three]
    assert [row["id"] for row in result.rows[settings("img")[0]]] == [tiny.ids[3]]


def test_the_key_holds_everything_that_determines_a_result():
    base = Setting("F1", 10)
    keys = {
        *(row_key(base, *image, weights_sha="w") for image in ("ij", "kj", "ik")),
        row_key(base, *"ij", weights_sha="v"),
        *(
            row_key(Setting(**{"feature": "F1", "samples": 10, **other}), *"ij", weights_sha="w")
            for other in (
                {"feature": "F2"},
                {"samples": 11},
                {"kernel": "linear"},
                {"C": 2.0},
                {"gamma": "3xscale"},
                {"solver": "libsvm"},
                {"seed": 1},
                {"zscore": False},
                {"sampling": "blocks8"},
                {"resolution": "cells"},
            )
        ),
    }
    assert len(keys) == 14
    assert row_key(Setting("img", 10), weights_sha="w") == row_key(
        Setting("img", 10), weights_sha="v"
    )


@pytest.mark.parametrize(
    ("layers", "chosen"),
    [
        (["F9"], {}),
        (["img", "img"], {}),
        (["img"], {"samples": 0}),
        (["img"], {"C": -1.0}),
        (["img"], {"gamma": "wide"}),
        (["img"], {"kernel": "cubic"}),
        (["img"], {"kernel": "nearest"}),
        (["img"], {"sampling": "blocks"}),
        (["img"], {"resolution": "half"}),
    ],
)
def test_bad_settings_are_refused_before_any_work(layers, chosen):
    with pytest.raises(ParameterError):
        settings_for(SimpleNamespace(name="toy"), layers, **chosen)


def test_masks_of_another_setting_are_replaced(tiny, tmp_path):
    masks = {}
    for cost in (0.01, 100.0, 0.01):
        chosen = settings("img", C=cost)
        sweep(tiny, chosen, store=tmp_path / "s", masks_out=tmp_path / "masks")
        written = [np.array(Image.open(path)) for path in sorted(tmp_path.glob("masks/img/*.png"))]
        assert np.array_equal(masks.setdefault(cost, written), written)
    assert not np.array_equal(masks[0.01], masks[100.0])


def test_a_class_without_held_out_pixels_has_no_held_out_score(tiny, tmp_path):
    found = table1(sweep(tiny, settings("img", samples=10_000), store=tmp_path / "s"))
    assert found.main.loc["img"].notna().all()
    assert found.tables["table1_heldout"].loc["img"].isna().all()


def test_one_gamma_in_two_spellings_is_one_setting():
    assert settings("img", gamma="10") == settings("img", gamma=10)


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
