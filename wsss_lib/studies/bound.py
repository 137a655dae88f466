"""What the upper bound measures.

Table 1 and section 4.2 score a layer by an SVM whose samples lie anywhere in the image, so that
nearly every pixel has a labelled neighbour. The study moves the samples away, step by step, and
adds controls that the paper does not have: the label of the nearest sample, SVMs that know
positions only, with the same C as those of the layers, and the network before it learnt anything.
Notebook 08 shows it.
"""

from collections.abc import Sequence

import pandas as pd

from wsss_lib.evaluate.regions import FAR
from wsss_lib.evaluate.settings import Setting, svm_preset
from wsss_lib.features import LAYERS, STAGES
from wsss_lib.studies.study import BOTH, Study

#: From the paper's to ever less interpolation.
SAMPLINGS = ("uniform", "apart8", "apart16", "apart32", "blocks32", "blocks64", "blocks128")
#: The one that is proposed beside the paper's: one half of the blocks is sampled, the other scored.
FAIR = "blocks64"
#: A soft SVM and a hard one, which differ in C.
SVMS = ("sklearn", "paper")
#: Of the SVM on coordinates: from smooth regions to islands around the samples.
XY_GAMMAS = (1.0, 10.0, 100.0)


def layer_settings(
    samples: int,
    seed: int,
    samplings: Sequence[str],
    *,
    layers: Sequence[str] = LAYERS,
    svm: str = "sklearn",
) -> list[Setting]:
    """Some layers with every sampling and one SVM."""
    return [
        Setting(layer, samples, seed=seed, sampling=sampling, **svm_preset(svm))
        for sampling in samplings
        for layer in layers
    ]


def control_settings(
    samples: int,
    seed: int,
    samplings: Sequence[str],
    *,
    svms: Sequence[str] = SVMS,
    gammas: Sequence[float] = XY_GAMMAS,
) -> list[Setting]:
    """The nearest sample, and SVMs on coordinates with the C of some presets and some gammas."""
    costs = dict.fromkeys(svm_preset(svm)["C"] for svm in svms)
    controls = []
    for sampling in samplings:
        alike = {"seed": seed, "sampling": sampling}
        controls += [Setting("xy", samples, "nearest", **alike)]
        controls += [Setting("xy", samples, C=C, gamma=g, **alike) for C in costs for g in gammas]
    return controls


def settings(samples: int, seed: int) -> list[Setting]:
    """The layers with both SVMs and the controls, sampling by sampling."""
    return [
        setting
        for sampling in SAMPLINGS
        for setting in (
            *(each for svm in SVMS for each in layer_settings(samples, seed, [sampling], svm=svm)),
            *control_settings(samples, seed, [sampling]),
        )
    ]


def untrained_settings(samples: int, seed: int) -> list[Setting]:
    """The layers with the soft SVM, to be swept with random weights."""
    return layer_settings(samples, seed, SAMPLINGS, layers=STAGES)


def best_coordinates(scores: pd.DataFrame) -> pd.DataFrame:
    """Leave, of the SVMs on coordinates that differ only in gamma, the best on held-out pixels.

    It is chosen with the ground truth of the pixels that are scored, which favours it: a control
    must not lose by a poor gamma.

    Parameters
    ----------
    scores : DataFrame
        As `wsss_lib.evaluate.scores.score_table` gives it, with the region ``held_out``.

    Returns
    -------
    DataFrame
        All regions of the chosen gamma, and all other lines as they are.
    """
    alike = ["samples", "C", "seed", "sampling"]
    ours = (scores["feature"] == "xy") & (scores["kernel"] == "rbf")
    held_out = scores[ours & (scores["region"] == "held_out")]
    places = held_out.groupby(alike)["mean"].idxmax().dropna()
    chosen = pd.MultiIndex.from_frame(held_out.loc[places, [*alike, "gamma"]].astype(str))
    lines = pd.MultiIndex.from_frame(scores[[*alike, "gamma"]].astype(str))
    return scores[~ours | lines.isin(chosen)]


STUDY = Study(
    "bound",
    "What does the upper bound measure?",
    settings,
    regions=(*BOTH, *(f"far{distance}" for distance in FAR)),
    beside_paper=True,
    untrained=untrained_settings,
)
