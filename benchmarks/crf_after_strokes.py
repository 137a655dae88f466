"""What a CRF adds to masks from simulated strokes, and how long it takes.

    python benchmarks/crf_after_strokes.py LIST OUT.csv

LIST holds ids of VOC's images under WSSS_DATA. Scored are the masks of `PhotoSegmenter` as it is by
default, without and with each preset of the CRF: the mean IoU over the animals that the images of
results/lists show, its difference from that without a CRF, and 95 % intervals over images.
"""

import sys
import time
from collections import defaultdict

import numpy as np
import pandas as pd

from wsss_lib.datasets import load_dataset
from wsss_lib.evaluate import PhotoSegmenter
from wsss_lib.expand import simulate_strokes
from wsss_lib.metrics import confusion_matrix, drawn_scores, interval, pooled_score, sparse
from wsss_lib.studies.strokes import LENGTHS
from wsss_lib.weak.crf import PRESETS

ANIMALS = ("bkg", "cat", "cow", "dog", "horse", "sheep")


def main(list_name: str, out: str) -> None:
    """Write and print the table."""
    dataset = load_dataset("voc", list_name=list_name)
    n, over = len(dataset.classes), dataset.classes.places(ANIMALS)
    found, seconds = defaultdict(list), defaultdict(list)
    for id_ in dataset.ids:
        sample = dataset.sample(id_)
        segmenter = PhotoSegmenter(sample.image)
        _ = segmenter.maps  # extracted before the first stroke, as in the painter
        for length in LENGTHS:
            strokes = simulate_strokes(sample.mask, length, 0, id_)
            for crf in (None, *PRESETS):
                start = time.perf_counter()
                mask = segmenter.mask(strokes, crf)
                seconds[length, crf].append(time.perf_counter() - start)
                found[length, crf].append(sparse(confusion_matrix(sample.mask, mask, n)))
    lines = []
    for (length, crf), rows in found.items():
        draws = drawn_scores(rows, n, over)
        low, high = interval(draws - drawn_scores(found[length, None], n, over))
        score, without = (pooled_score(each, n, over) for each in (rows, found[length, None]))
        line = {"strokes": length, "crf": crf or "none", "mean": score}
        line |= dict(zip(("mean_low", "mean_high"), interval(draws), strict=True))
        line |= {"difference": score - without, "difference_low": low, "difference_high": high}
        lines.append(line | {"seconds": np.median(seconds[length, crf])})
    table = pd.DataFrame(lines)
    table.to_csv(out, index=False, float_format="%.3f")
    print(table.round(2).to_string(index=False))


if __name__ == "__main__":
    main(*sys.argv[1:])
