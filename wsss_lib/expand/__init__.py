"""From labelled pixels to a mask: the sampling and the image-specific classifier."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
