"""What can be chosen in the layer explorer: an image, a feature, the samples and the classifier."""

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

#: Ways to put layers together, by their names: the sign in the feature's name.
_WAYS = {"one": "", "joined +": "+", "product *": "*"}
_EXPLAINED = (
    "One layer",
    "Layers joined: their channels are concatenated (section 4.2)",
    "Layers multiplied: the product of their RBF kernels, each with its own gamma",
)
#: By their names: kernels of the SVM, and what may take its place.
CLASSIFIERS = {
    "SVM, RBF": "rbf",
    "SVM, linear": "linear",
    "logistic regression": "logistic regression",
    "random forest": "random forest",
}
#: Multiples of the scale gamma to choose from.
GAMMAS = ("0.01xscale", "0.1xscale", "0.3xscale", "scale", "3xscale", "10xscale", "100xscale")


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
        One per layer.
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
            options=_WAYS, tooltips=_EXPLAINED, style={"button_width": "92px"}
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
    """Raise ParameterError, which names some of the choices, unless a value is one of them."""
    if value not in choices:
        more = ", ..." if len(choices) > 7 else ""
        raise ParameterError(
            f"No {what} {value!r} here; expected one of {', '.join(choices[:7])}{more}."
        )


class Controls(widgets.VBox):
    """Image, feature, samples and classifier.

    Parameters
    ----------
    ids, layers : sequence of str
        What can be chosen.
    seeds : mapping of str to Localiser
        Whose seeds samples may come from, by name.
    image, layer : str
        What is chosen first.
    samples, max_samples : int
        Where the slider of samples per class stands first, and where it ends.

    Attributes
    ----------
    image, layer, samples, source, selection, kernel, cost, gamma
        The controls; each has a ``value``.
    before, after : Button
        They step through the images.
    below_image : HTML
        A place for the image that is chosen.

    Raises
    ------
    ParameterError
        If an initial choice is not among the options.
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
    ) -> None:
        check_choice("image", image, ids)
        self._seeds = seeds
        self.image = widgets.Dropdown(options=ids, value=image)
        self.before = _arrow("chevron-left", "The image before", lambda: self._step(-1))
        self.after = _arrow("chevron-right", "The next image", lambda: self._step(1))
        self.below_image = widgets.HTML()
        self.layer = FeatureChoice(layers, layer)
        self.samples = _log_slider("n per class", samples, 1, max(samples, max_samples), ".0f")
        self.source = widgets.Dropdown(options=[GROUND_TRUTH, *seeds], description="labels of")
        self.selection = widgets.Dropdown(options=SELECTIONS, description="selected")
        self.kernel = widgets.Dropdown(options=CLASSIFIERS, description="kind")
        self.cost = _log_slider("C", 1, 0.01, 1000, ".3g")
        self.gamma = widgets.SelectionSlider(
            options=GAMMAS, value="scale", description="gamma", continuous_update=False
        )
        samples_and_svm = [self.source, self.selection, self.samples]
        samples_and_svm += [self.kernel, self.cost, self.gamma]
        for control in samples_and_svm:
            control.style.description_width, control.layout.width = "6.4em", "auto"
        self.image.layout = {"flex": "1 1 0", "min_width": "0"}
        parts = {
            "Image": [widgets.HBox([self.before, self.image, self.after]), self.below_image],
            "Feature": [self.layer],
            "Samples": samples_and_svm[:3],
            "Classifier": samples_and_svm[3:],
        }
        super().__init__([w for name, part in parts.items() for w in (_heading(name), *part)])
        self._watchers, self._choosing = [self._disable], False
        for control in (self.image, self.layer, *samples_and_svm):
            control.observe(self._changed, names="value")
        self._disable()

    def watch(self, changed: Callable[[], None]) -> None:
        """Call a function whenever a choice changes."""
        self._watchers.append(changed)

    def way(self, seed: int) -> tuple[Setting, SeedSource | None]:
        """How the image is expanded, and where samples come from: None is ground truth.

        The kernel of a product is RBF, whatever the menu says.
        """
        setting = Setting(
            self.layer.value,
            round(self.samples.value),
            kernel="rbf" if self.kernel.disabled else self.kernel.value,
            C=self.cost.value,
            gamma=self.gamma.value,
            seed=seed,
        )
        name = self.source.value
        if name == GROUND_TRUTH:
            return setting, None
        return setting, SeedSource(name, self._seeds[name], self.selection.value)

    def choose(self, image: str, setting: Setting, source: SeedSource | None) -> None:
        """Choose all of it, and call who watches once."""
        self._choosing = True
        self.image.value, self.layer.value = image, setting.feature
        self.samples.value, self.kernel.value = setting.samples, setting.kernel
        self.cost.value, self.gamma.value = setting.C, setting.gamma
        self.source.value = source.name if source else GROUND_TRUTH
        self.selection.value = source.selection if source else self.selection.value
        self._choosing = False
        self._changed()

    def _changed(self, _change: object = None) -> None:
        if not self._choosing:
            for watcher in self._watchers:
                watcher()

    def _step(self, by: int) -> None:
        self.image.index += by

    def _disable(self) -> None:
        """Switch off what has no effect."""
        self.before.disabled = self.image.index == 0
        self.after.disabled = self.image.index == len(self.image.options) - 1
        self.kernel.disabled = "*" in self.layer.value
        kernel = "rbf" if self.kernel.disabled else self.kernel.value
        self.cost.disabled, self.gamma.disabled = kernel not in KERNELS, kernel != "rbf"
        self.selection.disabled = self.source.value == GROUND_TRUTH


def _heading(text: str) -> widgets.HTML:
    return widgets.HTML(f"<b>{text}</b>", layout={"margin": "6px 2px 0"})


def _arrow(icon: str, tooltip: str, clicked: Callable[[], None]) -> widgets.Button:
    arrow = widgets.Button(icon=icon, tooltip=tooltip, layout={"width": "2.4em"})
    arrow.on_click(lambda _: clicked())
    return arrow


def _log_slider(
    description: str, value: float, low: float, high: float, readout: str
) -> widgets.FloatLogSlider:
    return widgets.FloatLogSlider(
        value,
        min=np.log10(low),
        max=np.log10(high),
        step=0.1,
        description=description,
        readout_format=readout,
        continuous_update=False,
    )
