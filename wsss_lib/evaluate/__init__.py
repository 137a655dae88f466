"""Images x settings: what is computed for each, and the scores of all."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "settings": ["SVM_PRESETS", "Setting", "settings_for"],
        "image": ["ImageSamples"],
        "regions": ["FAR", "NEAR", "region_of", "sample_distance"],
        "sweeps": ["image_masks", "sweep"],
        "scores": ["best_layer", "difference_table", "over_seeds", "own_classifier", "score_table"],
        "iou": ["iou_table", "residuals", "table1"],
        "cells": ["nearest_mean_recall", "one_label_a_cell"],
        "boundary": ["band_rows", "band_table", "boundary_effect"],
        "exploration": ["SeedSource", "explore", "history", "image_features", "image_iou"],
        "photo": ["PhotoSegmenter"],
        "mask_worth": [
            "filled_mask",
            "image_scores",
            "masks_miou",
            "output_columns",
            "second_stage",
            "training_masks",
            "weak_masks",
        ],
    },
)
