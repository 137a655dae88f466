"""What the upper bound measures.

Table 1 and section 4.2 score a layer by an SVM whose samples lie anywhere in the image, so that
nearly every pixel has a labelled neighbour. The study moves the samples away, step by step, and
adds controls that the paper does not have: the label of the nearest sample, and SVMs that know
positions only. Notebook 08 shows it.
"""

from collections.abc import Sequence

from wsss_lib.evaluate.regions import FAR
from wsss_lib.evaluate.settings import Setting, svm_preset
from wsss_lib.features import LAYERS
from wsss_lib.studies.study import BOTH, Study

#: From the paper's to ever less interpolation.
SAMPLINGS = ("uniform", "apart8", "apart16", "apart32", "blocks32", "blocks64", "blocks128")
#: The one that is proposed beside the paper's: one half of the blocks is sampled, the other scored.
FAIR = "blocks64"
#: Of the SVM on coordinates, as flexible as samples a few pixels apart need.
XY_COST, XY_GAMMAS = 100.0, (1.0, 10.0, 100.0)


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
    C: float = XY_COST,
    gammas: Sequence[float] = XY_GAMMAS,
) -> list[Setting]:
    """The nearest sample, and an SVM on coordinates with some gammas, with every sampling."""
    controls = []
    for sampling in samplings:
        alike = {"seed": seed, "sampling": sampling}
        controls += [Setting("xy", samples, "nearest", **alike)]
        controls += [Setting("xy", samples, C=C, gamma=gamma, **alike) for gamma in gammas]
    return controls


def settings(samples: int, seed: int) -> list[Setting]:
    """The layers and the controls, sampling by sampling."""
    return [
        setting
        for sampling in SAMPLINGS
        for part in (layer_settings, control_settings)
        for setting in part(samples, seed, [sampling])
    ]


STUDY = Study(
    "bound",
    "What does the upper bound measure?",
    settings,
    regions=(*BOTH, *(f"far{distance}" for distance in FAR)),
    beside_paper=True,
)
