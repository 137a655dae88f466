"""All studies by name, and what runs one."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import pandas as pd

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.datasets import DevkitDataset
from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.iou import all_residuals
from wsss_lib.evaluate.scores import score_table
from wsss_lib.evaluate.sweeps import sweep
from wsss_lib.expand.sampling import SAMPLES_PER_CLASS
from wsss_lib.files import write_text
from wsss_lib.report import provenance
from wsss_lib.studies.study import Study

_MODULES = [
    import_module(f"wsss_lib.studies.{module.name}")
    for module in iter_modules([str(Path(__file__).parent)])
    if module.name != Path(__file__).stem
]
#: Every `Study` that a file of this folder holds, by its name.
STUDIES = {
    study.name: study
    for module in _MODULES
    for study in vars(module).values()
    if isinstance(study, Study)
}


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
    *,
    over: Sequence[str] | None = None,
    workers: int = 1,
    scheduler: str | None = None,
    store: str | Path | None = None,
    cache_gb: float = 0.0,
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
        Pixels per class; the data set's usual number when left out.
    seed : int
    over : sequence of str, optional
        The classes that are shown and averaged, see `wsss_lib.evaluate.scores.score_table`.
    workers, scheduler, store, cache_gb
        See `wsss_lib.evaluate.sweeps.sweep`.

    Returns
    -------
    StudyResult
    """
    study = find_study(name)
    settings = study.settings(samples or SAMPLES_PER_CLASS[dataset.name], seed)
    result = sweep(
        dataset,
        settings,
        backbone,
        workers=workers,
        scheduler=scheduler,
        store=store,
        cache_gb=cache_gb,
    )
    scores = score_table(result, dataset.classes, study.regions, over)
    tables = dict(study.tables(result, dataset.classes, over)) if study.tables else {}
    if study.beside_paper and dataset.name == "voc":
        tables["residuals"] = all_residuals(scores.drop(columns="seconds"))
    return StudyResult(scores, provenance(dataset, settings, backbone, result), tables)
