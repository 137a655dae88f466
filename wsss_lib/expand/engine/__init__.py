"""The engine of the image-specific SVM: exact fits and predictions on small feature maps.

The modules with compiled loops are loaded on first use: importing numba takes a second, which not
every command has.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, ["compiled", "predict", "smo"])
