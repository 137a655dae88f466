from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.datasets import load_dataset
from wsss_lib.datasets.toy import make_toy
from wsss_lib.errors import DataError
from wsss_lib.features import LAYERS, STAGES
from wsss_lib.studies import catalogue
from wsss_lib.studies.catalogue import STUDIES, find_study, run_study
from wsss_lib.studies.sample_count import SEEDS, drawn_settings
from wsss_lib.studies.specific_or_global import TIMES

IMG = "region == 'confusion' and feature == 'img' and sampling == 'uniform'"
NETWORK = BackboneSpec("resnet18", "random")


def test_the_studies_are_those_of_the_files():
    files = {path.stem for path in Path(catalogue.__file__).parent.glob("[!_]*.py")}
    questions = files - {"catalogue", "study"}
    made = (getattr(study, "settings", None) or study.run for study in STUDIES.values())
    assert {each.__module__.split(".")[-1] for each in made} == questions
    assert all(study.name == name for name, study in STUDIES.items())


@pytest.mark.parametrize("name", [name for name in STUDIES if name != "threshold"])
def test_a_study_has_distinct_settings(name):
    settings = find_study(name).settings(40, 1)
    assert len(set(settings)) == len(settings)
    assert min(setting.seed for setting in settings) == 1


@pytest.fixture
def run(tiny, tmp_path, monkeypatch):
    """Run a study on the tiny images and read back what it writes."""
    monkeypatch.setenv("WSSS_CACHE", str(tmp_path / "cache"))

    def run(name, dataset=tiny, network=NETWORK, **how):
        result = run_study(name, dataset, network, samples=12, **how)
        path = result.write(tmp_path / "out")
        own = [key.removeprefix(f"{name}_") for key in result.tables][1:]
        return pd.read_csv(path), {
            table: pd.read_csv(path.with_stem(f"{name}_{table}")) for table in own
        }

    return run


def test_errors_near_boundaries_and_away_from_them(run):
    scores, tables = run("errors")
    assert {"near2", "near_held_out32", "away8"} <= set(scores["region"])
    assert set(tables) == {"errors"}
    lines = tables["errors"].query("feature == 'F1' and truth == 'objects'").set_index("region")
    assert (
        lines.loc["near4", "pixels"] + lines.loc["away4", "pixels"]
        == (lines.loc["confusion", "pixels"])
    )


def test_more_samples_are_drawn_several_times_and_by_the_cells(run, monkeypatch):
    few = replace(
        STUDIES["sample-count"], settings=lambda _, seed: drawn_settings(seed, counts=(2, 12))
    )
    monkeypatch.setitem(STUDIES, "sample-count", few)
    scores, tables = run("sample-count")
    counts = scores.query("region == 'confusion' and samples in ['2', '12']")
    assert len(counts) == 2 * len(LAYERS) * SEEDS
    shares = scores[scores["samples"] == "0.1xcells"]
    assert set(shares["feature"]) == set(STAGES)
    drawn = shares.groupby("feature")["samples_drawn"].first()
    assert drawn["F1"] > drawn["F2"] > drawn["F3"] >= drawn["F4"]
    assert (tables["costs"]["predict_seconds"] > 0).all()
    budget = tables["budget"]
    assert set(budget["region"]) == {"confusion", "held_out"}
    total = drawn[list(STAGES)].sum()
    assert budget.query("samples == '0.1xcells'")["total"].tolist() == [total] * 2


def test_one_classifier_for_all_images_is_set_against_one_for_each(run):
    scores, tables = run("specific-or-global")
    assert set(scores["pool"]) >= {"own", "pooled1", "pooled8known"}
    differences = tables["differences"]
    # each size with and without known labels, and the largest one in blocks
    assert len(differences) == 2 * len(LAYERS) * (2 * len(TIMES) + 1)
    line = differences[differences["sampling"] == "uniform"].iloc[0]
    same = ["feature", "region", "sampling"]
    means = scores[(scores[same] == line[same]).all(axis=1)].set_index("pool")["mean"]
    assert line["difference"] == pytest.approx(means[line["pool"]] - means["own"], abs=0.002)


def test_combinations_are_set_against_the_best_layer(run):
    scores, tables = run("combining")
    assert {"F1+F3", "F1*F3", "F1*F2*F3*F4*F5"} <= set(scores["feature"])
    assert set(tables["differences"]["against"]) <= set(STAGES)
    assert set(scores["weights"]) == {"equal", "tuned"}


def test_wrong_labels_are_counted(run):
    scores, tables = run("label-noise")
    losses = tables["losses"].query(IMG)
    means = scores.query(IMG).set_index("noise")["mean"]
    for noise, loss in losses.set_index("noise")["loss"].items():
        assert loss == pytest.approx(means["none"] - means[noise], abs=0.002)
    wrong = scores.groupby("noise")["wrong_samples"].mean()
    assert wrong["none"] == 0
    assert wrong["random10"] < wrong["random40"] < 45


def test_what_was_learnt_is_what_random_weights_lack(run):
    network = BackboneSpec("efficientnet_lite0", "imagenet")
    scores, tables = run("bound", network=network, samplings=["uniform"])
    assert set(scores["C"]) == {1, 100}
    means = [
        table.query("region == 'held_out' and C == 1 and feature in @STAGES").set_index("feature")
        for table in (scores, tables["random"], tables["learnt"])
    ]
    learnt = means[0]["mean"] - means[1]["mean"]
    assert means[2]["difference"].to_dict() == pytest.approx(learnt.to_dict(), abs=0.002)


def test_random_weights_are_not_set_against_themselves(run):
    _, tables = run("bound", samplings=["uniform"])
    assert not tables


def test_companions_are_those_of_the_toy_set(run, tmp_path):
    toy = load_dataset("toy", root=make_toy(tmp_path / "toy", n_train=8, n_val=1))
    scores, _ = run("companions", toy)
    wrong = scores[scores["feature"] == "img"].groupby("noise")["wrong_samples"].mean()
    assert 0 == wrong["none"] < wrong["companion50"] < wrong["companion100"]


def test_a_study_without_a_single_image_says_why(run):
    with pytest.raises(DataError, match=r"None of the 4 images .* needs masks of companions"):
        run("companions")
