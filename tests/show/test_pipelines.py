import subprocess
import sys
from itertools import combinations, pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.text import Annotation

from wsss_lib.show.paper_pipelines import FIGURE1, FIGURE5
from wsss_lib.show.pipelines import arrow_table, draw_pipelines

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


def test_pipelines_do_not_import_torch():
    code = "import sys, wsss_lib.show.pipelines; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


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
    for arrow, row in zip(arrows(ax), table.to_dict("records"), strict=True):
        assert on_border(place[row["pipeline"], row["from"]], arrow.xyann)
        assert on_border(place[row["pipeline"], row["to"]], arrow.xy)


def test_arrows_cross_no_box(drawn):
    ax = drawn[1]
    for arrow in arrows(ax):
        line = arrow.arrow_patch.get_path().vertices[:3]  # what follows is the head
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
