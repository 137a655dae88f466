from importlib import import_module

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.text import Annotation

from wsss_lib.show.diagrams import PARTS, arrow_table, draw_pipelines, kit_map, map_table
from wsss_lib.show.paper import FIGURE1, FIGURE5


@pytest.fixture(scope="module", params=[FIGURE1, FIGURE5], ids=["figure 1", "figure 5"])
def drawn(request):
    """The pipelines, and the axes on which they were drawn."""
    ax = plt.figure().subplots()
    assert draw_pipelines(request.param, ax) is ax
    yield request.param, ax
    plt.close("all")


def words(ax):
    return [text for text in ax.texts if not isinstance(text, Annotation)]


def arrows(ax):
    return [text for text in ax.texts if isinstance(text, Annotation)]


def test_every_box_and_title_is_drawn(drawn):
    pipelines, ax = drawn
    assert len(ax.patches) == sum(len(pipeline.boxes) for pipeline in pipelines)
    texts = [text.get_text().replace("\n", " ") for text in words(ax)]
    for pipeline in pipelines:
        assert {pipeline.title, *pipeline.boxes} <= set(texts)


def on_border(patch, point):
    x0, y0, x1, y1 = patch.get_bbox().extents
    x, y = point
    level = np.isclose(x, (x0, x1)).any() and y0 - 1e-9 <= y <= y1 + 1e-9
    upright = np.isclose(y, (y0, y1)).any() and x0 - 1e-9 <= x <= x1 + 1e-9
    return level or upright


def test_every_arrow_runs_from_its_box_to_its_box(drawn):
    pipelines, ax = drawn
    patches = iter(ax.patches)
    frames = [(p.title, name, next(patches)) for p in pipelines for name in p.boxes]
    place = {(title, name): patch for title, name, patch in frames}
    table = arrow_table(pipelines)
    assert len(arrows(ax)) == len(table)
    for drawn_arrow, row in zip(arrows(ax), table.to_dict("records"), strict=True):
        assert on_border(place[row["pipeline"], row["from"]], drawn_arrow.xyann)
        assert on_border(place[row["pipeline"], row["to"]], drawn_arrow.xy)


def test_arrows_name_boxes_that_there_are():
    for pipeline in (*FIGURE1, *FIGURE5):
        ends = {name for source, target, _ in pipeline.arrows for name in (source, target)}
        assert ends == set(pipeline.boxes)  # and no box stands alone


@pytest.mark.parametrize("pipeline", FIGURE5, ids=["a", "b"])
def test_the_svm_learns_from_samples_and_judges_all_pixels(pipeline):
    table = arrow_table([pipeline]).query("to == 'SVM' or `from` == 'SVM'")
    assert table[["from", "to", "phase"]].to_numpy().tolist() == [
        ["training set", "SVM", "training"],
        ["test data of all pixels", "SVM", "inference"],
        ["SVM", "prediction mask", "inference"],
    ]


def test_parts_name_the_notebooks_that_there_are():
    table = map_table(["01_data", "07_table1", "09_sample_count"])
    assert table.loc["datasets", "notebooks"] == "01 data"
    assert table.loc["evaluate", "notebooks"] == "07 table1"
    assert table.loc["weak", "notebooks"] == ""


def test_every_notebook_but_the_first_has_one_place_and_every_part_is_there():
    numbers = [number for _, numbers in PARTS.values() for number in numbers.split()]
    assert sorted(numbers) == [f"{number:02}" for number in range(1, 18)]
    for part in PARTS:
        import_module(f"wsss_lib.{part}")


def test_parts_without_notebook_are_dashed():
    _, ax = plt.subplots()
    kit_map(["01_data"], ax)
    styles = [box.get_linestyle() for box in ax.patches if box.get_width() == 1.3]
    assert styles == ["solid", *["--"] * 8]
    plt.close("all")
