__all__ = ["Segmenter", "SegmenterSettings", "load_segmenter", "train_segmenter"]

from .segmenter import Segmenter, load_segmenter
from .train import SegmenterSettings, train_segmenter
