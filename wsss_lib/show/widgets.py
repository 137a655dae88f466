"""The layer explorer: controls round `explore` and `draw_exploration`, which do all the work."""

import traceback
from collections.abc import Sequence
from html import escape
from io import BytesIO

import ipywidgets as widgets
import matplotlib.pyplot as plt
import numpy as np

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.datasets import DevkitDataset
from wsss_lib.errors import ParameterError, WsssError
from wsss_lib.evaluate.explore import Exploration, explore
from wsss_lib.expand.sampling import check_samples
from wsss_lib.expand.svm import KERNELS, ImageSVM
from wsss_lib.features import LAYERS, check_layers
from wsss_lib.show.explorer import draw_exploration


class LayerExplorer(widgets.VBox):
    """Choose an image, a layer, the number of samples and the SVM; see samples, mask, errors, cost.

    An error shows in red below the picture and is raised again, so a headless run fails with it.

    Parameters
    ----------
    dataset : DevkitDataset
    backbone : BackboneSpec or None
        The network behind F1..F5.
    layers : sequence of str
        What can be chosen.
    image, layer : str, optional
        What is chosen first; the first ones when left out.
    samples : int
        The first number of samples a class.
    max_samples : int
        The end of the slider.
    seed : int
        Of the sampling.

    Attributes
    ----------
    result : Exploration
        What is shown now.
    image, layer, samples, kernel, cost
        The controls.
    picture : Image
        What was drawn, PNG.
    status : HTML
        The error, or nothing.

    Raises
    ------
    ParameterError
        If what is to be chosen first is no choice, or as `explore` raises it.
    """

    def __init__(
        self,
        dataset: DevkitDataset,
        backbone: BackboneSpec | None,
        layers: Sequence[str] = LAYERS,
        *,
        image: str | None = None,
        layer: str | None = None,
        samples: int = 300,
        max_samples: int = 2500,
        seed: int = 0,
    ) -> None:
        image, layer = image or dataset.ids[0], layer or layers[0]
        _check_choice("image", image, dataset.ids)
        _check_choice("layer", layer, layers)
        check_layers(layers)
        check_samples(samples)
        self._dataset, self._backbone, self._seed = dataset, backbone, seed
        self.image = widgets.Dropdown(options=dataset.ids, value=image, description="image")
        self.layer = widgets.ToggleButtons(
            options=list(layers), value=layer, description="layer", style={"button_width": "3.5em"}
        )
        self.samples = _log_slider(samples, 1, max(samples, max_samples), "n a class", ".0f")
        self.kernel = widgets.Dropdown(options=KERNELS, description="kernel")
        self.cost = _log_slider(1, 0.01, 1000, "C", ".2g")
        self.picture, self.status = widgets.Image(format="png"), widgets.HTML()
        controls = (self.image, self.layer, self.samples, self.kernel, self.cost)
        super().__init__([*controls, self.picture, self.status])
        self.redraw()
        for control in controls:
            control.observe(self.redraw, names="value")

    def redraw(self, _change: object = None) -> None:
        """Compute and draw what the controls say.

        Raises
        ------
        WsssError
            As `explore` raises it; its text is shown too.
        """
        try:
            self.result = self._explore()
            self.picture.value = _as_png(self.result, self._dataset)
        except Exception as error:
            # the text of our own errors is meant for the reader; of others all must be seen
            text = str(error) if isinstance(error, WsssError) else traceback.format_exc()
            self.status.value = f"<pre style='color: #b00020'>{escape(text)}</pre>"
            raise
        self.status.value = ""

    def _explore(self) -> Exploration:
        return explore(
            self._dataset,
            self._backbone,
            self.image.value,
            self.layer.value,
            round(self.samples.value),
            self._seed,
            ImageSVM(kernel=self.kernel.value, C=self.cost.value),
        )


def _check_choice(what: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        more = ", ..." if len(choices) > 7 else ""
        raise ParameterError(
            f"No {what} {value!r} here; expected one of {', '.join(choices[:7])}{more}."
        )


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
    )


def _as_png(result: Exploration, dataset: DevkitDataset) -> bytes:
    figure = draw_exploration(result, dataset.classes)
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=100, bbox_inches="tight")
    plt.close(figure)  # else the notebook would show it a second time
    return buffer.getvalue()
