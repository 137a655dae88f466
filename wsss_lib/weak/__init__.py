"""Weak supervision: from image-level labels to pseudo masks, step by step."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "seeds": ["BACKGROUND_WEIGHT", "Localiser", "threshold_curve", "with_background"],
        "selection": ["SELECTIONS", "count_right", "precision_table", "select_samples"],
        "crf": ["dense_crf"],
        "irn.network": ["edge_map"],
        "irn.train": ["EdgeSettings", "load_edges", "train_irn", "trained_edges"],
        "steps": ["CRF", "IRN", "SVM", "Seed", "make_steps", "run_steps"],
        "masks": ["caption", "pseudo_masks", "score_steps"],
    },
)
