"""How many samples a layer needs, and whether their number should follow its resolution.

The paper says that more samples give better results "at the cost of training time", and that it is
"interesting to set the total number of samples linked to the resolution of the feature" (section
3.1). It shows neither and takes 2500 pixels per class for all layers. Notebook 09 shows the study.
"""

from collections.abc import Sequence
from dataclasses import asdict

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patheffects import withStroke
from matplotlib.ticker import LogLocator, NullLocator

from wsss_lib.engine import SweepResult
from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.regions import region_of
from wsss_lib.evaluate.settings import Setting, svm_preset
from wsss_lib.features import LAYERS, STAGES
from wsss_lib.metrics import drawn_scores, interval, pooled_score
from wsss_lib.show.plots import curves
from wsss_lib.studies.bound import FAIR
from wsss_lib.studies.study import BOTH, Study

#: Samples per class: numbers, and shares of the cells of a map.
COUNTS = (10, 30, 100, 300, 1000, 2500, 5000)
SHARES = ("0.01xcells", "0.03xcells", "0.1xcells")
#: Draws of the samples that show how much a number of them leaves to chance.
SEEDS = 3


def drawn_settings(
    seed: int,
    *,
    layers: Sequence[str] = LAYERS,
    counts: Sequence[int] = COUNTS,
    shares: Sequence[str] = SHARES,
    seeds: int = SEEDS,
    sampling: str = "uniform",
    svm: str = "sklearn",
) -> list[Setting]:
    """More and more samples, drawn several times.

    Parameters
    ----------
    seed : int
        Of the first draw.
    layers : sequence of str
    counts : sequence of int
        Samples per class, of all layers.
    shares : sequence of str
        Samples per class as shares of a map's cells, such as ``0.1xcells``: of the stages among the
        layers.
    seeds : int
        How many draws.
    sampling : str
        See `wsss_lib.expand.sampling.draw_samples`.
    svm : str
        One of `wsss_lib.evaluate.settings.SVM_PRESETS`.
    """
    stages = [layer for layer in layers if layer in STAGES]
    numbers = [*((n, layers) for n in counts), *((share, stages) for share in shares)]
    return [
        Setting(layer, number, seed=draw, sampling=sampling, **svm_preset(svm))
        for draw in range(seed, seed + seeds)
        for number, chosen in numbers
        for layer in chosen
    ]


def settings(samples: int, seed: int) -> list[Setting]:
    """All numbers, and the counts once more with the sampling that `bound` proposes.

    `samples` is not used: the numbers are `COUNTS` and `SHARES`.
    """
    fair = drawn_settings(seed, shares=(), seeds=1, sampling=FAIR)
    return [*drawn_settings(seed), *fair]


def cost_table(result: SweepResult) -> pd.DataFrame:
    """What a setting costs per image: means, and the median of the seconds of the run.

    Parameters
    ----------
    result : SweepResult

    Returns
    -------
    DataFrame
        The fields of the setting, ``samples_drawn``, ``support_vectors``, ``fit_seconds`` and
        ``predict_seconds``, on one thread.
    """
    lines = []
    for setting, rows in result.rows.items():
        costs = {"samples_drawn": np.mean([sum(row["samples"].values()) for row in rows])}
        costs["support_vectors"] = np.mean([row["support_vectors"] for row in rows])
        for name in ("fit_seconds", "predict_seconds"):  # the first image of a process compiles
            costs[name] = np.median([row[name] for row in rows])
        lines.append(asdict(setting) | costs)
    return pd.DataFrame(lines)


#: The two ways of sharing samples out.
EQUAL, BY_CELLS = "equal n", "n by cells"


def budget_table(
    result: SweepResult, region: str = "held_out", over: Sequence[str] | None = None
) -> pd.DataFrame:
    """The layers' mean score against the samples that all of them take.

    Parameters
    ----------
    result : SweepResult
        Of settings that differ in feature, samples, seed and sampling only. Those are averaged
        whose feature and sampling have a share of the cells as samples.
    region : str
        See `wsss_lib.evaluate.regions.region_of`.
    over : sequence of str, optional
        Short names of the classes that are averaged; all when left out.

    Returns
    -------
    DataFrame
        One line per value of ``samples``, by ``total`` within each way of sharing: ``split``
        (`EQUAL` or `BY_CELLS`), the ``total`` of samples drawn from an image and the ``seconds`` of
        fit and prediction, both summed over the features (of the seeds the mean, and the median,
        since one has the first call of a process, which compiles), the ``mean`` IoU in % with its
        interval over images ``mean_low`` to ``mean_high``, averaged over features and seeds. For
        shares the ``difference`` in points from equal n of the same total with its 95 % interval
        ``difference_low`` to ``difference_high``, draw by draw; NaN beyond the totals of equal n.

    Raises
    ------
    ParameterError
        If no setting has a share.

    Notes
    -----
    Equal n of the same total is interpolated between its neighbours, linearly in the logarithm of
    the total. Curves that flatten lie a little above their chords.
    """
    classes = result.dataset.classes
    chosen, lines, scores = classes.places(over), [], []
    for samples, settings in _by_samples(result).items():
        split = BY_CELLS if isinstance(samples, str) else EQUAL
        lines.append({"split": split, "samples": samples, **_costs(result, settings)})
        confusions = [[region_of(row, region) for row in result.rows[each]] for each in settings]
        scores.append(_mean_scores(confusions, len(classes), chosen))
    table, scores = pd.DataFrame(lines), np.array(scores)
    table["mean"] = scores[:, 0]
    table[["mean_low", "mean_high"]] = [interval(line[1:]) for line in scores]
    apart = scores - _at_same_total(table, scores)
    table["difference"] = apart[:, 0]
    table[["difference_low", "difference_high"]] = [interval(line[1:]) for line in apart]
    return table.sort_values(["split", "total"], ignore_index=True)


def _by_samples(result: SweepResult) -> dict[int | str, list[Setting]]:
    """The settings whose feature and sampling have shares, by their samples."""
    shares = {
        (each.feature, each.sampling) for each in result.rows if isinstance(each.samples, str)
    }
    if not shares:
        raise ParameterError("A share of the cells as samples, such as '0.1xcells', was expected.")
    groups = {}
    for setting in result.rows:
        if (setting.feature, setting.sampling) in shares:
            groups.setdefault(setting.samples, []).append(setting)
    return groups


def _costs(result: SweepResult, settings: list[Setting]) -> dict[str, float]:
    """Samples and seconds of an image, summed over features, of a typical seed."""
    costs = pd.DataFrame(
        {
            "seed": setting.seed,
            "total": sum(row["samples"].values()),
            "seconds": row["fit_seconds"] + row["predict_seconds"],
        }
        for setting in settings
        for row in result.rows[setting]
    )
    of_image = costs.groupby("seed").sum() / len(result.rows[settings[0]])
    return {"total": of_image["total"].mean(), "seconds": of_image["seconds"].median()}


def _mean_scores(confusions: list[list], n_classes: int, over: list[int]) -> np.ndarray:
    """The mean over settings, of all images and then of each draw: (1 + DRAWS,)."""
    whole = [pooled_score(each, n_classes, over) for each in confusions]
    draws = [drawn_scores(each, n_classes, over) for each in confusions]
    return np.append(np.mean(whole), np.mean(draws, axis=0))


def _at_same_total(table: pd.DataFrame, scores: np.ndarray) -> np.ndarray:
    """What equal n scores at the total of each share: like `scores`, NaN where it is unknown."""
    equal = table[table["split"] == EQUAL].sort_values("total")
    totals, known = np.log(table["total"]), np.log(equal["total"])
    found = [np.interp(totals, known, draw, np.nan, np.nan) for draw in scores[equal.index].T]
    return np.where(table[["split"]] == BY_CELLS, np.transpose(found), np.nan)


def tables(result: SweepResult, over: Sequence[str] | None = None) -> dict[str, pd.DataFrame]:
    """The ``costs`` of every setting, and the ``budget`` of the stages by region."""
    budgets = {region: budget_table(result, region, over) for region in BOTH}
    budget = pd.concat(budgets, names=["region"]).reset_index("region")
    return {"costs": cost_table(result), "budget": budget.drop(columns="seconds")}


_SPLITS = {
    EQUAL: {"color": "0.25", "marker": "o"},
    BY_CELLS: {"color": "#d55e00", "marker": "s"},
}


def budget_curves(table: pd.DataFrame, x: str = "total", ax: Axes | None = None) -> Axes:
    """Draw the layers' mean score against what they cost, one curve per way of sharing out.

    Parameters
    ----------
    table : DataFrame
        As `wsss_lib.studies.sample_count.budget_table` gives it.
    x : {"total", "seconds"}
    ax : Axes, optional

    Notes
    -----
    Each point is named by its n, or by its share of the cells. Bands are intervals over images.
    """
    ax = curves(table, x, hue="split", ax=ax, looks=_SPLITS, legend=False)
    for _, point in table.iterrows():
        side = 1 if point["split"] == EQUAL else -1
        ax.annotate(
            str(point["samples"]).removesuffix("xcells"),
            (point[x], point["mean"]),
            xytext=(-7 * side, 9 * side),
            textcoords="offset points",
            ha="center",
            va="center",
            fontsize=8,
            color=_SPLITS[point["split"]]["color"],
            path_effects=[withStroke(linewidth=2, foreground="white")],
        )
    ax.set(xscale="log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))  # costs may span less than a decade
    ax.xaxis.set_major_formatter(_short)
    ax.xaxis.set_minor_locator(NullLocator())
    ax.legend(loc="lower right", frameon=False)
    return ax


def _short(value: float, _: int) -> str:
    """A tick's number, thousands as k, so that neighbours do not touch."""
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"


STUDY = Study("sample-count", "How many samples does a layer need?", settings, tables=tables)
