"""Which SVM the paper used.

The paper names neither the kernel nor C and gamma (section 4.1). Its `img` row needs no network, so
that row of Table 1 can tell: `img` is swept over the parameters and set against it. Notebook 07
shows the study for the RBF kernel.
"""

from collections.abc import Sequence

from wsss_lib.evaluate.settings import Setting
from wsss_lib.studies.study import Study

COSTS = (0.1, 1.0, 10.0, 100.0)
GAMMAS = ("scale", "3xscale", "10xscale", "30xscale", "100xscale")
#: Unscaled colours up to 255 are no problem that a linear SVM solves in reasonable time.
LINEAR_COSTS = (0.01, 0.1, 1.0)


def rbf_settings(
    samples: int, seed: int, costs: Sequence[float] = COSTS, gammas: Sequence[str | float] = GAMMAS
) -> list[Setting]:
    """Every C with every gamma of the RBF kernel, on the pixels' colours."""
    return [
        Setting("img", samples, C=cost, gamma=gamma, seed=seed)
        for cost in costs
        for gamma in gammas
    ]


def settings(samples: int, seed: int) -> list[Setting]:
    """Both kernels with z-score, and the RBF kernel without it."""
    raw = [Setting("img", samples, gamma=gamma, seed=seed, zscore=False) for gamma in GAMMAS]
    linear = [Setting("img", samples, "linear", cost, seed=seed) for cost in LINEAR_COSTS]
    return [*rbf_settings(samples, seed), *raw, *linear]


STUDY = Study("which-svm", "Which SVM did the paper use?", settings, beside_paper=True)
