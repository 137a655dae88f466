from itertools import combinations, pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.text import Annotation

from wsss_lib.show.diagrams import (
    FIGURE1,
    FIGURE5,
    PARTS,
    arrow,
    arrow_table,
    box,
    draw_pipelines,
    kit_map,
    map_table,
)


@pytest.fixture
def ax():
    ax = plt.figure().subplots()
    ax.set(xlim=(0, 10), ylim=(10, 0))
    yield ax
    plt.close("all")


def test_a_box_stands_round_its_centre(ax):
    text = box(ax, (3, 2), (2, 1), "CAM", facecolor="w", edgecolor="k", weight="bold")
    (patch,) = ax.patches
    assert patch.get_bbox().extents.tolist() == [2, 1.5, 4, 2.5]
    assert (text.get_text(), text.get_position(), text.get_weight()) == ("CAM", (3, 2), "bold")


@pytest.mark.parametrize("bent", [False, True])
def test_an_arrow_runs_from_start_to_end(ax, bent):
    drawn = arrow(ax, (1, 8), (6, 2), bent=bent, linestyle=":")
    assert (drawn.xyann, drawn.xy) == ((1, 8), (6, 2))
    assert drawn.arrow_patch.get_linestyle() == ":"
    ax.figure.canvas.draw()
    middle = drawn.arrow_patch.get_path().vertices[1]
    corner = (1, 2) if bent else (3.5, 5)  # upright, then level
    np.testing.assert_allclose(middle, ax.transData.transform(corner), atol=1)


SIZES = {"figure 1": (FIGURE1, (7, 4.4)), "figure 5": (FIGURE5, (7, 5.2))}


@pytest.fixture(scope="module", params=SIZES)
def drawn(request):
    """The pipelines, and the axes on which they were drawn at the size of a page."""
    pipelines, size = SIZES[request.param]
    ax = plt.figure(figsize=size, layout="constrained").subplots()
    assert draw_pipelines(pipelines, ax) is ax
    ax.figure.canvas.draw()
    yield pipelines, ax
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


def test_no_two_boxes_overlap(drawn):
    boxes = [patch.get_window_extent() for patch in drawn[1].patches]
    assert not any(one.overlaps(other) for one, other in combinations(boxes, 2))


def test_texts_lie_in_their_boxes_or_touch_none(drawn):
    pipelines, ax = drawn
    titles = [pipeline.title for pipeline in pipelines]
    boxes = [patch.get_window_extent() for patch in ax.patches]
    for text in words(ax):
        extent = text.get_window_extent()
        round_it = [frame for frame in boxes if frame.overlaps(extent)]
        if text.get_text() in titles:
            assert round_it == []
        else:
            (frame,) = round_it
            assert frame.contains(*extent.min), text.get_text()
            assert frame.contains(*extent.max), text.get_text()


def test_texts_can_be_read_in_print(drawn):
    ax = drawn[1]
    assert min(text.get_fontsize() for text in [*words(ax), *ax.get_legend().texts]) >= 7


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


def test_arrows_cross_no_box(drawn):
    ax = drawn[1]
    for each in arrows(ax):
        line = each.arrow_patch.get_path().vertices[:3]  # what follows is the head
        line = ax.transData.inverted().transform(line)
        along = np.concatenate([np.linspace(*ends, 50) for ends in pairwise(line)])
        for patch in ax.patches:
            x0, y0, x1, y1 = patch.get_bbox().padded(-1e-3).extents
            inside = (x0 < along[:, 0]) & (along[:, 0] < x1) & (y0 < along[:, 1])
            assert not (inside & (along[:, 1] < y1)).any()


def test_training_is_solid_and_inference_is_dotted(drawn):
    pipelines, ax = drawn
    phases = arrow_table(pipelines)["phase"]
    solid = [arrow.arrow_patch.get_linestyle() == "-" for arrow in arrows(ax)]
    assert solid == (phases == "training").tolist()
    legend = [text.get_text() for text in ax.get_legend().get_texts()]
    assert legend == ["training", "inference", "data", "network or step", "supervision"]


def test_two_arrows_of_one_way_do_not_lie_upon_each_other(drawn):
    ends = [(*arrow.xyann, *arrow.xy) for arrow in arrows(drawn[1])]
    assert len(set(ends)) == len(ends)


def test_arrows_name_boxes_that_there_are():
    for pipeline in (*FIGURE1, *FIGURE5):
        ends = {name for source, target, _ in pipeline.arrows for name in (source, target)}
        assert ends == set(pipeline.boxes)  # and no box stands alone


def test_the_upper_bound_replaces_cam_and_seed_by_the_ground_truth():
    weak, bound = FIGURE5
    gone, new = set(weak.boxes) - set(bound.boxes), set(bound.boxes) - set(weak.boxes)
    assert {"CAM", "seed", "sample selection"} <= gone
    assert {"ground truth", "uniform random sampling"} <= new


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
    assert table.loc["evaluate", "notebooks"] == "07 table1, 09 sample count"
    assert table.loc["refine", "notebooks"] == ""


def test_every_notebook_but_the_first_has_one_place():
    numbers = [number for part in PARTS for number in part.numbers.split()]
    assert sorted(numbers) == [f"{number:02}" for number in range(1, 17)]


def test_parts_without_notebook_are_dashed():
    _, ax = plt.subplots()
    kit_map(["01_data"], ax)
    styles = [box.get_linestyle() for box in ax.patches if box.get_width() == 1.3]
    assert styles[0] == "-"
    assert set(styles[1:]) == {"--"}
    plt.close("all")
