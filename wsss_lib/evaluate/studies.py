"""The studies of Table 1: which settings each of them sweeps, and where it scores."""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pandas as pd

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.datasets import DevkitDataset
from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.provenance import provenance
from wsss_lib.evaluate.regions import FAR
from wsss_lib.evaluate.residuals import all_residuals
from wsss_lib.evaluate.scores import score_table
from wsss_lib.evaluate.settings import SVM_PRESETS, Setting
from wsss_lib.evaluate.sweep import sweep
from wsss_lib.expand.sampling import SAMPLES_PER_CLASS
from wsss_lib.features import LAYERS, STAGES, needs_backbone
from wsss_lib.files import write_text

#: The SVM of the controls that know positions only, as flexible as samples a few pixels apart need.
XY_GAMMAS = (1.0, 10.0, 100.0)
#: From the paper's to ever less interpolation.
SAMPLINGS = ("uniform", "apart8", "apart16", "apart32", "blocks32", "blocks64", "blocks128")
#: All pixels, as in the paper, and those that were not sampled.
BOTH = ("confusion", "held_out")


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
    """

    question: str
    settings: Callable[[int, int], list[Setting]]
    regions: tuple[str, ...] = BOTH

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
        What it was computed from, see `wsss_lib.evaluate.provenance.provenance`.
    """

    scores: pd.DataFrame
    provenance: dict

    def write(self, path: Path) -> Path:
        """Write the scores as CSV, and beside it what they were computed from as JSON.

        Of a study on VOC ``<name>_residuals.csv`` as well: how far each line is from the paper's
        Table 1, see `wsss_lib.evaluate.residuals.residuals`. Without the seconds, which no other
        run would repeat.
        """
        note = {key: value for key, value in self.provenance.items() if key != "settings"}
        write_text(path.with_suffix(".json"), json.dumps(note, indent=2) + "\n")
        scores = self.scores.drop(columns="seconds")
        if self.provenance["dataset"] == "voc":
            _write_csv(path.with_stem(f"{path.stem}_residuals"), all_residuals(scores))
        return _write_csv(path, scores)


def _write_csv(path: Path, table: pd.DataFrame) -> Path:
    return write_text(path, table.to_csv(index=False, float_format="%.3f"))


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


def _each(features: Iterable[str], svms: Iterable[dict], samples: int, seed: int) -> list[Setting]:
    return [Setting(name, samples, seed=seed, **svm) for svm in svms for name in features]


STUDIES = {
    "which-svm": Study("Which SVM did the paper use?", which_svm),
    "zscore": Study("What does the z-score change?", zscore),
    "layers": Study("Which layer is best?", layers),
    "readings": Study("Which reading of the paper's text gives its Table 1?", readings),
    "bound": Study("What does the upper bound measure?", bound, (*BOTH, *(f"far{r}" for r in FAR))),
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
        Other arguments of `wsss_lib.evaluate.sweep.sweep`.

    Returns
    -------
    StudyResult
    """
    study = find_study(name)
    settings = study.settings(samples or SAMPLES_PER_CLASS[dataset.name], seed)
    result = sweep(dataset, settings, backbone, **how)
    scores = score_table(result, dataset.classes, study.regions, over)
    return StudyResult(scores, provenance(dataset, settings, backbone, result))
