"""Figures and tables: functions that take an axes and give back what they drew."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["widgets"],
    submod_attrs={
        "data": ["area_boxes", "class_bars", "cooccurrence_map", "palette_chart"],
        "diagrams": ["FIGURE1", "FIGURE5", "arrow_table", "draw_pipelines", "kit_map", "map_table"],
        "explorer": ["draw_comparison", "draw_decisions", "draw_exploration", "one_vs_rest_maps"],
        "features": ["balance_plot", "channel_mosaic", "pca_rgb"],
        "figures": ["save_figure"],
        "literature": ["methods_plot", "pseudo_against_segmentation"],
        "masks": [
            "cam_overlay",
            "class_legend",
            "colour_mask",
            "error_map",
            "picture_grid",
            "samples_figure",
            "share_bars",
            "show_image",
            "show_mask",
            "show_samples",
            "strokes_figure",
        ],
        "plots": [
            "band_curves",
            "by_distance",
            "learning_curves",
            "line_names",
            "precision_bars",
            "score_curves",
            "score_dots",
            "svm_surface",
            "threshold_plot",
            "training_curves",
        ],
        "tables": [
            "beside_paper",
            "covered",
            "differences",
            "iou_heatmap",
            "judged_svms",
            "order_table",
            "styled_table",
            "write_styled",
        ],
        "weak": [
            "expansion_figure",
            "precision_against_score",
            "precision_dots",
            "score_overlays",
            "step_curves",
        ],
    },
)
