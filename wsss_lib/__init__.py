"""A study kit of image-specific classifiers for weakly supervised semantic segmentation.

The code is laid out as the data flows, and imports run one way along it::

    datasets -> classify -> features -> expand -> evaluate -> show
"""
