__all__ = [
    "BACKGROUND_WEIGHT",
    "CRF",
    "IRN",
    "MARS",
    "PMM",
    "SELECTIONS",
    "SVM",
    "EdgeSettings",
    "Expand",
    "Localiser",
    "Seed",
    "SeedFiles",
    "caption",
    "collect_centroids",
    "count_right",
    "dense_crf",
    "edge_map",
    "load_edges",
    "make_steps",
    "precision_table",
    "pseudo_masks",
    "run_steps",
    "score_steps",
    "select_samples",
    "threshold_curve",
    "train_irn",
    "trained_edges",
    "with_background",
]

from .chain import make_steps, run_steps
from .crf import dense_crf
from .irn.network import edge_map
from .irn.train import EdgeSettings, load_edges, train_irn, trained_edges
from .mars import collect_centroids
from .masks import caption, pseudo_masks, score_steps
from .seed_files import SeedFiles
from .seeds import BACKGROUND_WEIGHT, Localiser, threshold_curve, with_background
from .selection import SELECTIONS, count_right, precision_table, select_samples
from .steps import CRF, IRN, MARS, PMM, SVM, Expand, Seed
