import json

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from PIL import Image

from wsss_lib.errors import ParameterError
from wsss_lib.show.figures import save_figure

DATA = pd.DataFrame({"iou": [98.98, 1 / 3]}, pd.Index(["F1", "img"], name="feature"))


@pytest.fixture
def save(tmp_path, monkeypatch):
    """`save_figure` with the output folder set to a temporary one."""
    monkeypatch.setenv("WSSS_OUTPUT", str(tmp_path))

    def save(name, figure=None, params=(), data=DATA, also=()):
        return save_figure(
            figure or plt.figure(figsize=(1, 1)),
            name,
            data=data,
            params={"DATASET": "toy", **dict(params)},
            notebook="07_table1",
            alt="A bar for each feature.",
            also=also,
        )

    yield save
    plt.close("all")


def test_picture_numbers_and_manifest_lie_in_the_data_sets_folder(save, tmp_path):
    figure = plt.figure(figsize=(2, 1))
    folder = save("bars", figure, {"SEED": 0})
    assert folder == tmp_path / "figures" / "toy"
    assert sorted(path.name for path in folder.iterdir()) == [
        "bars.csv",
        "bars.png",
        "manifest.json",
    ]
    with Image.open(folder / "bars.png") as picture:
        assert picture.format == "PNG"
    entry = json.loads((folder / "manifest.json").read_text())["bars"]
    assert entry["files"] == ["bars.png", "bars.csv"]
    assert entry["params"] == {"DATASET": "toy", "SEED": 0}
    assert (entry["notebook"], entry["alt"]) == ("07_table1", "A bar for each feature.")
    assert "scikit-learn" in entry["versions"]


def test_the_csv_gives_back_the_numbers(save):
    folder = save("bars")
    back = pd.read_csv(folder / "bars.csv", index_col="feature")
    assert back["iou"].tolist() == pytest.approx(DATA["iou"].tolist(), rel=1e-5)


def test_an_index_without_a_name_is_left_out(save):
    folder = save("bars", data=DATA.reset_index(drop=True))
    assert (folder / "bars.csv").read_text().splitlines()[0] == "iou"


def test_files_that_belong_to_the_figure_are_named(save):
    folder = save("bars", also=["bars.html"])
    files = json.loads((folder / "manifest.json").read_text())["bars"]["files"]
    assert files == ["bars.png", "bars.csv", "bars.html"]


def test_the_manifest_keeps_the_others_and_replaces_its_own(save):
    save("b", params={"SEED": 0})
    save("a")
    folder = save("b", params={"SEED": 1})
    manifest = json.loads((folder / "manifest.json").read_text())
    assert list(manifest) == ["a", "b"]
    assert manifest["b"]["params"]["SEED"] == 1


def test_the_same_figure_gives_the_same_bytes(save):
    def draw():
        figure, ax = plt.subplots(figsize=(2, 2), layout="constrained")
        ax.bar(DATA.index, DATA["iou"])
        return (save("bars", figure) / "bars.png").read_bytes()

    assert draw() == draw()


def test_the_data_set_must_be_named(tmp_path):
    with pytest.raises(ParameterError, match="DATASET"):
        save_figure(plt.figure(), "x", data=DATA, params={}, notebook="07_table1", alt="")
