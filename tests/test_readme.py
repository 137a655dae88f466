"""The numbers of README are those of the committed measurements."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from wsss_lib import paper
from wsss_lib.evaluate.settings import SVM_PRESETS

ROOT = Path(__file__).parents[1]
COMPARABLE = ["bkg", "cat", "cow", "dog", "horse", "sheep"]
FEATURES = ["img", "F1", "F2", "F3", "F4", "F5"]
STAGES = FEATURES[1:]
NETWORKS = {
    "`efficientnet_lite0`, ImageNet": "efficientnet",
    "ResNet-50, random weights": "random",
}


def img_row(folder):
    path = ROOT / "results" / "table1_296" / folder / "table1.csv"
    return pd.read_csv(path, index_col="feature").loc["img", COMPARABLE]


def study(name):
    return pd.read_csv(ROOT / "results" / "studies" / f"{name}.csv")


def of_preset(table, svm):
    preset = SVM_PRESETS[svm]
    return table[(table["C"] == preset["C"]) & (table["gamma"].astype(str) == preset["gamma"])]


def readme_row(start):
    """The numbers of the table row of README that begins with some words."""
    lines = (ROOT / "README.md").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith(f"| {start} |")]
    cells = line.strip("|").split("|")[1:]
    return [float(cell) for cell in cells if cell.strip()]


@pytest.mark.parametrize(
    ("words", "folder"),
    [
        ("ours, `--svm sklearn`, 296 images", "img_sklearn"),
        ("ours, `--svm paper`, 296 images", "img_paper"),
        ("ours, C = 1, gamma = 100 x scale, 296 images", "img_c1_gamma100x"),
        ("ours, C = 10, gamma = 30 x scale, 296 images", "img_c10_gamma30x"),
        ("ours, C = 100, gamma = 10 x scale, 296 images", "img_c100_gamma10x"),
    ],
)
def test_the_img_row_and_its_distance_from_the_papers(words, folder):
    ours, theirs = img_row(folder), paper.table1().loc["img", COMPARABLE]
    rms = np.sqrt(((ours - theirs) ** 2).mean())
    assert readme_row(words) == [*ours.round(2), round(rms, 1)]
    assert readme_row("the paper's `img` row") == theirs.round(2).tolist()


@pytest.mark.parametrize("svm", SVM_PRESETS)
@pytest.mark.parametrize(
    ("words", "file"),
    [
        ("`efficientnet_lite0`, ImageNet", "efficientnet"),
        ("ResNet-50, random weights", "random"),
    ],
)
def test_table_1_on_real_images(words, file, svm):
    table = study(f"layers_{file}_296")
    assert set(table["images"]) == {296}
    table = of_preset(table[table["region"] == "confusion"], svm)
    expected = table.set_index("feature").loc[FEATURES, "mean"].round(1).tolist()
    assert readme_row(f"{words}, `--svm {svm}`, 296 images") == expected


def test_the_papers_row_beside_it():
    expected = paper.table1().loc[FEATURES, COMPARABLE].mean(axis=1).round(1).tolist()
    assert readme_row("the paper, ResNet-50 of SIPE, 1464 images") == expected


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        ("as above, `--svm sklearn`", {"C": 1.0, "kernel": "rbf", "resolution": "pixels"}),
        ("as above, `--svm paper`", {"C": 100.0, "resolution": "pixels"}),
        ("linear SVM, C = 0.1", {"kernel": "linear"}),
        ("one label a cell, the most frequent", {"resolution": "cells"}),
        ("one label a cell, its first pixel's", {"resolution": "cells_nearest"}),
    ],
)
def test_the_readings(words, chosen):
    table = study("readings_efficientnet_74_residuals")
    for column, value in chosen.items():
        table = table[table[column] == value]
    table = table[table["feature"].isin(STAGES)]
    table = table[table["region"] == "confusion"]
    rms = (table["rms"] ** 2).groupby(table["numbering"]).mean() ** 0.5
    expected = [rms["from the stem"], rms["from the deep end"]]
    assert readme_row(words) == np.round(expected, 1).tolist()


SAMPLINGS = ["uniform", "apart16", "blocks32", "blocks64", "blocks128"]


def bound_row(file, feature, **chosen):
    table = study(f"bound_{file}_40")
    table = table[(table["region"] == "held_out") & (table["feature"] == feature)]
    for column, value in chosen.items():
        table = table[table[column].astype(str) == value]
    return table.set_index("sampling").loc[SAMPLINGS, "mean"].round(1).tolist()


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(("words", "file"), NETWORKS.items())
def test_what_the_bound_measures(words, file, stage):
    assert readme_row(f"{stage}, {words}") == bound_row(file, stage)


def test_the_controls_of_the_bound():
    expected = bound_row("efficientnet", "xy", kernel="nearest")
    assert readme_row("label of the nearest sample") == expected
    expected = bound_row("efficientnet", "xy", gamma="10.0")
    assert readme_row("coordinates, RBF, C = 100, gamma = 10") == expected
    assert readme_row("`img`, without a network") == bound_row("efficientnet", "img")


def test_every_link_to_a_file_leads_somewhere():
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / "README.md").read_text())
    assert [link for link in links if not (ROOT / link).exists()] == []


def held_out(name, **chosen):
    """The mean IoU of held-out pixels by feature, of the lines that are chosen."""
    table = study(name)
    table = table[table["region"] == "held_out"]
    for column, value in chosen.items():
        table = table[table[column].astype(str) == value]
    return table.set_index("feature")["mean"]


@pytest.mark.parametrize(
    ("n", "sampling"),
    [
        *((n, "uniform") for n in (10, 100, 1000, 2500, 5000)),
        *((n, "blocks64") for n in (10, 100, 1000, 5000)),
    ],
)
def test_how_many_samples_a_layer_needs(n, sampling):
    draws = held_out("sample_count_efficientnet_20", samples=str(n), sampling=sampling)
    expected = draws.groupby("feature").mean()[FEATURES].round(1).tolist()
    words = f"n = {n}" if sampling == "uniform" else f"n = {n}, {sampling}"
    assert readme_row(words) == expected


@pytest.mark.parametrize(
    ("words", "pool", "sampling"),
    [
        ("its own SVM", "own", "uniform"),
        ("one SVM for all, x1, labels known", "pooled1known", "uniform"),
        ("one SVM for all, x8, labels known", "pooled8known", "uniform"),
        ("one SVM for all, x8, labels unknown", "pooled8", "uniform"),
        ("its own SVM, blocks64", "own", "blocks64"),
        ("one SVM for all, x8, labels known, blocks64", "pooled8known", "blocks64"),
    ],
)
def test_one_svm_for_each_image_or_one_for_all(words, pool, sampling):
    scores = held_out("specific_or_global_efficientnet_40", pool=pool, sampling=sampling)
    assert readme_row(words) == scores[FEATURES].round(1).tolist()


@pytest.mark.parametrize("sampling", ["uniform", "blocks64"])
@pytest.mark.parametrize("layers", ["F1, F3", "F1, F5", "F2, F4", "F3, F5", "F1, F2, F3, F4, F5"])
def test_layers_that_are_combined(layers, sampling):
    name, members = "combining_efficientnet_40", layers.split(", ")
    scores, tuned = (
        held_out(name, sampling=sampling, weights=weights) for weights in ("equal", "tuned")
    )
    product = "*".join(members)
    expected = [scores[members].max(), scores["+".join(members)], scores[product], tuned[product]]
    words = layers if sampling == "uniform" else f"{layers}, {sampling}"
    assert readme_row(words) == np.round(expected, 1).tolist()


@pytest.mark.parametrize("truth", ["background", "objects"])
@pytest.mark.parametrize(
    ("words", "region"),
    [("at most 8 pixels from a boundary", "near8"), ("farther away", "away8")],
)
def test_where_the_errors_are(words, region, truth):
    table = study("errors_efficientnet_296_errors")
    table = table[(table["region"] == region) & (table["truth"] == truth)]
    expected = table.set_index("feature").loc[FEATURES, "error"].round(2).tolist()
    assert readme_row(f"{truth}, {words}") == expected


@pytest.mark.parametrize("sampling", ["uniform", "blocks64"])
def test_clean_labels(sampling):
    scores = held_out("label_noise_efficientnet_20", sampling=sampling, noise="none")
    words = "clean labels" if sampling == "uniform" else f"clean labels, {sampling}"
    assert readme_row(words) == scores[FEATURES].round(1).tolist()


@pytest.mark.parametrize(
    ("noise", "sampling"),
    [
        *((noise, "uniform") for noise in ("random20", "random40", "border10", "border20")),
        *((noise, "blocks64") for noise in ("random20", "border20")),
    ],
)
def test_what_wrong_labels_cost(noise, sampling):
    table = study("label_noise_efficientnet_20_losses")
    table = table[(table["region"] == "held_out") & (table["sampling"] == sampling)]
    losses = table[table["noise"] == noise].set_index("feature").loc[FEATURES, "loss"]
    words = f"`{noise}`" if sampling == "uniform" else f"`{noise}`, {sampling}"
    assert readme_row(words) == (-losses.round(1)).tolist()


STEPS = {"seed": "seed", "SVM": "svm", "SVM + CRF": "crf", "SVM + CRF + IRN": "irn"}


def pseudo(name, file="scores"):
    return pd.read_csv(ROOT / "results" / "pseudo" / name / f"{file}.csv", index_col=0)


@pytest.mark.parametrize(("words", "step"), STEPS.items())
def test_pseudo_masks_of_real_images(words, step):
    scores = pseudo("voc_296").loc[step, COMPARABLE]
    expected = [*scores.round(1), round(scores.mean(), 1)]
    assert readme_row(f"{words}, 296 photographs") == expected


@pytest.mark.parametrize(("words", "step"), STEPS.items())
def test_pseudo_masks_of_toy(words, step):
    assert readme_row(f"{words}, toy") == pseudo("toy").loc[step].round(1).tolist()


@pytest.mark.parametrize(
    ("words", "folder", "step"),
    [
        ("the same with beta 40", "toy_beta40", "irn"),
        ("CRF without the SVM", "toy_no_svm", "crf"),
        ("CRF + IRN without the SVM", "toy_no_svm", "irn"),
    ],
)
def test_other_chains_of_toy(words, folder, step):
    assert readme_row(f"{words}, toy") == pseudo(folder).loc[step].round(1).tolist()


def test_the_upper_bound_of_real_images():
    bound = pseudo("voc_296_bound", "table1").loc["F4", COMPARABLE]
    expected = [*bound.round(1), round(bound.mean(), 1)]
    assert readme_row("upper bound, 296 photographs") == expected


def test_the_upper_bound_of_toy():
    bound = pseudo("toy_bound", "table1").loc["F4"]
    assert readme_row("upper bound, toy") == bound.round(1).tolist()


@pytest.mark.parametrize("how", ["seed", "confident", "consistent"])
def test_which_samples_are_chosen(how):
    precision = pseudo(f"voc_20_{how}", "precision").loc[[*COMPARABLE, "all"], "precision"]
    score = pseudo(f"voc_20_{how}").loc["svm", COMPARABLE].mean()
    assert readme_row(f"`{how}`, 20 photographs") == [*precision.round(1), round(score, 1)]


def test_which_layer_expands_a_seed():
    folders = ["voc_20_F1", "voc_20_F2", "voc_20_F3", "voc_20_consistent", "voc_20_F5"]
    scores = [pseudo(folder).loc["svm", COMPARABLE].mean() for folder in folders]
    assert readme_row("SVM on the seed, 20 photographs") == np.round(scores, 1).tolist()


@pytest.mark.parametrize(
    ("words", "folder"),
    [
        ("ImageNet only", "imagenet"),
        ("plain classifier", "plain"),
        ("trained with SIPE", "sipe"),
        ("random weights", "random"),
    ],
)
def test_table_1_with_networks_that_learned_more_or_less(words, folder):
    path = ROOT / "results" / "table1_40" / folder / "table1.csv"
    table = pd.read_csv(path, index_col="feature").loc[STAGES, COMPARABLE]
    assert readme_row(f"{words}, 40 photographs") == table.mean(axis=1).round(1).tolist()


@pytest.mark.parametrize(
    ("words", "folder"),
    [
        ("plain classifier", "trained"),
        ("trained with SIPE", "sipe"),
        ("random weights", "random"),
    ],
)
def test_table_1_of_toy_with_networks_that_learned_more_or_less(words, folder):
    path = ROOT / "results" / "table1_toy" / folder / "table1.csv"
    means = pd.read_csv(path, index_col="feature").loc[STAGES, "mean"]
    assert readme_row(f"{words}, toy, 60 images") == means.round(1).tolist()


def test_the_threshold_of_cam_seeds_on_photographs():
    curve = pd.read_csv(ROOT / "figures" / "voc" / "13_threshold.csv")
    best, usual = curve.loc[curve["mean"].idxmax()], curve.set_index("threshold").loc[0.15]
    text = " ".join((ROOT / "README.md").read_text().split())
    assert f"have {best['mean']:.1f} with the best threshold ({best['threshold']:.2f};" in text
    assert f"and {usual['mean']:.1f} with the usual 0.15" in text
    assert f"SIPE's have {usual['sipe_mean']:.1f} without any" in text


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("ground truth", "truth"),
        ("upper-bound masks (SVM with true samples, F2)", "bound"),
        ("pseudo masks of the SVM", "svm"),
        ("seeds (SIPE)", "seed"),
    ],
)
def test_the_networks_that_learned_from_several_masks(words, kind):
    path = ROOT / "results" / "second_stage" / "toy" / "spread.csv"
    row = pd.read_csv(path, index_col="masks").loc[kind]
    expected = row[["masks_miou", "mean", "lowest", "highest"]].round(1).tolist()
    assert readme_row(words) == expected
