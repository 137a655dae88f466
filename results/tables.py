"""Write the tables of README.md and results/README.md from the measurements in this folder.

``python results/tables.py`` rewrites the tables; with ``--check`` it changes nothing and exits
with 1 if a page disagrees with the measurements. In a page a table stands between
``<!-- table: NAME -->`` and ``<!-- end -->``; NAME is a function of this file, which returns the
heads of the columns and the rows. Numbers get one decimal; where a row has another format, its
cells are text already.
"""

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import click
import numpy as np
import pandas as pd

from wsss_lib import paper
from wsss_lib.studies.bound import best_coordinates

HERE = Path(__file__).parent
PAGES = (HERE.parent / "README.md", HERE / "README.md")
#: The classes that can be compared with the paper: a part of VOC holds too few of the others.
CLASSES = ["bkg", "cat", "cow", "dog", "horse", "sheep"]
TOY_CLASSES = ["bkg", "leaf", "shell", "star", "fish", "basket", "tort"]
STAGES = ["F1", "F2", "F3", "F4", "F5"]
FEATURES = ["img", *STAGES]
#: Ways of sampling, from the paper's to the fairest.
SAMPLINGS = ["uniform", "apart16", "blocks32", "blocks64", "blocks128"]

Rows = list[list]
Table = tuple[list[str], Rows]


def read(name: str) -> pd.DataFrame:
    """The CSV of this name below the folder of results, with its first column as index."""
    return pd.read_csv(HERE / f"{name}.csv", index_col=0)


def study(name: str, **values: object) -> pd.DataFrame:
    """The lines of a study whose columns have these values, by feature.

    Where nothing else is said: the pixels that were not sampled.
    """
    table = read(f"studies/{name}")
    for column, value in ({"region": "held_out"} | values).items():
        table = table[table[column].astype(str) == str(value)]
    return table


def six(table: pd.DataFrame) -> pd.Series:
    """The mean over the classes that can be compared with the paper."""
    return table[CLASSES].mean(axis=1)


def table1_mean(network: str, C: float) -> pd.Series:
    """Table 1 of a network, all pixels of 296 photographs: the mean over the six classes."""
    return study(f"layers_{network}_296", region="confusion", C=C)["mean"]


def texts(values: Iterable[float], form: str = ".1f") -> list[str]:
    """Numbers in a format, such as ``+.1f``, rounded to its decimals beforehand as pandas does."""
    return [format(value, form) for value in np.round(list(values), int(form[-2]))]


def by_feature(name: str, rows: dict[str, dict], column: str = "mean", form: str = ".1f") -> Table:
    """The features of a study, one row for each choice of its lines; draws are averaged."""
    cells = {
        words: study(name, **values)[column].groupby(level="feature").mean()[FEATURES]
        for words, values in rows.items()
    }
    return FEATURES, [[words, *texts(values, form)] for words, values in cells.items()]


def differences(table: pd.DataFrame) -> list[str]:
    """The differences of a table, each with its interval."""
    columns = ["difference", "difference_low", "difference_high"]
    return ["{}, {} to {}".format(*texts(row, "+.1f")) for row in table[columns].to_numpy()]


def suffixed(words: str, sampling: str) -> str:
    """The name of a row; what the paper does is not said."""
    return words if sampling == "uniform" else f"{words}, {sampling}"


def summary() -> Table:
    """The paper's Table 1 beside ours, once with labels that have to be carried further."""
    bound = study("bound_efficientnet_40", sampling="blocks64", C=1.0)["mean"]
    learnt = study("bound_matched_40_learnt", sampling="blocks64").loc[STAGES]
    rows = {
        "*published*: the paper, ResNet-50 of SIPE, 1464 images": six(paper.table1()),
        "ours: `efficientnet_lite0`, ImageNet, 296 images": table1_mean("efficientnet", C=1.0),
        "ours: ResNet-50, random weights, 296 images": table1_mean("random", C=1.0),
        "ours: `efficientnet_lite0`, labels carried further, 40 images": bound,
    }
    table = [[words, *row[FEATURES]] for words, row in rows.items()]
    table.append(["the last row less random weights of that network", "", *differences(learnt)])
    return ["`img`", *STAGES], table


def which_svm() -> Table:
    """The ``img`` row of several SVMs, and its distance from the paper's."""
    theirs = paper.table1().loc["img", CLASSES]
    rows = [["the paper's `img` row", *texts(theirs, ".2f"), ""]]
    for words, folder in {
        "`--svm sklearn`": "img_sklearn",
        "`--svm paper`": "img_paper",
        "C = 1, gamma = 100 x scale": "img_c1_gamma100x",
        "C = 10, gamma = 30 x scale": "img_c10_gamma30x",
        "C = 100, gamma = 10 x scale": "img_c100_gamma10x",
    }.items():
        ours = read(f"table1_296/{folder}/table1").loc["img", CLASSES]
        rms = ((ours - theirs) ** 2).mean() ** 0.5
        rows.append([f"ours, {words}, 296 images", *texts(ours, ".2f"), rms])
    return [*CLASSES, "rms difference"], rows


def layers() -> Table:
    """Table 1 of two networks with both presets of the SVM."""
    rows = [["the paper, ResNet-50 of SIPE, 1464 images", *six(paper.table1())[FEATURES]]]
    for network, name in {
        "`efficientnet_lite0`, ImageNet": "efficientnet",
        "ResNet-50, random weights": "random",
    }.items():
        for svm, C in {"sklearn": 1.0, "paper": 100.0}.items():
            means = table1_mean(name, C)[FEATURES]
            rows.append([f"{network}, `--svm {svm}`, 296 images", *means])
    return ["`img`", *STAGES], rows


def readings() -> Table:
    """How far each reading of the paper's text is from its rows F1 to F5."""
    rows = []
    for words, reading in {
        "as above, `--svm sklearn`": {"C": 1.0, "kernel": "rbf", "resolution": "pixels"},
        "as above, `--svm paper`": {"C": 100.0, "resolution": "pixels"},
        "linear SVM, C = 0.1": {"kernel": "linear"},
        "one label per cell, the most frequent": {"resolution": "cells"},
        "one label per cell, its first pixel's": {"resolution": "cells_nearest"},
    }.items():
        table = study("readings_efficientnet_74_residuals", region="confusion", **reading)
        table = table[table["feature"].isin(STAGES)]
        rms = (table["rms"] ** 2).groupby(level="numbering").mean() ** 0.5
        rows.append([words, rms["from the stem"], rms["from the deep end"]])
    return ["numbered from the stem", "numbered from the deep end"], rows


def bound() -> Table:
    """What each layer reaches where samples lie farther and farther away."""
    chosen = {"`img`, without a network": ("img", "rbf")}
    chosen |= {stage: (stage, "rbf") for stage in STAGES}
    chosen["label of the nearest sample"] = ("xy", "nearest")
    rows = []
    for words, (feature, kernel) in chosen.items():
        table = study("bound_efficientnet_40", kernel=kernel, C=1.0).loc[feature]
        rows.append([words, *table.set_index("sampling")["mean"][SAMPLINGS]])
    return SAMPLINGS, rows


def matched() -> Table:
    """Layers and controls with the same C; coordinates with their best gamma."""
    table = best_coordinates(study("bound_matched_40").reset_index())
    nearest = table["kernel"] == "nearest"
    names = table["feature"].replace("xy", "coordinates, the best of three gammas")
    table = table.assign(name=names.mask(nearest, "label of the nearest sample"))
    means = table.pivot(index="name", columns=["sampling", "C"], values="mean")
    places = [(sampling, C) for sampling in ("uniform", "blocks64") for C in (1.0, 100.0)]
    means = means[places].T.groupby(level="sampling", sort=False).ffill().T  # has no C
    rows = [[name, *means.loc[name]] for name in dict.fromkeys(table["name"])]
    return [f"{sampling}, C = {C:g}" for sampling, C in places], rows


def learnt() -> Table:
    """What the trained network is ahead of its own random weights, with C = 1."""
    columns = {}
    for sampling in ("uniform", "blocks64"):
        random, own = (
            study(f"bound_matched_40_{part}", sampling=sampling, C=1.0).loc[STAGES]
            for part in ("random", "learnt")
        )
        columns[f"{sampling}: random weights"] = texts(random["mean"])
        columns[f"{sampling}: trained less random"] = differences(own)
    return [*columns], [
        [stage, *cells] for stage, *cells in zip(STAGES, *columns.values(), strict=True)
    ]


def trained_networks() -> Table:
    """The layers of three trained networks, and the lead of the fourth."""
    rows = []
    for sampling in ("uniform", "blocks64"):
        for network, name in {"lite0": "efficientnet", "lite1": "lite1", "lite2": "lite2"}.items():
            table = study(f"bound_{name}_40", sampling=sampling, C=1.0).loc[STAGES]
            lead = texts(table.loc["F4", ["ahead", "ahead_low", "ahead_high"]], "+.1f")
            words = suffixed(f"`efficientnet_{network}`", sampling)
            rows.append(
                [words, *table["mean"], table.loc["F4", "best"], "{}, {} to {}".format(*lead)]
            )
    return [*STAGES, "F4 best, % of resamples", "F4 less nearest sample"], rows


def sample_count() -> Table:
    """Several numbers of samples."""
    counts = {"uniform": (10, 100, 1000, 2500, 5000), "blocks64": (10, 100, 1000, 5000)}
    rows = {
        suffixed(f"n = {n}", sampling): {"samples": n, "sampling": sampling}
        for sampling in counts
        for n in counts[sampling]
    }
    return by_feature("sample_count_efficientnet_20", rows)


def specific_or_global() -> Table:
    """An SVM for each image beside one for all."""
    pools = (
        ("its own SVM", "own", "uniform"),
        ("one SVM for all, x1, labels known", "pooled1known", "uniform"),
        ("one SVM for all, x8, labels known", "pooled8known", "uniform"),
        ("one SVM for all, x8, labels unknown", "pooled8", "uniform"),
        ("its own SVM", "own", "blocks64"),
        ("one SVM for all, x8, labels known", "pooled8known", "blocks64"),
    )
    rows = {
        suffixed(words, sampling): {"pool": pool, "sampling": sampling}
        for words, pool, sampling in pools
    }
    return by_feature("specific_or_global_efficientnet_40", rows)


def combining() -> Table:
    """Several layers: the best of them, concatenated, and the product of their kernels."""
    rows = []
    for sampling in ("uniform", "blocks64"):
        scores, tuned = (
            study("combining_efficientnet_40", sampling=sampling, weights=weights)["mean"]
            for weights in ("equal", "tuned")
        )
        for members in (["F1", "F3"], ["F1", "F5"], ["F2", "F4"], ["F3", "F5"], STAGES):
            joined, product = "+".join(members), "*".join(members)
            values = [scores[members].max(), scores[joined], scores[product], tuned[product]]
            rows.append([suffixed(", ".join(members), sampling), *values])
    heads = ["best member alone", "concatenated"]
    return [*heads, "product, equal weights", "product, tuned weights"], rows


def errors() -> Table:
    """Share of wrong pixels, near boundaries and away from them."""
    places = {"at most 8 pixels from a boundary": "near8", "farther away": "away8"}
    rows = {
        f"{truth}, {words}": {"region": region, "truth": truth}
        for words, region in places.items()
        for truth in ("background", "objects")
    }
    return by_feature("errors_efficientnet_296_errors", rows, "error", ".2f")


def label_noise() -> Table:
    """Clean labels, and the points that wrong ones cost."""
    rows = []
    for sampling, noises in {
        "uniform": ("random20", "random40", "border10", "border20"),
        "blocks64": ("random20", "border20"),
    }.items():
        clean = study("label_noise_efficientnet_20", sampling=sampling, noise="none")["mean"]
        rows.append([suffixed("clean labels", sampling), *clean[FEATURES]])
        for noise in noises:
            table = study("label_noise_efficientnet_20_losses", sampling=sampling, noise=noise)
            gains = texts(-table["loss"][FEATURES], "+.1f")
            rows.append([suffixed(f"`{noise}`", sampling), *gains])
    return FEATURES, rows


def pseudo_voc() -> Table:
    """Pseudo masks of photographs after each step, and the upper bound."""
    scores, upper = read("pseudo/voc_296/scores"), read("pseudo/voc_296_bound/table1")
    rows = {
        "seed": scores.loc["seed"],
        "SVM": scores.loc["svm"],
        "SVM + CRF": scores.loc["crf"],
        "SVM + CRF + IRN": scores.loc["irn"],
        "the same with beta 40": read("pseudo/voc_296_beta40/scores").loc["irn"],
        "IRN without SVM and CRF": read("pseudo/voc_296_no_svm/scores").loc["irn"],
        "upper bound": upper.loc["F4"],
    }
    return [*CLASSES, "mean"], [
        [f"{words}, 296 photographs", *row[CLASSES], row[CLASSES].mean()]
        for words, row in rows.items()
    ]


def selection() -> Table:
    """How clean the labels of each selection are, and what the SVM makes of them."""
    rows = []
    for name in ("seed", "confident", "consistent"):
        right = read(f"pseudo/voc_20_{name}/precision").loc[[*CLASSES, "all"], "precision"]
        score = six(read(f"pseudo/voc_20_{name}/scores"))["svm"]
        rows.append([f"`{name}`, 20 photographs", *right, score])
    return [*CLASSES, "all", "SVM's mean IoU"], rows


def expanding_layer() -> Table:
    """Which layer expands a seed best; F4 is that of the other runs."""
    folders = ["voc_20_F1", "voc_20_F2", "voc_20_F3", "voc_20_seed", "voc_20_F5"]
    scores = [six(read(f"pseudo/{folder}/scores"))["svm"] for folder in folders]
    return STAGES, [["SVM on the seed, 20 photographs", *scores]]


def walk() -> Table:
    """IRN's walk with and without the padding of images, for several beta."""
    means = pd.read_csv(HERE / "pseudo" / "walk_20.csv", index_col=["steps", "image", "beta"])
    table = means["mean"].unstack("beta")
    words = {"seed,irn": "seed + IRN", "seed,svm,crf,irn": "SVM + CRF + IRN"}
    return [f"beta {beta}" for beta in table], [
        [f"{words[steps]}, images {image}, 20 photographs", *row]
        for (steps, image), row in table.iterrows()
    ]


def threshold() -> Table:
    """Seeds of plain CAMs with two thresholds, and SIPE's without any; all classes that occur."""
    curve = pd.read_csv(HERE.parent / "figures" / "voc" / "13_threshold.csv", index_col="threshold")
    best = curve["mean"].idxmax()
    heads = [f"CAM, best threshold ({best:.2f})", "CAM, the usual 0.15", "SIPE, none"]
    scores = [curve["mean"].max(), curve.loc[0.15, "mean"], curve["sipe_mean"].iloc[0]]
    return heads, [["seeds, 40 photographs", *scores]]


def threshold_choices() -> Table:
    """Choices of the threshold, and what the best on the scored masks is ahead of each."""
    parts = {"toy": "threshold_toy", "photographs": "threshold_efficientnet_100"}
    tables, rows = {words: read(f"studies/{name}") for words, name in parts.items()}, []
    for choice in tables["photographs"].index:
        rows.append([choice])
        for line in (table.loc[choice] for table in tables.values()):
            bought = texts(line[["habit", "habit_low", "habit_high"]], "+.1f")
            bought = "{}, {} to {}".format(*bought) if line["habit_high"] else ""
            rows[-1] += [f"{line['threshold']:.2f}", line["mean"], bought]
    heads = ("threshold", "mean", "the habit's gain")
    return [f"{words}: {head}" for words in parts for head in heads], rows


def chain_toy() -> Table:
    """The ways from seed to mask on toy, with three trainings of the classification networks."""
    runs = [read(f"expansion/toy_{seed}/chains") for seed in range(3)]
    ends = pd.concat([run[run["round"].isna()] for run in runs])
    rows = []
    for way in runs[0][runs[0]["round"].isna()].index:
        lines = ends.loc[way]
        gains = "{} ({} to {})".format(
            *texts([lines["gain"].mean(), lines["gain"].min(), lines["gain"].max()], "+.1f")
        )
        row = [way, lines["mean"].mean(), lines["mean"].min(), lines["mean"].max()]
        rows.append([*row, *([gains, lines["harmed"].mean()] if way != "seed" else ["", ""])])
    return ["mean", "lowest", "highest", "gain over the seed", "harmed %"], rows


def compared(name: str, rows: dict[str, tuple[str, int | None]]) -> Table:
    """Chains or their rounds as `wsss compare` scored them, by what a row is called."""
    table = pd.read_csv(HERE / "expansion" / name / "chains.csv", index_col=["chain", "round"])
    spent = json.loads((HERE / "expansion" / name / "chains.json").read_text(encoding="utf-8"))
    body = []
    for words, (chain, number) in rows.items():
        line = table.loc[[(chain, number or np.nan)]].iloc[0]
        key = f"{chain}, round {number}" if number else chain
        gain = "{}, {} to {}".format(*texts(line[["gain", "gain_low", "gain_high"]], "+.1f"))
        seconds = texts([spent["seconds_per_image"][key]])
        shares = texts(line[["harmed", "helped"]])
        row = [*texts([line["mean"]]), gain, *shares, *seconds]
        body.append([words, *(row if chain != "seed" else [row[0], "", "", "", ""])])
    heads = ["mean", "gain and its interval", "harmed %", "helped %", "seconds"]
    return heads, body


def expansion_settings() -> Table:
    """The settings that were compared on the images that the defaults were chosen on."""
    rows = {
        "seed, 40 photographs": ("seed", None),
        **{f"{n} round{'s'[: n > 1]}": ("rounds", n) for n in range(1, 7)},
        **{f"CRF of IRN, {n} round{'s'[: n > 1]}": ("CRF: irn", n) for n in range(1, 6)},
        "CRF of IRN, 2 rounds, n = 100": ("CRF: irn, n = 100", None),
        "2 rounds, F4": ("F4", None),
        "2 rounds, all five layers": ("five layers", None),
        "2 rounds, n = 1000": ("n = 1000", None),
        "2 rounds, C = 1": ("C = 1", None),
        "2 rounds, C = 0.01": ("C = 0.01", None),
        "2 rounds, gamma = scale": ("gamma = scale", None),
        "2 rounds, gamma = 0.1 x scale": ("gamma = 0.1 x scale", None),
        "2 rounds, temperature 3": ("temperature = 3", None),
        "2 rounds, confident samples": ("confident samples", None),
        "2 rounds, samples cleaned by cross-fitting": ("crossed samples", None),
        "2 rounds, parts need not touch the seed": ("parts need not touch", None),
        "3 rounds without CRF": ("no CRF between", None),
        "3 rounds without CRF, CRF of IRN after": ("no CRF between, one after", None),
        "3 rounds with CRF of IRN between and after": ("CRF: irn, between and after", None),
        "SVM on F4, C = 1, n = 2500": ("svm", None),
        "the same, CRF of IRN after": ("svm, CRF", None),
        "CRF of IRN alone": ("CRF", None),
    }
    return compared("settings_40", rows)


def expansion() -> Table:
    """The expansion on images that nothing was chosen on, with MARS or the rule, or without."""
    heads, rows = [], []
    for folder, words, chain in (
        ("rivals_256", "256 photographs", "two rounds"),
        ("held_out_100", "100 photographs that the network never saw", "rounds"),
    ):
        lines = {
            f"seed, {words}": ("seed", None),
            "one round": (chain, 1),
            "two rounds": (chain, 2),
            "two rounds, with the rule": ("two rounds, rule", None),
            "MARS, then one round": ("MARS, two rounds", 1),
            "MARS, then two rounds": ("MARS, two rounds", 2),
            "MARS, then two rounds, with the rule": ("MARS, two rounds, rule", None),
        }
        heads, found = compared(folder, lines)
        rows += found
    return heads, rows


def rivals() -> Table:
    """What else may follow the same seeds."""
    rows = {
        "seed, 256 photographs": ("seed", None),
        "CRF": ("CRF", None),
        "PMM's proportional masks, SIPE's background": ("PMM", None),
        "MARS's removal, rebuilt in part": ("MARS", None),
        "IRN's walk (network trained)": ("IRN", None),
        "two rounds": ("two rounds", None),
        "two rounds, samples cleaned by cross-fitting": ("two rounds, crossed", None),
        "MARS, then two rounds": ("MARS, two rounds", 2),
        "two rounds with the rule, then IRN's walk (network trained)": (
            "two rounds, rule, IRN",
            None,
        ),
    }
    return compared("rivals_256", rows)


def irn_labels() -> Table:
    """IRN's walk with networks that learned from CAMs or from masks of the expansion."""
    heads, rows = [], []
    for folder, words in (("irn_cams_128", "CAMs"), ("irn_expanded_128", "masks of the expansion")):
        lines = {
            f"seed, walk along edges learned from {words}": ("IRN", None),
            f"MARS, two rounds, walk along edges learned from {words}": (
                "MARS, two rounds, IRN",
                None,
            ),
        }
        heads, found = compared(folder, lines)
        rows += found
    return heads, rows


def signs() -> Table:
    """How well what is known without ground truth tells gain and harm."""
    table = pd.read_csv(HERE / "expansion" / "signs.csv")
    heads = ["40: correlation", "40: harm told", "100: correlation", "100: harm told"]
    numbers = table[[f"{part}_{kind}" for part in ("40", "100") for kind in ("rho", "auc")]]
    body = zip(table["sign"], numbers.to_numpy().tolist(), strict=True)
    return ["after two rounds", *heads], [[sign, *texts(row, ".2f")] for sign, row in body]


def rule() -> Table:
    """What thresholds of the rule leave of gain and harm."""
    table = pd.read_csv(HERE / "expansion" / "rule.csv")
    heads = ["gain", "harmed %", "seeds kept %"]
    rows = [
        [f"{line.least_change:g}" if line.least_change else "no rule", *cells]
        for line in table.itertuples()
        for cells in [
            [
                text
                for part in ("40", "100")
                for text in (
                    *texts([getattr(line, f"gain_{part}")], "+.1f"),
                    *texts([getattr(line, f"harmed_{part}")], ".0f"),
                    *texts([getattr(line, f"kept_{part}")], ".0f"),
                )
            ]
        ]
    ]
    return ["least change", *(f"{n}: {head}" for n in (40, 100) for head in heads)], rows


def strokes() -> Table:
    """Gamma and layers where strokes take the place of samples, with C = 1."""
    parts = {"chosen on 20": "20a", "20 others": "20b"}
    scores = pd.concat(
        {
            words: study(f"strokes_efficientnet_{name}", region="confusion", C=1.0)
            .set_index("gamma", append=True)["mean"]
            .groupby(level=[0, 1])
            .mean()
            for words, name in parts.items()
        },
        axis=1,
    )
    gammas = ("scale", "0.3xscale", "0.1xscale", "0.03xscale")
    rows = [
        [f"{feature}, gamma = {gamma.replace('x', ' x ')}", *scores.loc[feature, gamma]]
        for feature in ("F4", "F3*F4*F5", "F1*F2*F3*F4*F5")
        for gamma in gammas
    ]
    return [*parts], [[row[0].replace("*", "\\*"), *row[1:]] for row in rows]


def classifier() -> Table:
    """Classifiers on F4 and on all layers: scores, distance from the SVM, seconds."""
    name, kind, blocks = "classifier_efficientnet_40", ["kernel", "C"], {"sampling": "blocks64"}
    uniform = study(name, sampling="uniform").set_index(kind, append=True)["mean"]
    apart = study(name, **blocks).set_index(kind, append=True)["mean"]
    far = study(f"{name}_differences", **blocks).set_index(kind, append=True)
    seconds = read("studies/classifier_seconds").set_index(kind, append=True)["seconds"]
    rows = []
    for key in apart.index:
        feature, kernel, C = key
        words = {"rbf": "SVM, RBF", "linear": f"SVM, linear, C = {C:g}"}.get(kernel, kernel)
        words = {"F4": f"F4: {words}", "F1+F2+F3+F4+F5": f"joined: {words}"}.get(feature, "product")
        row = [words, uniform[key], apart[key], ""]
        if key in far.index:
            gain, low, high = texts(far.loc[key].filter(like="difference"), "+.1f")
            row[-1] = f"{gain}, {low} to {high}"
        rows.append([*row, seconds[key]])
    return ["uniform", "blocks64", "minus the SVM, blocks64", "seconds"], rows


def networks() -> Table:
    """The upper bound of networks that learned more or less."""
    rows = []
    for words, folder in {
        "ImageNet only": "imagenet",
        "plain classifier": "plain",
        "trained with SIPE": "sipe",
        "random weights": "random",
    }.items():
        means = six(read(f"table1_40/{folder}/table1"))[STAGES]
        rows.append([f"{words}, 40 photographs", *means])
    for words, folder in {
        "ImageNet only": "imagenet",
        "plain classifier": "trained",
        "trained with SIPE": "sipe",
        "random weights": "random",
    }.items():
        means = read(f"table1_toy/{folder}/table1").loc[STAGES, "mean"]
        rows.append([f"{words}, toy, 60 images", *means])
    return STAGES, rows


def second_stage() -> Table:
    """What a segmentation network learns from masks of several kinds (toy)."""
    spread = read("second_stage/toy/spread")[["masks_miou", "mean", "lowest", "highest"]]
    kinds = {
        "truth": "ground truth",
        "bound": "upper-bound masks (SVM with true samples)",
        "expand": "masks of the expansion (MARS, two rounds)",
        "svm": "masks of the SVM",
        "seed": "seeds (SIPE)",
    }
    rows = [[words, *spread.loc[kind]] for kind, words in kinds.items()]
    heads = ["the masks themselves, train", "network, val", "lowest", "highest"]
    return ["learnt from", *heads], rows


TABLES = {
    function.__name__: function
    for function in (
        *(summary, which_svm, layers, readings, bound, matched, learnt),
        *(trained_networks, sample_count),
        *(specific_or_global, combining, classifier, errors, label_noise),
        *(
            pseudo_voc,
            selection,
            expanding_layer,
            walk,
            threshold,
            threshold_choices,
            expansion_settings,
            expansion,
            rivals,
            irn_labels,
            signs,
            rule,
            strokes,
            chain_toy,
            networks,
            second_stage,
        ),
    )
}


def markdown(heads: Sequence[str], rows: Rows) -> str:
    """A table in Markdown; its first column has an empty head where none is given."""
    heads = ["", *heads] if len(heads) < len(rows[0]) else heads
    cells = [[cell if isinstance(cell, str) else texts([cell])[0] for cell in row] for row in rows]
    head, *body = (
        "|".join(f" {cell} ".replace("  ", " ") for cell in row) for row in (heads, *cells)
    )
    return "\n".join(f"|{line}|" for line in (head, "|".join("---" for _ in heads), *body))


def updated(text: str) -> str:
    """The text of a page with its tables as the measurements have them."""

    def table(found: re.Match) -> str:
        return f"{found[1]}\n{markdown(*TABLES[found[2]]())}\n{found[3]}"

    return re.sub(r"(<!-- table: (\w+) -->)\n.*?\n?(<!-- end -->)", table, text, flags=re.DOTALL)


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; exit with 1 if a page is out of date.")
def main(check: bool) -> None:
    """Write the tables of the pages from the measurements."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        new = updated(text)
        if new == text:
            continue
        if check:
            raise click.ClickException(
                f"The tables of {page.relative_to(HERE.parent)} are not those of the measurements. "
                "Run 'python results/tables.py'."
            )
        page.write_text(new, encoding="utf-8")
        click.echo(f"Written to {page.relative_to(HERE.parent)}")


if __name__ == "__main__":
    main()
