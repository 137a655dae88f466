import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest

from wsss_lib.evaluate.exploration import explore, image_features
from wsss_lib.show.explorer import (
    draw_comparison,
    draw_decisions,
    draw_exploration,
    exploration_title,
    one_vs_rest_maps,
)
from wsss_lib.show.masks import colour_mask


@pytest.fixture(autouse=True)
def _close_figures():
    yield
    plt.close("all")


def test_plots_do_not_import_torch():
    code = "import sys, wsss_lib.show.explorer; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_title_tells_layer_n_scores_and_seconds(pair):
    result = explore(pair, None, "three", "xy", 20)
    title = exploration_title(result)
    assert title.startswith("xy, n = 20: IoU ")
    assert f"{result.row()['IoU, all pixels']:.1f} %" in title
    assert f"predict {result.expansion.predict_seconds:.2f} s" in title


def test_samples_truth_mask_and_errors_side_by_side(pair):
    result = explore(pair, None, "three", "img", 20)
    figure = draw_exploration(result, pair.classes)
    samples, truth, prediction, _ = figure.axes
    assert len(samples.collections[0].get_offsets()) == 44  # 20 + 20 + the 4 that there are
    assert np.array_equal(truth.images[0].get_array(), colour_mask(result.sample.mask))
    assert np.array_equal(prediction.images[0].get_array(), colour_mask(result.mask))
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["background", "left", "low", "void"]


def test_results_are_compared_row_by_row_with_one_legend(pair):
    results = [explore(pair, None, id_, "xy", 20) for id_ in ("two", "three")]
    figure = draw_comparison(results, pair.classes)
    assert [part.get_suptitle() for part in figure.subfigs] == [
        exploration_title(result) for result in results
    ]
    for part, result in zip(figure.subfigs, results, strict=True):
        assert np.array_equal(part.axes[2].images[0].get_array(), colour_mask(result.mask))
    (legend,) = figure.legends
    assert [t.get_text() for t in legend.get_texts()] == ["background", "left", "low", "void"]


def test_two_classes_share_one_function_with_both_signs():
    decision = np.array([[-1.0, 2.0]])
    assert one_vs_rest_maps(decision, 2).tolist() == [[[1, -1], [-2, 2]]]


@pytest.mark.parametrize(("shape", "n_classes"), [((2, 3), 1), ((2, 3, 4), 4)])
def test_otherwise_each_class_has_its_own_map(shape, n_classes):
    decision = np.arange(np.prod(shape), dtype=float).reshape(shape)
    assert one_vs_rest_maps(decision, n_classes).shape == (2, 3, n_classes)


@pytest.mark.parametrize("id_", ["two", "three"])
def test_the_largest_decision_is_the_prediction(pair, id_):
    svm = explore(pair, None, id_, "img", 20).expansion.svm
    feature = image_features(pair, id_, None)["img"]
    decision = one_vs_rest_maps(svm.decision_function(feature), len(svm.classes_))
    assert np.array_equal(svm.classes_[decision.argmax(-1)], svm.predict(feature))


def test_all_decision_maps_share_one_colour_scale_round_zero(pair):
    decision = np.stack([np.full((4, 5), -3.0), np.linspace(-1, 1, 20).reshape(4, 5)], -1)
    figure = draw_decisions(decision, [0, 1], pair.classes)
    assert [ax.images[0].get_clim() for ax in figure.axes[:2]] == [(-3, 3)] * 2
    assert [ax.get_title() for ax in figure.axes[:2]] == ["background / rest", "left / rest"]
