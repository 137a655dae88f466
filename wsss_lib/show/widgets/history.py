"""What was tried in the layer explorer, to be looked at and saved."""

from pathlib import Path

import ipywidgets as widgets
import pandas as pd

from wsss_lib.datasets.classes import ClassSet
from wsss_lib.errors import StoreError
from wsss_lib.evaluate.exploration import Exploration, history
from wsss_lib.files import write_text
from wsss_lib.paths import output_dir, shown
from wsss_lib.show.widgets.page import error_html, history_html, piece


class History(widgets.VBox):
    """A table that grows by a line with every result, and a button that saves it as CSV.

    Parameters
    ----------
    classes : ClassSet

    Attributes
    ----------
    table : DataFrame
        See `wsss_lib.evaluate.exploration.history`.
    path : Text
        Where it is saved: by default ``build/explorer_history.csv`` in `output_dir`.
    said : HTML
        Where it was saved, or why not.
    """

    def __init__(self, classes: ClassSet) -> None:
        self._classes = classes
        self.table = pd.DataFrame()
        self._shown, self.said = widgets.HTML(layout={"width": "100%"}), widgets.HTML()
        self.path = widgets.Text(
            value=shown(output_dir() / "build" / "explorer_history.csv"),
            continuous_update=False,
            layout={"width": "24em"},
        )
        self.button = widgets.Button(description="Save as CSV", icon="download")
        self.button.on_click(self._save_and_say)
        below = widgets.HBox([self.button, self.path, self.said])
        super().__init__([self._shown, below])

    def add(self, result: Exploration) -> None:
        """Add a line."""
        self.table = pd.concat([self.table, history([result], self._classes)], ignore_index=True)
        self._shown.value = history_html(self.table)

    def save(self) -> Path:
        """Write the table to `path`, see there.

        Raises
        ------
        StoreError
            If that cannot be done.
        """
        path = Path(self.path.value.strip()).expanduser()
        try:
            return write_text(path, self.table.to_csv(index=False, float_format="%.6g"))
        except OSError as error:
            raise StoreError(
                f"Cannot write {shown(path)} ({error.strerror}). Give the path of a file in a "
                "folder that you may write to."
            ) from None

    def _save_and_say(self, _button: object) -> None:
        try:
            self.said.value = piece(f"Saved: {shown(self.save())}", "quiet")
        except StoreError as error:
            self.said.value = error_html(str(error))
