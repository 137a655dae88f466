"""The layer explorer: controls, and beside or below them what `explore` makes of them."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

import ipywidgets as widgets
import pandas as pd

from wsss_lib.classify.spec import BackboneSpec
from wsss_lib.datasets import DevkitDataset
from wsss_lib.errors import DataError
from wsss_lib.evaluate.exploration import Exploration, SeedSource, explore, history
from wsss_lib.evaluate.settings import Setting
from wsss_lib.expand.sampling import check_samples
from wsss_lib.features import KNOWN_LAYERS
from wsss_lib.show.widgets import page
from wsss_lib.show.widgets.controls import Controls
from wsss_lib.show.widgets.latest import LatestWins
from wsss_lib.weak.seeds import Localiser

#: What is chosen: an image, and how it is expanded.
_Choice = tuple[str, Setting, SeedSource | None]


class LayerExplorer(widgets.VBox):
    """Choose an image, a feature, the samples and the SVM; see samples, mask, errors, scores, cost.

    The first choice is computed at once, so a headless run fails with its error. After that the
    explorer follows its controls on a thread, where a newer choice takes the place of an older one,
    and an error shows in red; `wait` raises it. What was tried once can be chosen again.

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
        What is shown beside it for comparison: another setting, on the same image.
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
        self._kept: tuple[Setting, SeedSource | None] | None = None
        self._shown: dict[_Choice, Exploration] = {}
        self._tried: set[_Choice] = set()
        self._pictured = ""
        self._latest = LatestWins(self._explore, background)
        self.status = self._latest.status
        super().__init__([widgets.HTML(page.STYLE), *self._arranged()])
        self._latest.answer()
        self._show_image()
        self.controls.watch(self._show_image)
        self.controls.watch(self._latest.ask)

    def wait(self) -> None:
        """Wait for the answer to the newest choice, and raise its error if there is one."""
        self._latest.wait()

    def _arranged(self) -> list[widgets.Widget]:
        """Make all that is shown."""
        self._beside, self._now = (
            widgets.HTML(layout={"flex": "1 1 400px", "min_width": "0"}) for _ in range(2)
        )
        self._scores = widgets.HTML()
        self.keep = widgets.Button(
            description="Keep as A",
            tooltip="Keep this setting beside the next ones, on whatever image",
            icon="thumbtack",
        )
        self.forget = widgets.Button(description="Forget A", disabled=True)
        self.keep.on_click(lambda _: self._keep(self._choice[1:]))
        self.forget.on_click(lambda _: self._keep(None))
        bar = widgets.HBox([self.keep, self.forget, self.status], layout={"flex_flow": "row wrap"})
        self._sides = widgets.HBox(layout={"flex_flow": "row wrap", "grid_gap": "4px 20px"})
        self._answer = widgets.VBox([self._sides, self._scores])
        right = widgets.VBox([bar, self._answer], layout={"flex": "1 1 320px", "min_width": "0"})
        self.controls.layout.flex = "0 0 300px"
        both = widgets.HBox([self.controls, right])
        both.layout = {"flex_flow": "row wrap", "grid_gap": "20px"}
        self._lines = widgets.GridBox()
        self._lines.add_class("wsss-lines")
        return [both, widgets.Accordion([self._lines], titles=["Everything tried"])]

    def _show_image(self) -> None:
        """Show the image that is chosen; that it cannot be read is said by the answer."""
        if self._pictured == (image := self.controls.image.value):
            return
        self._pictured, picture = image, ""
        with suppress(DataError):
            picture = page.image_html(self._dataset.sample(image))
        self.controls.below_image.value = picture

    def _keep(self, way: tuple | None) -> None:
        self._kept = way
        self._latest.ask()

    def _explore(self) -> str:
        """Compute and show what the controls say, unless they say something newer by then."""
        choice = (self.controls.image.value, *self.controls.way(self._seed))
        kept = self._kept
        wanted = {"A": (choice[0], *kept), "B": choice} if kept else {"now": choice}
        self._answer.add_class("wsss-busy")
        try:
            results = {
                each: self._shown.get(each) or self._compute(*each) for each in wanted.values()
            }
            if not self._latest.outdated:
                self._choice, self._shown = choice, results
                self._show({tag: results[each] for tag, each in wanted.items()})
        finally:
            if not self._latest.outdated:
                self._answer.remove_class("wsss-busy")
        return ""

    def _compute(self, image: str, setting: Setting, source: SeedSource | None) -> Exploration:
        what = image, setting.feature, setting.samples, setting.seed
        return explore(self._dataset, self._backbone, *what, setting.svm(threads=None), source)

    def _show(self, results: dict[str, Exploration]) -> None:
        """Show one result, or A beside B, and the scores below; list what is new."""
        self.kept, self.result = results.get("A"), [*results.values()][-1]
        self.forget.disabled = self.kept is None
        sides = [self._beside, self._now][-len(results) :]
        for side, (tag, result) in zip(sides, results.items(), strict=True):
            side.value = page.result_html(result, tag)
        self._sides.children = sides
        self._scores.value = page.scores_html(results, self._dataset.classes)
        for choice, result in self._shown.items():
            if choice not in self._tried:
                self._list(choice, result)

    def _list(self, choice: _Choice, result: Exploration) -> None:
        """List what was tried, the newest first, with a button that chooses it again."""
        self._tried.add(choice)
        classes = self._dataset.classes
        self.history = pd.concat([self.history, history([result], classes)], ignore_index=True)
        texts = page.tried_texts(result, classes)
        again = widgets.Button(description=str(len(self._tried)), tooltip="Choose this again")
        again.on_click(lambda _: self.controls.choose(*choice))
        heading, *lines = self._lines.children or [widgets.HTML(page.cells_html(["", *texts]))]
        line = widgets.HTML(page.cells_html(texts.values()))
        self._lines.layout.grid_template_columns = f"repeat({len(texts) + 1}, max-content)"
        self._lines.children = [heading, again, line, *lines]
