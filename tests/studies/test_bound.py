import pandas as pd

from wsss_lib.studies.bound import best_coordinates, control_settings, layer_settings


def test_coordinates_have_the_c_of_the_layers():
    for svm in ("sklearn", "paper"):
        (layer,) = layer_settings(10, 0, ["uniform"], layers=["F1"], svm=svm)
        nearest, *coordinates = control_settings(10, 0, ["uniform"], svms=[svm])
        assert nearest.kernel == "nearest"
        assert {each.C for each in coordinates} == {layer.C}


def test_coordinates_keep_the_gamma_that_is_best_on_held_out_pixels():
    lines = [
        ("F1", "rbf", 1.0, "scale", "held_out", 50),
        ("xy", "nearest", 1.0, "scale", "held_out", 60),
        ("xy", "rbf", 1.0, "1.0", "held_out", 70),
        ("xy", "rbf", 1.0, "10.0", "held_out", 80),
        ("xy", "rbf", 100.0, "1.0", "held_out", 90),
        ("xy", "rbf", 100.0, "10.0", "held_out", 85),
        ("xy", "rbf", 1.0, "1.0", "confusion", 99),
        ("xy", "rbf", 1.0, "10.0", "confusion", 81),
    ]
    names = ["feature", "kernel", "C", "gamma", "region", "mean"]
    scores = pd.DataFrame(lines, columns=names).assign(samples=10, seed=0, sampling="uniform")
    assert best_coordinates(scores)["mean"].tolist() == [50, 60, 80, 90, 81]
