"""Two controls made of several: an image of a list, and a feature of one layer or more."""

from collections.abc import Callable, Mapping, Sequence

import ipywidgets as widgets
import numpy as np
import traitlets

from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.exploration import GROUND_TRUTH, SeedSource
from wsss_lib.evaluate.settings import Setting
from wsss_lib.expand.svm import KERNELS
from wsss_lib.features import check_layers, split_feature
from wsss_lib.weak.seeds import Localiser
from wsss_lib.weak.selection import SELECTIONS

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


#: Multiples of the scale gamma to choose from.
GAMMAS = ("0.01xscale", "0.1xscale", "0.3xscale", "scale", "3xscale", "10xscale", "100xscale")
_LABEL = {"description_width": "5.2em"}
_WIDE = {"width": "auto"}


class Controls(widgets.VBox):
    """Image, feature, samples and SVM.

    Parameters
    ----------
    ids, layers : sequence of str
        What can be chosen.
    seeds : mapping of str to Localiser
        Whose seeds samples may come from, by name.
    image, layer, samples
        What is chosen first.
    max_samples : int
        The end of the slider.
    seed : int
        Of the sampling.
    look : str
        Of the seeds, see `SeedSource`.

    Attributes
    ----------
    image, layer, samples, source, selection, kernel, cost, gamma
        The controls; each has a ``value``.
    below_image : HTML
        A place for the image that is chosen.

    Raises
    ------
    ParameterError
        If what is chosen first is no choice.
    """

    def __init__(
        self,
        ids: Sequence[str],
        layers: Sequence[str],
        seeds: Mapping[str, Localiser],
        *,
        image: str,
        layer: str,
        samples: int,
        max_samples: int,
        seed: int,
        look: str,
    ) -> None:
        self._seeds, self._seed, self._look = seeds, seed, look
        self.image = ImageChoice(ids, image)
        self.layer = FeatureChoice(layers, layer)
        self.samples = _log_slider(samples, 1, max(samples, max_samples), "n a class", ".0f")
        self.source = _dropdown([GROUND_TRUTH, *seeds], "labels of")
        self.selection = _dropdown(SELECTIONS, "selected")
        self.kernel = _dropdown(KERNELS, "kernel")
        self.cost = _log_slider(1, 0.01, 1000, "C", ".3g")
        self.gamma = widgets.SelectionSlider(
            options=GAMMAS,
            value="scale",
            description="gamma",
            continuous_update=False,
            style=_LABEL,
            layout=_WIDE,
        )
        self.below_image = widgets.HTML(layout=_WIDE)
        super().__init__(
            [
                _heading("Image"),
                *(self.image, self.below_image),
                _heading("Feature"),
                self.layer,
                _heading("Samples"),
                *(self.source, self.selection, self.samples),
                _heading("SVM"),
                *(self.kernel, self.cost, self.gamma),
            ]
        )
        self._disable()

    def watch(self, changed: Callable[[], None]) -> None:
        """Call a function whenever a choice changes."""

        def told(_change: object) -> None:
            self._disable()
            changed()

        for control in (self.image, self.layer, self.samples, self.source, self.selection):
            control.observe(told, names="value")
        for control in (self.kernel, self.cost, self.gamma):
            control.observe(told, names="value")

    def setting(self) -> Setting:
        """What is chosen; the kernel of a product is RBF, whatever the menu says."""
        return Setting(
            self.layer.value,
            round(self.samples.value),
            kernel="rbf" if self.kernel.disabled else self.kernel.value,
            C=self.cost.value,
            gamma=self.gamma.value,
            seed=self._seed,
        )

    def seed_source(self) -> SeedSource | None:
        """Where samples come from; None for ground truth."""
        name = self.source.value
        if name == GROUND_TRUTH:
            return None
        return SeedSource(name, self._seeds[name], self.selection.value, self._look)

    def _disable(self) -> None:
        """Switch off what has no effect."""
        self.kernel.disabled = "*" in self.layer.value
        self.gamma.disabled = self.setting().kernel == "linear"
        self.selection.disabled = self.source.value == GROUND_TRUTH


def _heading(text: str) -> widgets.HTML:
    return widgets.HTML(f"<b>{text}</b>", layout={"margin": "6px 2px 0"})


def _dropdown(options: Sequence[str], description: str) -> widgets.Dropdown:
    return widgets.Dropdown(options=options, description=description, style=_LABEL, layout=_WIDE)


def _log_slider(
    value: float, low: float, high: float, description: str, readout: str
) -> widgets.FloatLogSlider:
    return widgets.FloatLogSlider(
        value=value,
        min=np.log10(low),
        max=np.log10(high),
        step=0.1,
        description=description,
        readout_format=readout,
        continuous_update=False,
        style=_LABEL,
        layout=_WIDE,
    )
