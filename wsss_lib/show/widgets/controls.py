"""The controls of the layer explorer: what is asked of `wsss_lib.evaluate.explore.explore`."""

from collections.abc import Callable, Mapping, Sequence

import ipywidgets as widgets
import numpy as np

from wsss_lib.evaluate.explore import GROUND_TRUTH, SeedSource
from wsss_lib.evaluate.rows.settings import Setting
from wsss_lib.expand.localise import Localiser
from wsss_lib.expand.selection import SELECTIONS
from wsss_lib.expand.svm import KERNELS
from wsss_lib.show.widgets.choices import FeatureChoice, ImageChoice

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
