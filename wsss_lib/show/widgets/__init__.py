"""Widgets: shells round pure functions, which do all the work."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "explorer": ["LayerExplorer"],
        "strokes": ["StrokePainter"],
    },
)
