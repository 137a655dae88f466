"""Which SVM the paper used.

The paper names neither the kernel nor C and gamma (section 4.1). Its `img` row needs no network, so
that row of Table 1 can reveal it: `img` is swept over the parameters and compared with it. Notebook
07 shows what it gave on photographs.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from wsss_lib.evaluate.settings import Setting
from wsss_lib.studies.study import Study

COSTS = (0.1, 1.0, 10.0, 100.0)
GAMMAS = ("scale", "3xscale", "10xscale", "30xscale", "100xscale")
#: With unscaled colours up to 255 a linear SVM does not converge in reasonable time.
LINEAR_COSTS = (0.01, 0.1, 1.0)


def settings(samples: int, seed: int) -> list[Setting]:
    """Both kernels with z-score, and the RBF kernel without it."""
    rbf = [Setting("img", samples, C=C, gamma=gamma, seed=seed) for C in COSTS for gamma in GAMMAS]
    raw = [Setting("img", samples, gamma=gamma, seed=seed, zscore=False) for gamma in GAMMAS]
    linear = [Setting("img", samples, "linear", cost, seed=seed) for cost in LINEAR_COSTS]
    return [*rbf, *raw, *linear]


def svm_surface(scores: pd.DataFrame, value: str = "mean", ax: Axes | None = None) -> Axes:
    """Draw a value over C and gamma as a heat map with its numbers; the best has a frame.

    Parameters
    ----------
    scores : DataFrame
        Of one feature, kernel, region and so on.
    value : {"mean", "rms"}
        The column that is shown: the mean IoU, of which more is better, or the distance from the
        paper, see `wsss_lib.evaluate.iou.residuals`, of which less is better.
    ax : Axes, optional

    Returns
    -------
    Axes

    Notes
    -----
    C rises from top to bottom; gammas stand in the order of the table. Yellow is good.
    """
    ax = ax or plt.gca()
    surface = scores.pivot(index="C", columns="gamma", values=value).sort_index()
    surface = surface[scores["gamma"].unique()]
    label, colours, sign = {
        "mean": ("mean IoU (%)", "cividis", 1),
        "rms": ("rms from the paper (points)", "cividis_r", -1),
    }[value]
    sns.heatmap(surface, ax=ax, annot=True, fmt=".1f", cmap=colours, cbar_kws={"label": label})
    row, column = np.unravel_index(np.nanargmax(sign * surface.to_numpy()), surface.shape)
    ax.add_patch(Rectangle((column, row), 1, 1, fill=False, ec="#d55e00", lw=3, clip_on=False))
    ax.set_yticklabels([f"{cost:g}" for cost in surface.index], rotation=0)
    ax.tick_params(axis="x", rotation=30)
    return ax


STUDY = Study("which-svm", "Which SVM did the paper use?", settings, beside_paper=True)
