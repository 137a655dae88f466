"""Two controls made of several: an image of a list, and a feature of one layer or more."""

from collections.abc import Sequence

import ipywidgets as widgets
import traitlets

from wsss_lib.errors import ParameterError
from wsss_lib.features import check_layers, split_feature

#: How layers are put together, by the sign in the feature's name.
_WAYS = {"one": "", "joined +": "+", "product *": "*"}
_TELLS = (
    "One layer",
    "Layers joined: their channels are concatenated (section 4.2)",
    "Layers multiplied: the product of their RBF kernels, each with its own gamma",
)


class ImageChoice(widgets.HBox):
    """A menu of images with a button to either side.

    Parameters
    ----------
    ids : sequence of str
    first : str
        One of them.

    Attributes
    ----------
    value : str
        The id that is chosen.

    Raises
    ------
    ParameterError
        If an id is chosen that is not there.
    """

    value = traitlets.Unicode()

    def __init__(self, ids: Sequence[str], first: str) -> None:
        self._ids = list(ids)
        check_choice("image", first, ids)
        self._menu = widgets.Dropdown(
            options=ids, value=first, layout={"flex": "1 1 0", "min_width": "0"}
        )
        self.before = _arrow("chevron-left", "The image before")
        self.after = _arrow("chevron-right", "The next image")
        super().__init__([self.before, self._menu, self.after], value=first)
        traitlets.link((self, "value"), (self._menu, "value"))
        self.before.on_click(lambda _: self._step(-1))
        self.after.on_click(lambda _: self._step(1))
        self.observe(self._show, names="value")
        self._show()

    @traitlets.validate("value")
    def _check(self, proposal: dict) -> str:
        check_choice("image", proposal["value"], self._ids)
        return proposal["value"]

    def _step(self, by: int) -> None:
        self.value = self._ids[self._ids.index(self.value) + by]

    def _show(self, _change: object = None) -> None:
        place = self._ids.index(self.value)
        self.before.disabled, self.after.disabled = place == 0, place == len(self._ids) - 1


class FeatureChoice(widgets.VBox):
    """Layers to switch on, one or several, and how they are put together.

    Parameters
    ----------
    layers : sequence of str
    first : str
        One of them, or several such as ``F1+F3``.

    Attributes
    ----------
    value : str
        The feature, see `wsss_lib.features.split_feature`.
    chips : dict of str to ToggleButton
        One a layer.
    way : ToggleButtons
        ``""`` for one layer, else the sign.

    Raises
    ------
    ParameterError
        If a layer is chosen that is not there.
    """

    value = traitlets.Unicode()

    def __init__(self, layers: Sequence[str], first: str) -> None:
        check_layers(layers)
        self.chips = {
            layer: widgets.ToggleButton(description=layer, layout={"width": "38px", "padding": "0"})
            for layer in layers
        }
        self.way = widgets.ToggleButtons(
            options=_WAYS, tooltips=_TELLS, style={"button_width": "92px"}
        )
        chips = widgets.Box(list(self.chips.values()), layout={"flex_flow": "row wrap"})
        super().__init__([self.way, chips])
        self._showing = False
        self.value = first
        self._show()
        self.observe(self._show, names="value")
        for button in (self.way, *self.chips.values()):
            button.observe(self._switched, names="value")

    @traitlets.validate("value")
    def _check(self, proposal: dict) -> str:
        for layer in split_feature(proposal["value"])[0]:
            check_choice("layer", layer, list(self.chips))
        return proposal["value"]

    def _switched(self, change: dict) -> None:
        """Follow a button: the last layer stays on, and where one is wanted the newest does."""
        if self._showing:
            return
        button, sign = change["owner"], self.way.value
        on = [layer for layer, chip in self.chips.items() if chip.value] or [button.description]
        if not sign:
            on = [button.description] if button is not self.way else on[:1]
        self.value = sign.join(on)
        self._show()  # where the value stayed, the buttons have to go back

    def _show(self, _change: object = None) -> None:
        """Switch the buttons to where the value is."""
        layers, sign = split_feature(self.value)
        self._showing = True
        self.way.value = sign or self.way.value
        for layer, chip in self.chips.items():
            chip.value = layer in layers
            chip.button_style = "info" if chip.value else ""
        self._showing = False


def check_choice(what: str, value: str, choices: Sequence[str]) -> None:
    """Raise ParameterError unless a value is among the choices, of which it names some."""
    if value not in choices:
        more = ", ..." if len(choices) > 7 else ""
        raise ParameterError(
            f"No {what} {value!r} here; expected one of {', '.join(choices[:7])}{more}."
        )


def _arrow(icon: str, tooltip: str) -> widgets.Button:
    return widgets.Button(icon=icon, tooltip=tooltip, layout={"width": "2.4em"})
