"""Boxes and arrows, which diagrams are drawn from."""

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch
from matplotlib.text import Annotation, Text


def box(
    ax: Axes,
    centre: tuple[float, float],
    size: tuple[float, float],
    text: str,
    *,
    facecolor: str,
    edgecolor: str,
    linestyle: str = "-",
    **font: object,
) -> Text:
    """Draw a box with round corners and a text in its middle.

    Parameters
    ----------
    ax : Axes
    centre, size : pair of float
        x and y, width and height, in the units of the axes.
    text : str
    facecolor, edgecolor, linestyle : str
        Of the box.
    **font
        Of the text, such as ``color`` or ``weight``.

    Returns
    -------
    Text
    """
    (x, y), (width, height) = centre, size
    patch = FancyBboxPatch(
        (x - width / 2, y - height / 2),
        width,
        height,
        boxstyle="round,pad=0,rounding_size=0.1",
        facecolor=facecolor,
        edgecolor=edgecolor,
        linestyle=linestyle,
        linewidth=1.4,
    )
    ax.add_patch(patch)
    return ax.text(x, y, text, ha="center", va="center", **font)


def arrow(
    ax: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    *,
    color: str = "0.3",
    linestyle: str | tuple = "-",
    bent: bool = False,
) -> Annotation:
    """Draw an arrow, straight or with one corner.

    Parameters
    ----------
    ax : Axes
    start, end : pair of float
        x and y, in the units of the axes.
    color : str
    linestyle : str or tuple
        A name, or an offset and the lengths of dashes.
    bent : bool
        Leave upright and arrive level.

    Returns
    -------
    Annotation
        Without text: ``xyann`` is the start and ``xy`` the end.
    """
    way = "angle,angleA=90,angleB=0" if bent else "arc3"
    look = {"arrowstyle": "-|>", "color": color, "linewidth": 1.5}
    look |= {"linestyle": linestyle, "connectionstyle": way}
    return ax.annotate("", end, start, arrowprops=look)
