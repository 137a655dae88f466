"""Chains of steps: made by their names, and run on an image."""

import time
from collections.abc import Sequence
from dataclasses import fields

from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.pseudo.steps import CRF, IRN, SVM, Seed, Step, StepResult
from wsss_lib.evaluate.pseudo.view import View
from wsss_lib.expand.sampling import SAMPLES_PER_CLASS

#: Of IRN's random walk: as published, and as the small objects of the toy set need it. With 10 they
#: are smeared out there (measured on images of its train list).
BETA = {"voc": 10.0, "toy": 20.0}


def run_steps(view: View, steps: Sequence[Step]) -> dict[Step, tuple[StepResult, float]]:
    """Take one image through the steps, each from the scores of the one before.

    Returns
    -------
    dict of Step to (StepResult, float)
        What each step made, and the seconds that it took.
    """
    results, before = {}, None
    for step in steps:
        start = time.perf_counter()
        result = step.run(view, before)
        results[step] = result, time.perf_counter() - start
        before = result.scores
    return results


def make_steps(names: Sequence[str], dataset: str, **chosen: object) -> tuple[Step, ...]:
    """Steps by their names: ``seed``, then some of ``svm``, ``crf``, ``irn``.

    Parameters
    ----------
    names : sequence of str
    dataset : str
        Gives the number of samples and the beta of the walk where they are left out.
    **chosen
        Parameters of the steps; each takes those that it has. None leaves its own.

    Raises
    ------
    ParameterError
        If a name is unknown or comes twice, the first is no seed, or a value is out of range.
    """
    kinds = {kind.name: kind for kind in (Seed, SVM, CRF, IRN)}
    given = {"samples": SAMPLES_PER_CLASS[dataset], "beta": BETA[dataset]}
    given |= {name: value for name, value in chosen.items() if value is not None}
    steps = []
    for before, name in zip([None, *names], names, strict=False):
        if name not in kinds:
            raise ParameterError(f"No step {name!r}; expected some of {', '.join(kinds)}.")
        known = {field.name for field in fields(kinds[name])}
        own = {key: value for key, value in given.items() if key in known}
        if name == "crf":
            own["hard"] = before == "seed"  # maps are no probabilities
        steps.append(kinds[name](**own))
    check_order(steps)
    return tuple(steps)


def check_order(steps: Sequence[Step]) -> None:
    """Raise `ParameterError` unless the steps are different ones, a seed first."""
    names = [step.name for step in steps]
    if not names or names[0] != "seed" or len(set(names)) < len(names):
        raise ParameterError(f"The steps {', '.join(names)}; expected a seed, then different ones.")
