"""Ways from seed to mask, compared: gains, who is harmed, rounds, and descriptions of chains."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from wsss_lib.engine import SweepResult
from wsss_lib.errors import DataError, ParameterError
from wsss_lib.evaluate.chains import (
    chain_lines,
    chain_table,
    compare_chains,
    image_table,
    make_chains,
    read_chains,
)
from wsss_lib.metrics import DRAWS
from wsss_lib.weak import masks
from wsss_lib.weak.chain import CRF_AFTER, SINGLE
from wsss_lib.weak.seeds import Localiser
from wsss_lib.weak.steps import CRF, SVM, Seed

#: The images of the made rows.
IDS = ("a", "b", "c", "d")


def confusion(right, n=100):
    """An image of 100 pixels of background and 100 of class 1, of which `right` are found."""
    return [[0, 0, n], [1, 0, n - right], [1, 1, right]]


def own_iou(right):
    """Its mean IoU in %, by hand."""
    return 50 * (100 / (200 - right) + right / 100)


def made(tiny, **columns):
    """A sweep of steps that found so many pixels of each image, in 2 seconds."""
    rows = {
        step: [
            {"id": id_, "step": step, "seconds": 2.0, "confusion": confusion(right)}
            for id_, right in zip(IDS, found, strict=True)
        ]
        for step, found in columns.items()
    }
    return SweepResult(tiny, rows)


def with_rounds(result, step, rounds):
    """The same, with rounds that found so many pixels, 0.5 seconds apart, and a sign, `change`."""
    for number, row in enumerate(result.rows[step]):
        found = [right[number] for right in rounds if right[number] is not None]
        row["rounds"] = [
            {"confusion": confusion(right), "seconds": 0.5 * done, "change": right / 100}
            for done, right in enumerate(found, 1)
        ]
    return result


#: The pixels of the object that the seed finds, of 100.
SEEDS = (50, 60, 70, 80)


def test_gains_are_differences_of_pooled_scores_draw_by_draw(tiny):
    lines = chain_lines({"svm": made(tiny, seed=SEEDS, svm=(60, 60, 90, 70))})
    table = chain_table(lines, tiny.classes, [0, 1])
    assert table["chain"].tolist() == ["seed", "svm"]

    def pooled_by_hand(found):  # the same number of pixels in every image
        right = np.mean(found, axis=-1)
        return 50 * (100 / (200 - right) + right / 100)

    rng = np.random.default_rng(0)
    times = rng.multinomial(4, np.full(4, 0.25), DRAWS)
    draws = {}
    for name, found in (("seed", SEEDS), ("svm", (60, 60, 90, 70))):
        draws[name] = pooled_by_hand(np.stack([np.repeat(found, drawn) for drawn in times]))
        line = table.set_index("chain").loc[name]
        assert line["mean"] == pytest.approx(pooled_by_hand(found))
        assert line["left"] == pytest.approx(np.mean(found))
        assert line["bkg"] == pytest.approx(100 * 100 / (200 - np.mean(found)))
        ends = np.percentile(draws[name], [2.5, 97.5])
        assert [line["mean_low"], line["mean_high"]] == pytest.approx(ends)
        gains = draws[name] - draws["seed"]
        assert line["gain"] == pytest.approx(pooled_by_hand(found) - pooled_by_hand(SEEDS))
        ends = np.percentile(gains, [2.5, 97.5])
        assert [line["gain_low"], line["gain_high"]] == pytest.approx(ends)


def test_images_are_harmed_and_helped_by_more_than_two_points(tiny):
    found = (40, 61, 73, 80)
    moved = [own_iou(after) - own_iou(before) for after, before in zip(found, SEEDS, strict=True)]
    assert [round(each, 1) for each in moved] == [-7.1, 0.8, 2.4, 0]
    lines = chain_lines({"svm": made(tiny, seed=SEEDS, svm=found)})
    table = chain_table(lines, tiny.classes, [0, 1]).set_index("chain")
    assert table.loc["svm", ["harmed", "helped"]].tolist() == [25, 25]
    assert table.loc["seed", ["gain", "harmed", "helped"]].tolist() == [0, 0, 0]
    images = image_table(lines).set_index(["chain", "id"])
    assert images.loc["svm", "gain"].tolist() == pytest.approx(moved)
    assert images.loc["svm", "iou"].tolist() == pytest.approx([own_iou(each) for each in found])


def test_a_step_with_rounds_has_a_line_for_each_and_one_for_its_own_end(tiny):
    rounds = [(60, 60, 60, 60), (70, 70, 70, 70), (80, 80, 80, 80)]
    chosen = (80, 60, 70, 80)  # what a rule made of them
    expanded = with_rounds(made(tiny, seed=SEEDS, crf=SEEDS, expand=chosen), "expand", rounds)
    lines = chain_lines({"crf": made(tiny, seed=SEEDS, crf=SEEDS), "rounds": expanded})
    table = chain_table(lines, tiny.classes, [1])
    assert table["chain"].tolist() == ["seed", "crf", *["rounds"] * 4]
    assert table["round"].fillna(0).tolist() == [0, 0, 1, 2, 3, 0]
    assert table["mean"].tolist() == [65, 65, 60, 70, 80, 72.5]
    assert table["gain"].tolist() == [0, 0, -5, 5, 15, 7.5]
    # of the steps after the seed, 2 each, and of the rounds up to this one
    assert table["seconds"].tolist() == [0, 2, 2.5, 3, 3.5, 4]
    images = image_table(lines)
    second = images[images["round"] == 2]
    assert second["id"].tolist() == list(IDS)
    assert second["change"].tolist() == [0.7] * 4
    assert images[images["round"].isna()]["change"].isna().all()


def test_an_image_with_fewer_rounds_stays_as_it_was(tiny):
    found = with_rounds(
        made(tiny, seed=SEEDS, expand=(70, 75, 50, 80)),
        "expand",
        [(60, 75, None, 80), (70, None, None, 80)],
    )
    images = image_table(chain_lines({"rounds": found})).set_index(["round", "id"])
    assert images.loc[2, "iou"].tolist() == pytest.approx([own_iou(n) for n in (70, 75, 50, 80)])
    assert images.loc[2, "seconds"].tolist() == [1, 0.5, 0, 1]
    assert images.loc[2, "change"].fillna(-1).tolist() == [0.7, 0.75, -1, 0.8]


def test_the_others_may_be_compared_with_the_end_of_a_chain(tiny):
    rows = {
        "crf": made(tiny, seed=SEEDS, crf=(60, 70, 80, 90)),
        "rounds": with_rounds(made(tiny, seed=SEEDS, svm=(80,) * 4), "svm", [(70,) * 4]),
    }
    table = chain_table(chain_lines(rows, "rounds"), tiny.classes, [1])
    assert table["chain"].tolist() == ["rounds", "seed", "crf", "rounds"]
    assert table["round"].fillna(0).tolist() == [0, 0, 0, 1]
    assert table["gain"].tolist() == [0, -15, -5, -10]


def test_only_images_that_every_chain_could_score_are_compared(tiny):
    rows = {"one": made(tiny, seed=SEEDS, crf=SEEDS), "other": made(tiny, seed=SEEDS, svm=SEEDS)}
    del rows["one"].rows["crf"][0]["confusion"], rows["other"].rows["svm"][2]
    assert [image["id"] for image in chain_lines(rows)["other", None]] == ["b", "d"]
    del rows["one"].rows["crf"][1::2]
    with pytest.raises(DataError, match="No image has ground truth and went through all chains"):
        chain_lines(rows)


@pytest.fixture
def localiser(checkpoints):
    return Localiser(checkpoints.plain, (1.0,), threshold=0.4)


@pytest.fixture
def chains(localiser):
    seed, svm = Seed(localiser), SVM(localiser, 40, feature="F2")
    return {
        "svm": (seed, svm),
        "crf": (seed, CRF(CRF_AFTER["toy"])),
        "svm, crf": (seed, svm, CRF()),
    }


def test_what_chains_share_is_made_once_and_nothing_in_a_second_run(
    few_squares, chains, monkeypatch
):
    begun, run = [], masks.run_steps

    def noted(dataset, id_, steps):
        begun.append(",".join(step.name for step in steps))
        return run(dataset, id_, steps)

    monkeypatch.setattr(masks, "run_steps", noted)
    first = compare_chains(few_squares, chains)
    assert begun == ["seed,svm,crf"] * 3 + ["seed,crf"] * 3  # of svm there is nothing left to do
    assert first.main["chain"].tolist() == ["seed", *chains]
    begun.clear()
    again = compare_chains(few_squares, chains)
    assert not begun
    pd.testing.assert_frame_equal(again.main, first.main)  # the seconds, too


def test_lines_are_those_of_pseudo_masks(few_squares, chains, tmp_path):
    found = compare_chains(few_squares, chains, over=["bkg", "leaf"], against="crf")
    result = masks.pseudo_masks(few_squares, chains["svm, crf"])
    line = found.main.set_index("chain").loc["svm, crf"]
    scores = masks.score_steps(result).main.loc["crf", ["bkg", "leaf"]]
    assert line[["bkg", "leaf"]].tolist() == pytest.approx(scores.tolist())
    assert line["mean"] == pytest.approx(scores.mean())
    assert found.main["chain"].tolist() == ["crf", "seed", "svm", "svm, crf"]
    assert len(found.tables["images"]) == 4 * 3

    found.write(tmp_path / "report")
    note = json.loads((tmp_path / "report/chains.json").read_text())
    assert [note[key] for key in ("dataset", "list", "images")] == ["toy", "train", 3]
    assert (note["method"], note["against"]) == ("CAM", "crf")
    assert note["network"]["name"] == chains["svm"][0].localiser.path.name
    assert note["chains"]["svm"]["steps"][1]["samples"] == 40
    assert note["seconds_per_image"]["seed"] == 0
    assert {"chains.csv", "images.csv"} == set(note["files"])


def test_two_workers_make_the_same_table(few_squares, chains, tmp_path):
    one, two = (
        compare_chains(few_squares, chains, workers=workers, store=tmp_path / str(workers))
        for workers in (1, 2)
    )
    for name, table in one.tables.items():
        other = two.tables[name].drop(columns="seconds")
        pd.testing.assert_frame_equal(other, table.drop(columns="seconds"))


def test_images_that_a_chain_cannot_do_are_left_out_and_named(few_squares, chains):
    first, *others = few_squares.ids
    few_squares.image_path(first).write_bytes(b"no picture")
    found = compare_chains(few_squares, chains)
    assert list(found.failures) == [first]
    assert sorted(set(found.tables["images"]["id"])) == others


def test_what_cannot_be_compared_is_refused(few_squares, chains, localiser):
    other = (Seed(replace(localiser, threshold=0.2)),)
    for wrong, keywords, said in (
        ({}, {}, "No chain to compare"),
        ({**chains, "low": other}, {}, "'low' begins with another seed than 'svm'"),
        ({"seed": chains["svm"]}, {}, "called 'seed', as the line of the seed"),
        ({"late": chains["svm"][1:]}, {}, "expected a seed, then"),
        (chains, {"against": "irn"}, "No chain 'irn'; the chains are svm, crf, svm, crf"),
        (chains, {"over": ["bkg", "lion"]}, "No class 'lion'"),
    ):
        with pytest.raises(ParameterError, match=said):
            compare_chains(few_squares, wrong, **keywords)


def written(folder, text):
    (folder / "chains.yaml").write_text(text)
    return folder / "chains.yaml"


def test_chains_are_described_in_a_file(few_squares, localiser, tmp_path):
    text = """
    weak: {steps: "seed, svm,crf", C: 1, gamma: 0.3xscale, samples: 20, preset: psa}
    crf:
      steps: seed,crf
    """
    made = make_chains(read_chains(written(tmp_path, text)), few_squares, localiser=localiser)
    seed, svm = Seed(localiser), SVM(localiser, 20, C=1.0, gamma="0.3xscale", **SINGLE["toy"])
    assert made == {
        "weak": (seed, svm, CRF("psa")),
        "crf": (seed, CRF(CRF_AFTER["toy"])),
    }


@pytest.mark.parametrize(
    ("chain", "said"),
    [
        ("steps: seed,svn", "Chain 'a': No step 'svn'; expected some of seed, svm"),
        (
            "steps: seed,svm, c: 1",
            "Chain 'a': No parameter 'c'; expected steps and some of samples",
        ),
        ("steps: seed,svm, localiser: x", "Chain 'a': No parameter 'localiser'"),
        (
            "steps: seed,svm, C: 1e-3",
            "Chain 'a': C='1e-3'; expected a value as in 'C: float",
        ),
        ("steps: seed,svm, C: -1", "Chain 'a': C=-1; a positive number was expected"),
        ("steps: svm", "Chain 'a': The steps svm; expected a seed"),
    ],
)
def test_what_is_wrong_with_a_chain_is_said_with_its_name(
    few_squares, localiser, tmp_path, chain, said
):
    steps, *rest = chain.split(", ")
    lines = [f"  {line}\n" for line in (steps, *rest)]
    described = read_chains(written(tmp_path, f"a:\n{''.join(lines)}"))
    with pytest.raises(ParameterError) as error:
        make_chains(described, few_squares, localiser=localiser)
    assert str(error.value).startswith(said)


@pytest.mark.parametrize("text", ["", "- a", "a: {C: 1}", "a: {steps: [seed]}", "a: {", "a: seed"])
def test_files_of_another_form_are_refused(tmp_path, text):
    with pytest.raises(ParameterError, match=r"(?s)chains\.yaml.*expected chains by name, such as"):
        read_chains(written(tmp_path, text))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ParameterError, match=r"Cannot read .*none\.yaml"):
        read_chains(tmp_path / "none.yaml")
