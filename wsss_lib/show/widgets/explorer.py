"""The layer explorer: controls on the left, what `explore` makes of them on the right."""

from collections.abc import Mapping, Sequence

import ipywidgets as widgets
import pandas as pd

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.datasets import DevkitDataset
from wsss_lib.evaluate.exploration import Exploration, explore, history
from wsss_lib.expand.sampling import check_samples
from wsss_lib.features import KNOWN_LAYERS
from wsss_lib.show.widgets import page
from wsss_lib.show.widgets.controls import Controls
from wsss_lib.show.widgets.latest import LatestWins
from wsss_lib.weak.seeds import Localiser


class LayerExplorer(widgets.VBox):
    """Choose an image, a feature, the samples and the SVM; see samples, mask, errors, scores, cost.

    The first choice is computed at once, so a headless run fails with its error. After that the
    explorer follows its controls on a thread, where a newer choice takes the place of an older one,
    and an error shows in red; `wait` raises it.

    Parameters
    ----------
    dataset : DevkitDataset
    backbone : BackboneSpec or None
        The network behind F1..F5.
    layers : sequence of str
        What can be chosen.
    seeds : mapping of str to Localiser, optional
        Whose seeds samples may come from, besides ground truth, by name: ``SIPE``, say.
    image, layer : str, optional
        What is chosen first; the first ones when left out. The layer may be several: ``F1+F3``.
    samples : int
        The first number of samples per class.
    max_samples : int
        The end of the slider.
    seed : int
        Of the sampling.
    background : bool
        Whether to compute on a thread; else a control returns when all is drawn, and raises.

    Attributes
    ----------
    result : Exploration
        What is shown now.
    kept : Exploration or None
        What is shown above it for comparison.
    history : DataFrame
        All that was tried, see `wsss_lib.evaluate.exploration.history`.
    controls : Controls
    keep, forget : Button
    status : HTML
        That it computes, an error in red, or nothing.

    Raises
    ------
    ParameterError
        If an initial choice is not among the options, or as `explore` raises it.
    """

    def __init__(
        self,
        dataset: DevkitDataset,
        backbone: BackboneSpec | None,
        layers: Sequence[str] = KNOWN_LAYERS,
        *,
        seeds: Mapping[str, Localiser] | None = None,
        image: str | None = None,
        layer: str | None = None,
        samples: int = 300,
        max_samples: int = 2500,
        seed: int = 0,
        background: bool = True,
    ) -> None:
        check_samples(samples)
        self._dataset, self._backbone, self._seed = dataset, backbone, seed
        self.controls = Controls(
            dataset.ids,
            layers,
            seeds or {},
            image=image or dataset.ids[0],
            layer=layer or layers[0],
            samples=samples,
            max_samples=max_samples,
        )
        self.result: Exploration | None = None
        self.kept: Exploration | None = None
        self.history = pd.DataFrame()
        self._latest = LatestWins(self._explore, background)
        self.status = self._latest.status
        super().__init__([widgets.HTML(page.STYLE), *self._arranged()])
        self._latest.answer()
        self.controls.watch(self._latest.ask)

    def wait(self) -> None:
        """Wait for the answer to the newest choice, and raise its error if there is one."""
        self._latest.wait()

    def _arranged(self) -> list[widgets.Widget]:
        """Make all that is shown."""
        self._above, self._now, self._scores, self._tried = (
            widgets.HTML(layout={"width": "100%"}) for _ in range(4)
        )
        self.keep = widgets.Button(
            description="Keep as A",
            tooltip="Keep this result beside the next ones",
            icon="thumbtack",
        )
        self.forget = widgets.Button(description="Forget A", disabled=True)
        self.keep.on_click(lambda _: self._keep(self.result))
        self.forget.on_click(lambda _: self._keep(None))
        bar = widgets.HBox([self.keep, self.forget, self.status])
        self.controls.layout.flex = "0 0 300px"
        right = widgets.VBox(
            [bar, self._above, self._now, self._scores], layout={"flex": "1 1 0", "min_width": "0"}
        )
        tried = widgets.Accordion([self._tried], titles=["Everything tried"])
        return [widgets.HBox([self.controls, right], layout={"grid_gap": "20px"}), tried]

    def _explore(self) -> str:
        """Compute and show what the controls say, unless they say something newer by then."""
        setting = self.controls.setting(self._seed)
        self._now.add_class("wsss-busy")
        try:
            result = explore(
                self._dataset,
                self._backbone,
                self.controls.image.value,
                setting.feature,
                setting.samples,
                setting.seed,
                setting.svm(threads=None),
                self.controls.seed_source(),
            )
        finally:
            self._now.remove_class("wsss-busy")
        if not self._latest.outdated:
            tried = [self.history, history([result], self._dataset.classes)]
            self.result, self.history = result, pd.concat(tried, ignore_index=True)
            self.controls.below_image.value = page.image_html(result.sample)
            self._tried.value = page.history_html(self.history)
            self._show()
        return ""

    def _keep(self, result: Exploration | None) -> None:
        self.kept = result
        self.forget.disabled = result is None
        self._above.value = page.result_html(result, "A") if result else ""
        self._show()

    def _show(self) -> None:
        """Show the result and its scores, beside those of the one that is kept."""
        results = {"A": self.kept, "B": self.result} if self.kept else {"now": self.result}
        self._now.value = page.result_html(self.result, "B" if self.kept else "now")
        self._scores.value = page.scores_html(results, self._dataset.classes)
