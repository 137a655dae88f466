__all__ = [
    "SAMPLES_PER_CLASS",
    "Expansion",
    "ImageSVM",
    "NearestSample",
    "PixelClassifier",
    "PixelSamples",
    "ProductSVM",
    "corrupt",
    "coverage_by_n",
    "draw_samples",
    "expand",
    "one_vs_rest_maps",
    "paint_stroke",
    "pool_samples",
    "sample_coverage",
    "sample_mask",
    "simulate_strokes",
    "stroke_samples",
]

from .image import Expansion, NearestSample, expand
from .noise import corrupt
from .pixels import PixelClassifier
from .pooled import pool_samples
from .product import ProductSVM
from .sampling import (
    SAMPLES_PER_CLASS,
    PixelSamples,
    coverage_by_n,
    draw_samples,
    sample_coverage,
    sample_mask,
    simulate_strokes,
)
from .strokes import paint_stroke, stroke_samples
from .svm import ImageSVM, one_vs_rest_maps
