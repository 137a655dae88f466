"""The pages of the site, from the templates; no page loads anything from elsewhere."""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from nbconvert import HTMLExporter
from PIL import Image
from traitlets.config import Config

from wsss_lib.paths import figures_dir
from wsss_lib.site.executed import Executed
from wsss_lib.site.static import make_static

#: The templates of our pages; ``pdoc/`` holds what the API's pages share or change.
TEMPLATES = Path(__file__).with_name("templates")

#: Pixels; twice of what the index shows, for dense screens.
THUMBNAIL = (640, 420)

# what a page may show, best first: no scripts, and no widgets, which need some
_MEDIA = ["text/html", "text/markdown", "image/svg+xml", "image/png", "image/jpeg", "text/plain"]


def render(template: str, **values: object) -> str:
    """A page from a template; text in `values` is escaped."""
    return _environment().get_template(template).render(values)


def figures_of(dataset: str, stem: str) -> dict[str, dict]:
    """The manifest's entries for the figures of a notebook, by name."""
    path = figures_dir(dataset) / "manifest.json"
    manifest = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return {name: entry for name, entry in manifest.items() if entry["notebook"] == stem}


def notebook_page(executed: Sequence[Executed], place: int, dataset: str) -> str:
    """The page of one of the executed notebooks, with ways to its neighbours and to the index."""
    this, stems = executed[place], [other.stem for other in executed]
    alts = {name: entry["alt"] for name, entry in figures_of(dataset, this.stem).items()}
    exporter = HTMLExporter(
        config=Config({"NbConvertBase": {"display_data_priority": _MEDIA}}),
        template_name="basic",
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    body, _ = exporter.from_notebook_node(make_static(this.notebook, alts, stems))
    return render(
        "notebook.html",
        this=this,
        body=Markup(body),
        before=executed[place - 1] if place else None,
        after=executed[place + 1] if place + 1 < len(executed) else None,
    )


def write_thumbnail(dataset: str, stem: str, folder: Path) -> dict | None:
    """Write a small copy of a notebook's first figure; its file, size and alternative text.

    None where the notebook has left no figure.
    """
    for name, entry in figures_of(dataset, stem).items():
        path = figures_dir(dataset) / f"{name}.png"
        if path.is_file():
            with Image.open(path) as picture:
                small = picture.convert("RGB")
            small.thumbnail(THUMBNAIL)
            small.save(folder / f"{stem}.png", optimize=True)
            size = {"width": small.width, "height": small.height}
            return {"file": f"{folder.name}/{stem}.png", "alt": entry["alt"], **size}
    return None


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader([TEMPLATES, TEMPLATES / "pdoc"]),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
