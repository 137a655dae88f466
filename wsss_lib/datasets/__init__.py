"""Data sets: the toy set, PASCAL VOC 2012, and one's own in its layout."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
