"""Figures on disk: the picture, the numbers behind it, and where both come from."""

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from tqdm.auto import tqdm

from wsss_lib.files import atomic_path, write_text
from wsss_lib.paths import figures_dir, shown

_LIBRARIES = ("matplotlib", "numpy", "scikit-learn", "torch", "torchvision")


def save_figure(
    figure: Figure,
    name: str,
    *,
    data: pd.DataFrame,
    params: Mapping[str, object],
    notebook: str,
    alt: str,
    also: Sequence[str] = (),
    float_format: str = "%.6g",
) -> Path:
    """Write ``figures/<dataset>/<name>.png``, its numbers as CSV, and an entry in the manifest.

    Parameters
    ----------
    figure : Figure
    name : str
        The file's name without ending.
    data : DataFrame
        The numbers that the figure shows; its index is written when it has a name.
    params : mapping
        The notebook's parameters; ``DATASET`` names the folder.
    notebook : str
        Which notebook made it.
    alt : str
        One sentence that describes the picture, for readers who cannot see it.
    also : sequence of str
        Files of the same folder that belong to the figure and were written by other means.
    float_format : str
        Of the numbers in the CSV.

    Returns
    -------
    Path
        The folder.
    """
    folder = figures_dir(str(params["DATASET"]))
    picture, numbers = f"{name}.png", f"{name}.csv"
    index = data.index.name is not None
    write_text(folder / numbers, data.to_csv(index=index, float_format=float_format))
    with atomic_path(folder / picture) as temporary:
        # no date and no version inside: the same figure gives the same bytes
        figure.savefig(temporary, dpi=150, bbox_inches="tight", metadata={"Software": None})
    entry = {
        "alt": alt,
        "files": [picture, numbers, *also],
        "notebook": notebook,
        "params": dict(params),
        "versions": {library: version(library) for library in _LIBRARIES},
    }
    manifest = dict(sorted((read_manifest(folder) | {name: entry}).items()))
    write_text(folder / "manifest.json", json.dumps(manifest, indent=2) + "\n")
    return folder


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
