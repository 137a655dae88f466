"""Which layer is best, and how much of the answer depends on what the paper leaves open.

Table 1 and section 4.2 have F1 as the best layer. `layers` asks it with scikit-learn's SVM and with
one that fits the paper's `img` row, `zscore` with and without z-score, and `readings` with what
else the paper's text can mean: features that stay on the cells of their map, and a linear kernel.
Notebook 07 shows the layers.
"""

from wsss_lib.evaluate.settings import Setting, svm_preset
from wsss_lib.features import LAYERS, STAGES
from wsss_lib.studies.study import Study


def settings(samples: int, seed: int) -> list[Setting]:
    """All features with two presets of the SVM."""
    return [
        Setting(layer, samples, seed=seed, **svm)
        for svm in map(svm_preset, ("sklearn", "paper"))
        for layer in LAYERS
    ]


def zscore_settings(samples: int, seed: int) -> list[Setting]:
    """All features with and without z-score."""
    return [
        Setting(layer, samples, seed=seed, zscore=zscore)
        for zscore in (True, False)
        for layer in LAYERS
    ]


def reading_settings(samples: int, seed: int) -> list[Setting]:
    """The layers once more at the resolution of their map, and with a linear kernel."""
    at_cells = [
        Setting(stage, samples, seed=seed, resolution=resolution)
        for resolution in ("cells", "cells_nearest")
        for stage in STAGES
    ]
    linear = [Setting(layer, samples, "linear", 0.1, seed=seed) for layer in LAYERS]
    return [*settings(samples, seed), *at_cells, *linear]


LAYERS_STUDY = Study("layers", "Which layer is best?", settings, beside_paper=True)
ZSCORE_STUDY = Study("zscore", "What does the z-score change?", zscore_settings, beside_paper=True)
READINGS_STUDY = Study(
    "readings",
    "Which reading of the paper's text gives its Table 1?",
    reading_settings,
    beside_paper=True,
)
