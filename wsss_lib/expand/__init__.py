"""From labelled pixels to a mask: the sampling and the image-specific classifier."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "image": ["Expansion", "NearestSample", "expand"],
        "svm": ["ImageSVM"],
        "product": ["ProductSVM"],
        "pooled": ["pool_samples"],
        "noise": ["corrupt"],
        "sampling": [
            "SAMPLES_PER_CLASS",
            "PixelSamples",
            "coverage_by_n",
            "draw_samples",
            "sample_coverage",
            "sample_mask",
        ],
        "strokes": ["paint_stroke", "stroke_samples"],
    },
)
