"""Chains of steps."""

import pytest

from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.pseudo.chain import make_steps, run_steps
from wsss_lib.evaluate.pseudo.steps import CRF, IRN, SVM, Seed, StepResult
from wsss_lib.expand.sampling import SAMPLES_PER_CLASS
from wsss_lib.scores import ClassScores


def test_each_step_gets_the_scores_of_the_one_before(view):
    got = []

    class Noted:
        def __init__(self, name):
            self.name = name

        def run(self, of, before):
            got.append((self.name, of, before and before.labels))
            labels = (0, {"a": 3, "b": 5}[self.name])
            return StepResult(ClassScores(view.scores.values[:2], labels))

    steps = [Noted("a"), Noted("b")]
    done = run_steps(view, steps)
    assert list(done) == steps
    assert got == [("a", view, None), ("b", view, (0, 3))]
    for result, seconds in done.values():
        assert result.scores.labels[0] == 0
        assert 0 <= seconds < 5


def test_steps_are_made_by_their_names_and_take_the_parameters_that_they_have():
    chosen = {"samples": 50, "C": 4, "temperature": None, "preset": "psa", "threshold": 0.3}
    steps = make_steps(["seed", "svm", "crf", "irn"], "toy", **chosen)
    assert steps == (Seed(), SVM(50, C=4), CRF("psa"), IRN(beta=20))
    for dataset, count in SAMPLES_PER_CLASS.items():
        assert make_steps(["seed", "svm"], dataset)[1].samples == count


@pytest.mark.parametrize(
    ("names", "hard"),
    [
        (["seed", "crf"], True),
        (["seed", "svm", "crf"], False),
        (["seed", "irn", "crf"], False),
        (["seed", "crf", "svm"], True),
    ],
)
def test_only_right_after_the_seed_the_crf_gets_labels(names, hard):
    (crf,) = (step for step in make_steps(names, "toy") if step.name == "crf")
    assert crf.hard is hard


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["seed", "glow"], "No step 'glow'; expected some of seed, svm, crf, irn"),
        (["svm", "crf"], "The steps svm, crf; expected a seed, then different ones"),
        (["seed", "svm", "svm"], "The steps seed, svm, svm"),
        ([], "expected a seed"),
    ],
)
def test_steps_that_do_not_go_together_are_refused(names, text):
    with pytest.raises(ParameterError, match=text):
        make_steps(names, "toy")
