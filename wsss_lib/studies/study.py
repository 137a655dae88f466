"""What each study sweeps: the settings, for a number of samples and a seed."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import product
from pathlib import Path

import pandas as pd

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.datasets import DevkitDataset
from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.iou import all_residuals
from wsss_lib.evaluate.regions import FAR, NEAR
from wsss_lib.evaluate.scores import best_layer, difference_table, own_classifier, score_table
from wsss_lib.evaluate.settings import SVM_PRESETS, Setting
from wsss_lib.evaluate.sweeps import sweep
from wsss_lib.expand.sampling import SAMPLES_PER_CLASS
from wsss_lib.features import LAYERS, STAGES, needs_backbone
from wsss_lib.files import write_text
from wsss_lib.report import provenance
from wsss_lib.studies import study as designs
from wsss_lib.studies.errors import error_table
from wsss_lib.studies.label_noise import loss_table
from wsss_lib.studies.sample_count import budget_tables, cost_table

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


#: All pixels, as in the paper, and those that were not sampled.
BOTH = ("confusion", "held_out")
#: Bands along boundaries, and what lies outside them.
NEAR_AND_AWAY = ("near", "near_held_out", "away", "away_held_out")


@dataclass(frozen=True)
class Study:
    """What a study sweeps and where it scores.

    Attributes
    ----------
    question : str
    settings : callable
        ``settings(samples, seed)`` gives a list of `Setting`.
    regions : tuple of str
        See `wsss_lib.evaluate.scores.region_of`.
    tables : dict of str to callable
        What else is told, by the name of its table: ``table(result, classes, regions, over)``.
    beside_paper : bool
        Whether the lines are to be set against the paper's Table 1.
    """

    question: str
    settings: Callable[[int, int], list[Setting]]
    regions: tuple[str, ...] = BOTH
    tables: dict[str, Callable[..., pd.DataFrame]] = field(default_factory=dict)
    beside_paper: bool = True

    @property
    def needs_network(self) -> bool:
        """Whether a setting reads features of the network."""
        return any(needs_backbone(setting.feature) for setting in self.settings(1, 0))


@dataclass(frozen=True)
class StudyResult:
    """What a study found.

    Attributes
    ----------
    scores : DataFrame
        As `wsss_lib.evaluate.scores.score_table` gives it.
    provenance : dict
        What it was computed from, see `wsss_lib.report.provenance`.
    tables : dict of str to DataFrame
        The study's own, see `Study`; on VOC with ``residuals``, how far each line is from the
        paper's Table 1, see `wsss_lib.evaluate.iou.residuals`.
    """

    scores: pd.DataFrame
    provenance: dict
    tables: dict[str, pd.DataFrame]

    def write(self, path: Path) -> Path:
        """Write the scores as CSV, and beside it what they were computed from as JSON.

        The tables go to ``<name>_<table>.csv``. The scores come without the seconds, which no other
        run would repeat.
        """
        note = {key: value for key, value in self.provenance.items() if key != "settings"}
        write_text(path.with_suffix(".json"), json.dumps(note, indent=2) + "\n")
        for name, table in self.tables.items():
            _write_csv(path.with_stem(f"{path.stem}_{name}"), table)
        return _write_csv(path, self.scores.drop(columns="seconds"))


def _write_csv(path: Path, table: pd.DataFrame) -> Path:
    return write_text(path, table.to_csv(index=False, float_format="%.3f"))


STUDIES = {
    "which-svm": Study("Which SVM did the paper use?", designs.which_svm),
    "zscore": Study("What does the z-score change?", designs.zscore),
    "layers": Study("Which layer is best?", designs.layers),
    "readings": Study("Which reading of the paper's text gives its Table 1?", designs.readings),
    "bound": Study(
        "What does the upper bound measure?", designs.bound, (*BOTH, *(f"far{r}" for r in FAR))
    ),
    "errors": Study(
        "Where are the errors?",
        designs.errors,
        (*BOTH, *(f"{name}{w}" for name in NEAR_AND_AWAY for w in NEAR)),
        {"errors": error_table},
        beside_paper=False,
    ),
    "sample-count": Study(
        "How many samples does a layer need?",
        designs.sample_count,
        tables={"costs": cost_table, "budget": budget_tables},
        beside_paper=False,
    ),
    "specific-or-global": Study(
        "One SVM for each image, or one for all?",
        designs.specific_or_global,
        tables={"differences": partial(difference_table, reference=own_classifier)},
        beside_paper=False,
    ),
    "combining": Study(
        "Do several layers beat the best one?",
        designs.combining,
        tables={"differences": partial(difference_table, reference=best_layer)},
        beside_paper=False,
    ),
    "label-noise": Study(
        "How clean must labels be?",
        designs.label_noise,
        tables={"losses": loss_table},
        beside_paper=False,
    ),
    "companions": Study(
        "What if a companion is taken for its object?",
        designs.companions,
        tables={"losses": loss_table},
        beside_paper=False,
    ),
}


def find_study(name: str) -> Study:
    """A study by its name.

    Raises
    ------
    ParameterError
        If there is none.
    """
    if name not in STUDIES:
        raise ParameterError(f"No study {name!r}; expected one of {', '.join(STUDIES)}.")
    return STUDIES[name]


def run_study(
    name: str,
    dataset: DevkitDataset,
    backbone: BackboneSpec | None = None,
    samples: int | None = None,
    seed: int = 0,
    over: Sequence[str] | None = None,
    **how: object,
) -> StudyResult:
    """Sweep and score a study.

    Parameters
    ----------
    name : str
        One of `STUDIES`.
    dataset : DevkitDataset
    backbone : BackboneSpec, optional
        The network behind F1 to F5.
    samples : int, optional
        Pixels a class; the data set's usual number when left out.
    seed : int
    over : sequence of str, optional
        The classes that are shown and averaged, see `wsss_lib.evaluate.scores.score_table`.
    **how
        Other arguments of `wsss_lib.evaluate.sweeps.sweep`.

    Returns
    -------
    StudyResult
    """
    study = find_study(name)
    settings = study.settings(samples or SAMPLES_PER_CLASS[dataset.name], seed)
    result = sweep(dataset, settings, backbone, **how)
    scored = result, dataset.classes, study.regions, over
    scores = score_table(*scored)
    tables = {name: table(*scored) for name, table in study.tables.items()}
    if study.beside_paper and dataset.name == "voc":
        tables["residuals"] = all_residuals(scores.drop(columns="seconds"))
    return StudyResult(scores, provenance(dataset, settings, backbone, result), tables)
