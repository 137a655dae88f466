"""The studies: which settings each of them sweeps, where it scores, and which tables it gives."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pandas as pd

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.datasets import DevkitDataset
from wsss_lib.errors import ParameterError
from wsss_lib.evaluate import designs
from wsss_lib.evaluate.provenance import provenance
from wsss_lib.evaluate.rows.regions import FAR, NEAR
from wsss_lib.evaluate.rows.settings import Setting
from wsss_lib.evaluate.rows.sweep import sweep
from wsss_lib.evaluate.tables.budget import budget_tables
from wsss_lib.evaluate.tables.costs import cost_table
from wsss_lib.evaluate.tables.error_rates import error_table
from wsss_lib.evaluate.tables.label_noise import loss_table
from wsss_lib.evaluate.tables.paired import best_layer, difference_table, own_classifier
from wsss_lib.evaluate.tables.residuals import all_residuals
from wsss_lib.evaluate.tables.scores import score_table
from wsss_lib.expand.sampling import SAMPLES_PER_CLASS
from wsss_lib.features import needs_backbone
from wsss_lib.files import write_text

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
        See `wsss_lib.evaluate.tables.scores.region_of`.
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
        As `wsss_lib.evaluate.tables.scores.score_table` gives it.
    provenance : dict
        What it was computed from, see `wsss_lib.evaluate.provenance.provenance`.
    tables : dict of str to DataFrame
        The study's own, see `Study`; on VOC with ``residuals``, how far each line is from the
        paper's Table 1, see `wsss_lib.evaluate.tables.residuals.residuals`.
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
        The classes that are shown and averaged, see `wsss_lib.evaluate.tables.scores.score_table`.
    **how
        Other arguments of `wsss_lib.evaluate.rows.sweep.sweep`.

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
