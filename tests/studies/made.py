"""Made rows of a sweep over images of two classes, whose scores are known."""

from types import SimpleNamespace

from wsss_lib.datasets.classes import ClassSet

IMAGES = SimpleNamespace(classes=ClassSet(("background", "thing"), ("bkg", "thing")))


def rows(samples, *shares):
    """Images with so many samples, of 100 pixels of each class, so many of each of them right."""
    pixels = [
        [*([0, 0, share], [0, 1, 100 - share]), *([1, 1, share], [1, 0, 100 - share])]
        for share in shares
    ]
    costs = {"samples": {"0": samples, "1": samples}, "fit_seconds": 1.0, "predict_seconds": 0.5}
    return [{"confusion": entries, "held_out": entries, **costs} for entries in pixels]


def iou(share):
    """What such images score in %."""
    return 100 * share / (200 - share)
