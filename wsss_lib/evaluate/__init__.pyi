__all__ = [
    "FAR",
    "NEAR",
    "SVM_PRESETS",
    "ImageSamples",
    "PhotoSegmenter",
    "SeedSource",
    "Setting",
    "band_rows",
    "band_table",
    "best_layer",
    "boundary_effect",
    "compare_chains",
    "difference_table",
    "explore",
    "filled_mask",
    "history",
    "image_features",
    "image_iou",
    "image_masks",
    "image_scores",
    "iou_table",
    "make_chains",
    "masks_miou",
    "nearest_mean_recall",
    "one_label_per_cell",
    "output_columns",
    "over_seeds",
    "own_classifier",
    "read_chains",
    "region_of",
    "residuals",
    "same_setting",
    "sample_distance",
    "score_masks",
    "score_table",
    "second_stage",
    "segment",
    "settings_for",
    "sweep",
    "table1",
    "training_masks",
    "weak_masks",
]

from .boundary import band_rows, band_table, boundary_effect
from .cells import nearest_mean_recall, one_label_per_cell
from .chains import compare_chains, make_chains, read_chains
from .exploration import SeedSource, explore, history, image_features, image_iou
from .image import ImageSamples
from .iou import iou_table, residuals, table1
from .mask_scores import score_masks
from .mask_worth import (
    filled_mask,
    image_scores,
    masks_miou,
    output_columns,
    second_stage,
    training_masks,
    weak_masks,
)
from .photo import PhotoSegmenter, segment
from .regions import FAR, NEAR, region_of, sample_distance
from .scores import (
    best_layer,
    difference_table,
    over_seeds,
    own_classifier,
    same_setting,
    score_table,
)
from .settings import SVM_PRESETS, Setting, settings_for
from .sweeps import image_masks, sweep
