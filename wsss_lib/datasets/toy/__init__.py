"""The toy set: made by the library in seconds, in VOC devkit layout, read by the same reader.

It checks the code and teaches the method; it is no evidence for the paper. Its classes differ in
shape and texture while objects and background share the colours of their image, so the pixels'
colours alone separate them badly. Two classes always appear with a companion that belongs to the
background (a fish with weed, a basket with a wall), so image-level labels cannot tell them apart;
the masks of companions are in ``Companions/``.
"""

from wsss_lib.datasets.toy.scenes import TOY
from wsss_lib.datasets.toy.write import TOY_VERSION, make_toy

__all__ = ["TOY", "TOY_VERSION", "make_toy"]
