"""What each study sweeps: the settings, for a number of samples and a seed."""

from collections.abc import Iterable
from itertools import product

from wsss_lib.evaluate.rows.settings import SVM_PRESETS, Setting
from wsss_lib.features import LAYERS, STAGES

#: The SVM of the controls that know positions only, as flexible as samples a few pixels apart need.
XY_GAMMAS = (1.0, 10.0, 100.0)
#: From the paper's to ever less interpolation.
SAMPLINGS = ("uniform", "apart8", "apart16", "apart32", "blocks32", "blocks64", "blocks128")
#: Samples a class: numbers, and shares of the cells of a map.
COUNTS = (10, 30, 100, 300, 1000, 2500, 5000)
SHARES = ("0.01xcells", "0.03xcells", "0.1xcells")
#: Draws of the samples that show how much a number of them leaves to chance.
SEEDS = 3
#: How many times the samples of an image one classifier for all images gets.
POOLS = (1, 2, 4, 8)
#: Layers that are combined.
COMBINED = (("F1", "F3"), ("F1", "F5"), ("F2", "F4"), ("F3", "F5"), STAGES)
#: Wrong labels in per cent of the samples.
WRONG = (10, 20, 40)
#: The sampling that `bound` proposes beside the paper's; the other half of the blocks is scored.
FAIR = "blocks64"


def which_svm(samples: int, seed: int) -> list[Setting]:
    """Kernels, C, gamma and normalisation on the pixels' colours, which need no network."""
    gammas = ("scale", "3xscale", "10xscale", "30xscale", "100xscale")
    svms = [
        *(("rbf", *each, True) for each in product((0.1, 1.0, 10.0, 100.0), gammas)),
        *(("rbf", 1.0, gamma, False) for gamma in gammas),
        # unscaled colours up to 255 are no problem that a linear SVM solves in reasonable time
        *(("linear", cost, "scale", True) for cost in (0.01, 0.1, 1.0)),
    ]
    return [
        Setting("img", samples, kernel, cost, gamma, seed=seed, zscore=zscore)
        for kernel, cost, gamma, zscore in svms
    ]


def layers(samples: int, seed: int) -> list[Setting]:
    """All features with every preset of the SVM."""
    return _each(LAYERS, SVM_PRESETS.values(), samples, seed)


def zscore(samples: int, seed: int) -> list[Setting]:
    """All features with and without z-score."""
    svms = [{**SVM_PRESETS["sklearn"], "zscore": flag} for flag in (True, False)]
    return _each(LAYERS, svms, samples, seed)


def readings(samples: int, seed: int) -> list[Setting]:
    """What the paper's text leaves open: at which resolution, and with which kernel."""
    at_cells = [
        {**SVM_PRESETS["sklearn"], "resolution": resolution}
        for resolution in ("cells", "cells_nearest")
    ]
    return [
        *layers(samples, seed),
        *_each(STAGES, at_cells, samples, seed),
        *_each(LAYERS, [{"kernel": "linear", "C": 0.1}], samples, seed),
    ]


def bound(samples: int, seed: int) -> list[Setting]:
    """Where samples may lie, for every feature and for controls that know positions only."""
    controls = [{"kernel": "nearest"}, *({"C": 100.0, "gamma": gamma} for gamma in XY_GAMMAS)]
    settings = []
    for sampling in SAMPLINGS:
        svm = SVM_PRESETS["sklearn"] | {"sampling": sampling}
        positions = [{**control, "sampling": sampling} for control in controls]
        settings += _each(LAYERS, [svm], samples, seed) + _each(["xy"], positions, samples, seed)
    return settings


def errors(samples: int, seed: int) -> list[Setting]:
    """All features, to be scored near boundaries and away from them."""
    return _each(LAYERS, [SVM_PRESETS["sklearn"]], samples, seed)


def sample_count(samples: int, seed: int) -> list[Setting]:
    """More and more samples, drawn several times; as many for all layers, or a share of the cells.

    `samples` is not used: the numbers are `COUNTS`.
    """
    settings = []
    for draw in range(seed, seed + SEEDS):
        for count in COUNTS:
            settings += _each(LAYERS, [SVM_PRESETS["sklearn"]], count, draw)
        for share in SHARES:
            settings += _each(STAGES, [SVM_PRESETS["sklearn"]], share, draw)
    fair = {**SVM_PRESETS["sklearn"], "sampling": FAIR}
    return [*settings, *(each for n in COUNTS for each in _each(LAYERS, [fair], n, seed))]


def specific_or_global(samples: int, seed: int) -> list[Setting]:
    """An SVM for each image against one for all, which may know the labels of an image or not."""
    pools = ["own", *(f"pooled{times}{known}" for times in POOLS for known in ("", "known"))]
    svms = [{**SVM_PRESETS["sklearn"], "pool": pool} for pool in pools]
    svms += [{**svms[place], "sampling": FAIR} for place in (0, -1)]
    # a feature after the other: what is known of an image is asked of the same classifier
    return [setting for name in LAYERS for setting in _each([name], svms, samples, seed)]


def combining(samples: int, seed: int) -> list[Setting]:
    """Layers alone, concatenated as in the paper, and as a product of kernels."""
    settings = []
    for sampling in ("uniform", FAIR):
        svm = SVM_PRESETS["sklearn"] | {"sampling": sampling}
        concatenated, products = (map(sign.join, COMBINED) for sign in "+*")
        settings += _each([*STAGES, *concatenated], [svm], samples, seed)
        weighted = [{**svm, "weights": weights} for weights in ("equal", "tuned")]
        settings += _each(list(products), weighted, samples, seed)
    return settings


def label_noise(samples: int, seed: int) -> list[Setting]:
    """Wrong labels at random, and along boundaries."""
    wrong = [f"{kind}{percent}" for kind in ("random", "border") for percent in WRONG]
    return _noisy(["none", *wrong], samples, seed)


def companions(samples: int, seed: int) -> list[Setting]:
    """What always adjoins an object taken for it, as a CAM does; for the toy set."""
    wrong = [f"companion{percent}" for percent in (25, 50, 75, 100)]
    return _noisy(["none", *wrong], samples, seed)


def _noisy(noises: Iterable[str], samples: int, seed: int) -> list[Setting]:
    svms = [
        {**SVM_PRESETS["sklearn"], "noise": noise, "sampling": sampling}
        for sampling in ("uniform", FAIR)
        for noise in noises
    ]
    return _each(LAYERS, svms, samples, seed)


def _each(features: Iterable[str], svms: Iterable[dict], samples: int, seed: int) -> list[Setting]:
    return [Setting(name, samples, seed=seed, **svm) for svm in svms for name in features]
