"""All studies by name, and what runs one."""

from collections.abc import Sequence
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.datasets.devkit import DevkitDataset
from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.iou import all_residuals
from wsss_lib.evaluate.scores import difference_table, same_setting, score_table
from wsss_lib.evaluate.sweeps import sweep
from wsss_lib.expand.sampling import SAMPLES_PER_CLASS
from wsss_lib.report import Report
from wsss_lib.studies.study import SeedStudy, Study

#: Every study that a file of this folder holds, by its name.
STUDIES = {
    study.name: study
    for module in iter_modules([str(Path(__file__).parent)])
    if module.name != Path(__file__).stem
    for study in vars(import_module(f"wsss_lib.studies.{module.name}")).values()
    if isinstance(study, Study | SeedStudy)
}


def find_study(name: str) -> Study | SeedStudy:
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
    samplings: Sequence[str] | None = None,
    over: Sequence[str] | None = None,
    workers: int | None = None,
    scheduler: str | None = None,
    store: str | Path | None = None,
) -> Report:
    """Sweep and score a study.

    Parameters
    ----------
    name : str
        One of `STUDIES` that sweeps settings.
    dataset : DevkitDataset
    backbone : BackboneSpec, optional
        The network behind F1 to F5.
    samples : int, optional
        Pixels per class; the data set's usual number when left out.
    seed : int
    samplings : sequence of str, optional
        Only the settings with these ways of sampling; all of the study's when left out.
    over : sequence of str, optional
        The classes that are shown and averaged, see `wsss_lib.evaluate.scores.score_table`.
    workers, scheduler, store
        See `wsss_lib.evaluate.sweeps.sweep`.

    Returns
    -------
    Report
        The scores, as `wsss_lib.evaluate.scores.score_table` gives them, under the study's name;
        its own tables as ``<name>_<table>``; where random weights are a control, ``<name>_random``,
        their scores, and ``<name>_learnt``, what the network's own weights are ahead of them, in
        the same draws of images; on VOC, where they are to stand beside the paper's,
        ``<name>_residuals``: how far each line is from Table 1, see `wsss_lib.evaluate.iou`.

    Raises
    ------
    ParameterError
        If there is no such study, or it does not sample in one of these ways.
    """
    study = find_study(name)
    n = samples or SAMPLES_PER_CLASS[dataset.name]
    settings = study.settings(n, seed)
    known = dict.fromkeys(setting.sampling for setting in settings)
    if unknown := ", ".join(sampling for sampling in samplings or () if sampling not in known):
        raise ParameterError(
            f"The study {name} has no sampling {unknown}; expected some of {', '.join(known)}."
        )
    settings = [setting for setting in settings if setting.sampling in (samplings or known)]
    result = sweep(dataset, settings, backbone, workers=workers, scheduler=scheduler, store=store)
    scores = score_table(result, study.regions, over)
    tables = dict(study.tables(result, over)) if study.tables else {}
    if study.reference:
        how = {"reference": study.reference}
        tables["differences"] = difference_table(result, study.regions, over, **how)
    provenance = {key: value for key, value in result.provenance.items() if key != "settings"}
    if study.untrained and backbone and backbone.weights != "random":
        stages = [each for each in study.untrained(n, seed) if each in result.rows]
        untrained = replace(backbone, weights="random", seed=seed)
        other = sweep(dataset, stages, untrained, workers=workers, scheduler=scheduler, store=store)
        how = {"reference": same_setting, "others": other}
        tables["random"] = score_table(other, study.regions, over)
        tables["learnt"] = difference_table(result, study.regions, over, **how)
        provenance["untrained"] = other.provenance["network"]
    if study.beside_paper and dataset.name == "voc":
        tables["residuals"] = all_residuals(scores.drop(columns="seconds"))
    named = {f"{name}_{key}": table for key, table in tables.items()}
    return Report({name: scores, **named}, provenance, result.failures)
