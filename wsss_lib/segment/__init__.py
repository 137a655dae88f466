"""The segmentation network, trained with true or with pseudo masks."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "segmenter": ["Segmenter", "load_segmenter"],
        "train": ["SegmenterSettings", "train_segmenter"],
    },
)
