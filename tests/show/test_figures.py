import json

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from PIL import Image

from wsss_lib.classify.backbones import build_backbone
from wsss_lib.show.figures import NotebookRun, read_manifest, stored, with_interval

DATA = pd.DataFrame({"iou": [98.98, 1 / 3]}, pd.Index(["F1", "img"], name="feature"))


@pytest.fixture
def save(tmp_path, monkeypatch):
    """`NotebookRun.save` with the output folder set to a temporary one."""
    monkeypatch.setenv("WSSS_OUTPUT", str(tmp_path))

    def save(name, figure=None, params=(), data=DATA, also=()):
        run = NotebookRun("07_table1", {"DATASET": "toy", **dict(params)})
        figure = figure or plt.figure(figsize=(1, 1))
        return run.save(figure, name, data, "A bar for each feature.", also=also)

    yield save
    plt.close("all")


def test_picture_numbers_and_manifest_lie_in_the_data_sets_folder(save, tmp_path):
    figure = plt.figure(figsize=(2, 1))
    folder = save("bars", figure, {"SEED": 0}, also=["bars.html"])
    assert folder == tmp_path / "figures" / "toy"
    assert sorted(path.name for path in folder.iterdir()) == [
        "bars.csv",
        "bars.png",
        "manifest.json",
    ]
    with Image.open(folder / "bars.png") as picture:
        assert picture.format == "PNG"
    entry = json.loads((folder / "manifest.json").read_text())["bars"]
    assert entry["files"] == ["bars.png", "bars.csv", "bars.html"]
    assert entry["params"] == {"DATASET": "toy", "SEED": 0}
    assert (entry["notebook"], entry["alt"]) == ("07_table1", "A bar for each feature.")
    assert "scikit-learn" in entry["versions"]


def test_the_csv_has_the_numbers_and_an_index_if_it_has_a_name(save):
    assert (save("bars") / "bars.csv").read_text() == "feature,iou\nF1,98.98\nimg,0.333333\n"
    folder = save("bars", data=DATA.reset_index(drop=True))
    assert (folder / "bars.csv").read_text().splitlines()[0] == "iou"


def test_the_manifest_keeps_the_others_and_replaces_its_own(save):
    save("b", params={"SEED": 0})
    save("a")
    folder = save("b", params={"SEED": 1})
    manifest = json.loads((folder / "manifest.json").read_text())
    assert list(manifest) == ["a", "b"]
    assert manifest["b"]["params"]["SEED"] == 1


def test_the_manifest_has_the_parameters_when_saved_and_the_network(tmp_path, monkeypatch):
    monkeypatch.setenv("WSSS_OUTPUT", str(tmp_path))
    names = {"DATASET": "toy", "SEED": 0, "X": DATA, "figure": 1, "BACKBONE": None}
    run, network = NotebookRun("07_table1", names), build_backbone("resnet10")
    run.uses(network)
    run.made_with["EDGES"] = "edges.pth"
    names["SEED"] = 1
    folder = run.save(plt.figure(figsize=(1, 1)), "bars", DATA, "A bar for each feature.")
    assert read_manifest(folder)["bars"]["params"] == {
        "DATASET": "toy",
        "SEED": 1,
        "BACKBONE": "resnet10",
        "WEIGHTS_NAME": "random",
        "WEIGHTS_SHA256": network.weights.sha256,
        "EDGES": "edges.pth",
    }


def test_an_answer_has_this_runs_sentences_and_what_photographs_say():
    def said(dataset, **how):
        return NotebookRun("07_table1", {"DATASET": dataset}).answer("F1 leads.", **how).data

    assert said("toy") == "**This run (toy)**\n\n- F1 leads."
    photographs = dict(photographs="On 296 photographs F4 leads.")
    assert said("toy", **photographs).endswith("\n\nOn 296 photographs F4 leads.")
    assert said("toy", **photographs, agrees=True).endswith("Toy says the same.")
    assert "Toy says otherwise" in said("toy", **photographs, agrees=False)
    assert said("voc", **photographs, agrees=False).endswith("F4 leads.")


def test_a_number_is_said_with_its_interval():
    row = {"mean": 1.25, "mean_low": -0.5, "mean_high": 3.0}
    assert with_interval(row) == "1.2 % (-0.5 to 3.0)"
    assert with_interval(row, unit="points") == "+1.2 points (-0.5 to 3.0)"


def test_stored_results_are_those_of_the_checkout():
    layers = stored("studies/layers_efficientnet_296.csv").query("region == 'confusion'")
    assert layers["mean"].max() == pytest.approx(99.2, abs=0.05)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"a": {"alt": "A bar", "noteb',
        b'<<<<<<< HEAD\n{"a": 1}\n=======\n',
        b"\xff\xfe{\x00}\x00",
        b"[]",
        b"7",
        b'{"name": "a web page", "icons": []}',
        b'{"a": {"alt": "of no notebook"}}',
        b'{"a": 1}',
    ],
)
def test_a_manifest_that_is_damaged_or_foreign_is_put_aside(save, capsys, content):
    folder = save("a")
    (folder / "manifest.json").write_bytes(content)
    save("b")
    assert list(json.loads((folder / "manifest.json").read_text())) == ["b"]
    assert (folder / "manifest.damaged.json").read_bytes() == content
    said = capsys.readouterr().out
    assert "manifest.json is no manifest of figures; it is manifest.damaged.json now." in said
    save("a")
    assert list(read_manifest(folder)) == ["a", "b"]
    assert not capsys.readouterr().out


def test_the_same_figure_gives_the_same_bytes(save):
    def draw():
        figure, ax = plt.subplots(figsize=(2, 2), layout="constrained")
        ax.bar(DATA.index, DATA["iou"])
        return (save("bars", figure) / "bars.png").read_bytes()

    assert draw() == draw()
