"""A study kit of image-specific classifiers for weakly supervised semantic segmentation.

The code is laid out as the data flows, and imports run one way along it::

    datasets -> classify -> features -> expand -> weak -> segmentation -> evaluate -> show
        -> studies

Packages and names load on first use: ``from wsss_lib import datasets, expand, show``. One function
stands on top, `segment`: a photograph and some strokes in, a mask out.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
