"""Figures and tables: functions that take an axes and give back what they drew."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["widgets"],
    submod_attrs={
        "data": ["area_boxes", "class_colours", "palette_chart"],
        "diagrams": ["arrow_table", "draw_pipelines", "kit_map", "map_table"],
        "features": ["channel_mosaic", "pca_rgb"],
        "figures": ["save_figure"],
        "masks": [
            "cam_overlay",
            "class_legend",
            "colour_mask",
            "error_map",
            "expansion_figure",
            "exploration_figure",
            "one_vs_rest_maps",
            "picture_grid",
            "samples_figure",
            "show_image",
            "show_samples",
            "strokes_figure",
        ],
        "paper": ["FIGURE1", "FIGURE5", "methods_plot", "pseudo_against_segmentation"],
        "plots": [
            "LOOKS",
            "bars",
            "by_distance",
            "curves",
            "dots",
            "iou_heatmap",
            "line_looks",
            "line_names",
        ],
        "tables": [
            "beside_paper",
            "covered",
            "differences",
            "order_table",
            "styled_table",
            "write_styled",
        ],
    },
)
