"""Tables of images that were looked at closely: the scores of one, and all that was tried."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from wsss_lib.datasets.classes import ClassSet
from wsss_lib.evaluate.explore import Exploration, image_iou
from wsss_lib.metrics import iou_of_counted


def class_scores(result: Exploration, classes: ClassSet) -> pd.DataFrame:
    """IoU in % of each class that the ground truth has, and their mean in the last line.

    Parameters
    ----------
    result : Exploration
    classes : ClassSet

    Returns
    -------
    DataFrame
        Indexed by ``class``; the columns ``all pixels`` and ``held out``, NaN where no pixel of
        the class is counted.
    """
    shown = np.flatnonzero(result.confusion.sum(1))
    columns = {"all pixels": result.confusion, "held out": result.held_out}
    scores = {
        name: [*100 * iou_of_counted(counts)[shown], image_iou(counts)]
        for name, counts in columns.items()
    }
    names = [*(classes.names[label] for label in shown), "mean"]
    return pd.DataFrame(scores, pd.Index(names, name="class"))


def history(results: Sequence[Exploration], classes: ClassSet) -> pd.DataFrame:
    """What was tried, a line each in that order: settings, scores and costs.

    Parameters
    ----------
    results : sequence of Exploration
        Of an `ImageSVM` or a `ProductSVM`.
    classes : ClassSet

    Returns
    -------
    DataFrame
        The columns of `Exploration.row`, where the samples come from and how many of their labels
        are right (%), kernel, C and gamma, and the IoU (%) on all pixels of each class that any of
        the images has.
    """
    return pd.DataFrame([_line(result, classes) for result in results])


def _line(result: Exploration, classes: ClassSet) -> dict[str, object]:
    row, svm = result.row(), result.expansion.svm.get_params()
    settings = {
        "image": row.pop("image"),
        "samples from": result.source,
        "labels right": result.labels_right(),
        "layer": row.pop("layer"),
        "n": row.pop("n"),
        "kernel": svm.get("kernel", "rbf"),  # a product has no other
        "C": svm["C"],
        "gamma": svm["gamma"],
    }
    scores = class_scores(result, classes)["all pixels"].drop("mean")
    return settings | row | scores.add_prefix("IoU, ").to_dict()
