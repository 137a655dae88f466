"""`wsss compare`: its tables, its rerun, and what is refused before any training."""

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from wsss_lib.cli import main
from wsss_lib.weak import masks

CHAINS = """
svm: {steps: "seed,svm,irn", samples: 20, feature: F2}
rounds: {steps: "seed,expand", samples: 20, feature: F2, rounds: 2}
"""


@pytest.fixture
def compare(few_squares, checkpoints, monkeypatch):
    """Call it among `few_squares` with the chains of a text."""
    here = few_squares.root.parent
    monkeypatch.setenv("WSSS_OUTPUT", str(here / "out"))
    monkeypatch.chdir(here)

    def call(text, *more):
        (here / "chains.yaml").write_text(text)
        networks = ("--weights", str(checkpoints.plain), "--irn-weights", str(checkpoints.edges))
        images = ("--data", "few", "--images", "3")
        return CliRunner().invoke(main, ["compare", "chains.yaml", *networks, *images, *more])

    return call


def test_compare_writes_tables_of_chains_and_rounds_once(compare, tmp_path, monkeypatch):
    asked = ("--classes", "bkg,leaf", "--against", "rounds", "--threshold", "0.4")
    result = compare(CHAINS, *asked)
    assert result.exit_code == 0, result.output
    out = tmp_path / "out/build/compare/toy"
    table = pd.read_csv(out / "chains.csv", dtype={"round": str}, keep_default_na=False)
    lines = [("rounds", ""), ("seed", ""), ("svm", ""), ("rounds", "1"), ("rounds", "2")]
    assert list(zip(table["chain"], table["round"], strict=True)) == lines
    assert list(table)[2:5] == ["bkg", "leaf", "mean"]
    assert len(pd.read_csv(out / "images.csv")) == 3 * len(lines)
    note = json.loads((out / "chains.json").read_text())
    assert note["chains"]["rounds"]["steps"][1]["rounds"] == 2
    assert note["threshold"] == 0.4
    assert note["chains"]["svm"]["edges"].endswith(".pth")
    *shown, caption, last = result.stdout.splitlines()
    assert not {"nan", "<NA>"} & set(" ".join(shown).split())
    assert caption.startswith("mIoU on 3 images of train (toy) against SegmentationClass, gains on")
    assert last.startswith("Written to ")

    before = (out / "chains.csv").read_bytes()
    monkeypatch.setattr(masks, "run_steps", None)
    assert compare(CHAINS, *asked).exit_code == 0
    assert (out / "chains.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("text", "more", "said"),
    [
        ("a: {steps: seed, c: 1}", [], "Chain 'a': No parameter 'c'"),
        ("a: {steps: 'seed,svn'}", [], "Chain 'a': No step 'svn'"),
        ("a: {steps: seed}", ["--against", "b"], "No chain 'b'; the chains are a."),
        ("a: {steps: seed}", ["--classes", "lion"], "No class 'lion'"),
        ("seed: {steps: seed}", [], "A chain is called 'seed'"),
    ],
)
def test_what_is_wrong_is_said_before_any_training(compare, monkeypatch, text, more, said):
    monkeypatch.setattr("wsss_lib.weak.chain.choose_classifier", None)
    result = compare(text, *more)
    assert result.exit_code == 1
    assert result.output.startswith(f"Error: {said}")


@pytest.fixture
def pseudo(few_squares, tmp_path):
    """Call it with seeds from files, which are the truth."""
    folder = tmp_path / "seeds"
    folder.mkdir()
    for id_ in few_squares.ids:
        maps = {label - 1: few_squares.mask(id_) == label for label in few_squares.labels(id_)}
        np.save(folder / f"{id_}.npy", {key: each.astype(np.float32) for key, each in maps.items()})
    images = ("--data", str(few_squares.root), "--images", "3", "--out", str(tmp_path / "out"))
    command = ("pseudo", "--seeds", str(folder), *images)
    return lambda *more: CliRunner().invoke(main, [*command, *more])


@pytest.mark.parametrize("more", [[], ["--weights", "imagenet"]])
def test_pseudo_takes_seeds_from_files_without_a_network(pseudo, tmp_path, monkeypatch, more):
    monkeypatch.setattr("wsss_lib.weak.chain.choose_classifier", None)
    monkeypatch.setattr("wsss_lib.weak.chain.choose_backbone", None)
    result = pseudo("--steps", "seed,crf", *more)
    assert result.exit_code == 0, result.output
    assert "seeds from files: 3 PSA-style" in result.stdout
    assert pd.read_csv(tmp_path / "out/scores.csv", index_col=0).loc["seed", "mean"] == 100


def test_seeds_from_files_are_expanded_with_the_features_of_imagenet(pseudo, tmp_path, monkeypatch):
    monkeypatch.setattr("wsss_lib.weak.chain.choose_classifier", None)
    network = ("--backbone", "efficientnet_lite0", "--weights", "imagenet")
    result = pseudo("--steps", "seed,mars,expand", "--samples", "20", "--rounds", "1", *network)
    assert result.exit_code == 0, result.output
    note = json.loads((tmp_path / "out/scores.json").read_text())
    assert note["network"]["backbone"] == "efficientnet_lite0"
    assert note["network"]["name"] == "imagenet"


def test_a_backbone_alone_trains_no_edge_network(pseudo):
    result = pseudo("--steps", "seed,irn", "--weights", "imagenet")
    assert result.exit_code == 1
    assert "'imagenet' gives features alone" in result.output
