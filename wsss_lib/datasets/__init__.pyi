__all__ = [
    "CLASSES",
    "TOY",
    "TOY_VERSION",
    "VOC",
    "VOID",
    "ClassSet",
    "DevkitDataset",
    "Sample",
    "class_statistics",
    "load_dataset",
    "make_toy",
    "pixel_counts",
    "prepare_voc",
    "read_photo",
    "read_sbd_mask",
    "read_strokes",
    "toy_folder",
    "write_mask",
]

from .classes import VOC, VOID, ClassSet
from .devkit import DevkitDataset, Sample
from .images import read_photo, write_mask
from .load import CLASSES, load_dataset, toy_folder
from .statistics import class_statistics, pixel_counts
from .strokes import read_strokes
from .toy import TOY, TOY_VERSION, make_toy
from .voc import prepare_voc, read_sbd_mask
