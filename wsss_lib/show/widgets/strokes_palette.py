"""The classes to paint with: a button in the colour of each, and a name that can be typed."""

from collections.abc import Sequence

import ipywidgets as widgets

from wsss_lib.datasets.classes import VOC, VOID, palette
from wsss_lib.errors import ParameterError

#: A larger mask would have colours that look alike.
MOST = len(VOC)


class ClassPalette(widgets.VBox):
    """Choose a class, or the eraser; type its name; add one more.

    Parameters
    ----------
    names : sequence of str
        Of the classes 0, 1, 2, ...

    Attributes
    ----------
    label : int
        What is painted with: a class, or 255, the eraser.
    buttons : list of Button
        One a class.
    fields : list of Text
        The names.
    eraser, more : Button

    Raises
    ------
    ParameterError
        If there are fewer than two names, or more than 21.
    """

    def __init__(self, names: Sequence[str]) -> None:
        if not 2 <= len(names) <= MOST:
            raise ParameterError(f"{len(names)} names of classes; expected 2 to {MOST}.")
        super().__init__()
        self.buttons, self.fields = [], []
        self.eraser = widgets.Button(description="eraser", layout={"width": "50%"})
        self.more = widgets.Button(description="add a class", icon="plus", layout={"width": "50%"})
        self.eraser.on_click(lambda _: self.choose(VOID))
        self.more.on_click(lambda _: self.add(f"class {len(self.buttons)}"))
        for name in names:
            self.add(name)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all classes."""
        return tuple(field.value for field in self.fields)

    def add(self, name: str) -> None:
        """Add a class and paint with it."""
        label = len(self.buttons)
        text = "#fff" if palette()[label].mean() < 128 else "#000"
        button = widgets.Button(
            tooltip=f"Paint with class {label}",
            style={"button_color": css(label), "text_color": text},
            layout={"width": "56px", "border": "1px solid rgba(128, 128, 128, .6)"},
        )
        button.on_click(lambda _: self.choose(label))
        field = widgets.Text(name, layout={"flex": "1 1 0", "width": "auto"})
        self.buttons.append(button)
        self.fields.append(field)
        rows = [widgets.HBox(pair) for pair in zip(self.buttons, self.fields, strict=True)]
        self.children = [*rows, widgets.HBox([self.eraser, self.more])]
        self.more.disabled = label + 1 == MOST
        self.choose(label)

    def choose(self, label: int) -> None:
        """Paint with a class from now on, or with the eraser (255)."""
        self.label = label
        for place, button in enumerate(self.buttons):
            button.icon = "pencil" if place == label else ""
            button.description = "" if place == label else str(place)
        self.eraser.icon = "eraser" if label == VOID else ""


def css(label: int) -> str:
    """The colour of a label in VOC's palette as CSS knows it."""
    return "#" + bytes(palette()[label]).hex()
