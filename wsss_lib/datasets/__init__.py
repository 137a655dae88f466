"""Data sets: the toy set, PASCAL VOC 2012, and one's own in its layout."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "load": ["CLASSES", "load_dataset", "toy_folder"],
        "classes": ["VOC", "VOID", "ClassSet"],
        "devkit": ["DevkitDataset", "Sample"],
        "images": ["write_mask"],
        "photo": ["read_photo", "read_strokes"],
        "statistics": ["class_statistics", "cooccurrence", "pixel_counts"],
        "toy": ["TOY", "TOY_VERSION", "make_toy"],
        "voc": ["prepare_voc"],
    },
)
