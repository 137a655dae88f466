"""What a notebook gives: figures with the numbers behind them and where both come from, answers."""

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.figure import Figure
from tqdm.auto import tqdm

from wsss_lib.files import atomic_path, write_text
from wsss_lib.paths import figures_dir, notebooks_dir, shown

if TYPE_CHECKING:  # torch and IPython are only wanted by who has one already
    from IPython.display import Markdown

    from wsss_lib.classify.backbones import Backbone
    from wsss_lib.training import Trained

_LIBRARIES = ("matplotlib", "numpy", "scikit-learn", "torch", "torchvision")
#: Of a parameter; other names in capitals, such as a matrix X, are none.
_VALUES = (str, int, float, list, dict, type(None))


class NotebookRun:
    """One run of a notebook: what it computes with, written beside each figure that it makes.

    Parameters
    ----------
    notebook : str
        Its name without ending.
    names : mapping of str to object
        The notebook's ``globals()``. The parameters are its names in capitals, as they are when a
        figure is saved; ``DATASET`` names the folder.

    Attributes
    ----------
    made_with : dict
        JSON values that determine the figures and are no parameters, such as checkpoints.
    """

    def __init__(self, notebook: str, names: Mapping[str, object]) -> None:
        self.notebook, self.names, self.made_with = notebook, names, {}

    def uses(self, network: "Backbone | Trained") -> None:
        """Note the weights of a network, and the name of a backbone, which is a choice."""
        weights = network.weights
        self.made_with |= {"WEIGHTS_NAME": weights.name, "WEIGHTS_SHA256": weights.sha256}
        if name := getattr(network, "name", None):
            self.made_with["BACKBONE"] = name

    def answer(
        self, *sentences: str, photographs: str = "", agrees: bool | None = None
    ) -> "Markdown":
        """What the notebook found, in sentences.

        Parameters
        ----------
        *sentences : str
            Each with numbers of this run.
        photographs : str
            A sentence from the stored results, see `stored`.
        agrees : bool, optional
            Whether a run on toy says the same as the photographs; None where it cannot tell.
        """
        from IPython.display import Markdown

        toy = self.names["DATASET"] == "toy"
        lines = [
            f"**This run ({self.names['DATASET']})**",
            "",
            *(f"- {each}" for each in sentences),
        ]
        if photographs:
            word = {True: " Toy says the same.", False: " **Toy says otherwise: believe these.**"}
            lines += ["", photographs + (word.get(agrees, "") if toy else "")]
        return Markdown("\n".join(lines))

    def save(
        self,
        figure: Figure,
        name: str,
        table: pd.DataFrame,
        alt: str,
        *,
        also: Sequence[str] = (),
    ) -> Path:
        """Write ``figures/<dataset>/<name>.png``, its numbers as CSV, and an entry in the manifest.

        Parameters
        ----------
        figure : Figure
        name : str
            The file's name without ending.
        table : DataFrame
            The numbers that the figure shows; its index is written when it has a name.
        alt : str
            One sentence that describes the picture, for readers who cannot see it.
        also : sequence of str
            Files of the same folder that belong to the figure and were written by other means.

        Returns
        -------
        Path
            The folder.
        """
        parameters = {
            key: value
            for key, value in self.names.items()
            if key.isupper() and isinstance(value, _VALUES)
        }
        folder = figures_dir(parameters["DATASET"])
        picture, numbers = f"{name}.png", f"{name}.csv"
        index = table.index.name is not None
        write_text(folder / numbers, table.to_csv(index=index, float_format="%.6g"))
        with atomic_path(folder / picture) as temporary:
            # no date and no version inside: the same figure gives the same bytes
            figure.savefig(temporary, dpi=150, bbox_inches="tight", metadata={"Software": None})
        entry = {
            "alt": alt,
            "files": [picture, numbers, *also],
            "notebook": self.notebook,
            "params": parameters | self.made_with,
            "versions": {library: version(library) for library in _LIBRARIES},
        }
        manifest = dict(sorted((read_manifest(folder) | {name: entry}).items()))
        write_text(folder / "manifest.json", json.dumps(manifest, indent=2) + "\n")
        return folder


def stored(name: str) -> pd.DataFrame:
    """A table of the results on photographs: ``results/<name>``, which a command there repeats."""
    return pd.read_csv(notebooks_dir().parent / "results" / name)


def with_interval(row: Mapping[str, float], value: str = "mean", unit: str = "%") -> str:
    """A number with its interval: ``91.7 % (90.1 to 93.0)``, ``+1.2 points (0.3 to 2.1)``.

    Parameters
    ----------
    row : mapping of str to float
        With `value` and its interval, ``<value>_low`` and ``<value>_high``.
    value : str
    unit : str
        Points are differences, and have a sign.
    """
    number = format(row[value], "+.1f" if unit == "points" else ".1f")
    return f"{number} {unit} ({row[f'{value}_low']:.1f} to {row[f'{value}_high']:.1f})"


def read_manifest(folder: Path) -> dict[str, dict]:
    """The entries of the figures in a folder, by name.

    A manifest that is damaged or another program's is put aside, which is said.
    """
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        if all({"alt", "notebook"} <= set(entry) for entry in manifest.values()):
            return manifest
    except FileNotFoundError:
        return {}
    except (ValueError, AttributeError, TypeError):  # no JSON, no object, no objects in it
        pass
    aside = path.replace(path.with_name("manifest.damaged.json"))
    tqdm.write(
        f"{shown(path)} is no manifest of figures; it is {aside.name} now. Run the notebooks again "
        "for the entries of their figures."
    )
    return {}
