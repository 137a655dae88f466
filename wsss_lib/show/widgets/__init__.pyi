__all__ = ["LayerExplorer", "StrokePainter"]

from .explorer import LayerExplorer
from .strokes import StrokePainter
