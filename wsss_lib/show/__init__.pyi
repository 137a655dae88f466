__all__ = [
    "FIGURE1",
    "FIGURE5",
    "LOOKS",
    "NotebookRun",
    "apart",
    "arrow_table",
    "bars",
    "beside_paper",
    "by_distance",
    "cam_overlay",
    "channel_mosaic",
    "class_colours",
    "class_legend",
    "colour_mask",
    "covered",
    "curves",
    "differences",
    "dots",
    "draw_pipelines",
    "error_map",
    "expansion_figure",
    "exploration_figure",
    "iou_heatmap",
    "kit_map",
    "line_looks",
    "line_names",
    "map_table",
    "masks_figure",
    "methods_plot",
    "order_table",
    "pca_rgb",
    "picture_grid",
    "pseudo_against_segmentation",
    "samples_figure",
    "show_image",
    "show_samples",
    "strokes_figure",
    "styled_table",
    "verdict_plot",
    "verdict_table",
    "widgets",
    "write_styled",
]

from . import widgets
from .diagrams import arrow_table, draw_pipelines, kit_map, map_table
from .features import channel_mosaic, pca_rgb
from .figures import NotebookRun
from .masks import (
    cam_overlay,
    class_colours,
    class_legend,
    colour_mask,
    error_map,
    expansion_figure,
    exploration_figure,
    masks_figure,
    picture_grid,
    samples_figure,
    show_image,
    show_samples,
    strokes_figure,
)
from .paper import FIGURE1, FIGURE5, methods_plot, pseudo_against_segmentation
from .plots import LOOKS, bars, by_distance, curves, dots, iou_heatmap, line_looks, line_names
from .tables import beside_paper, covered, differences, order_table, styled_table, write_styled
from .verdicts import apart, verdict_plot, verdict_table
