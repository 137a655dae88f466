import pytest

from wsss_lib.show.paper_pipelines import FIGURE1, FIGURE5
from wsss_lib.show.pipelines import arrow_table


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
