"""The pages of the site, from the templates; no page loads anything from elsewhere."""

import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook
from PIL import Image
from traitlets.config import Config

from wsss_lib.paths import figures_dir, notebooks_dir
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
    this = executed[place]
    alts = {name: entry["alt"] for name, entry in figures_of(dataset, this.stem).items()}
    return render(
        "notebook.html",
        this=this,
        body=_body(make_static(this.notebook, alts, _pages(executed))),
        before=executed[place - 1] if place else None,
        after=executed[place + 1] if place + 1 < len(executed) else None,
    )


def glossary_page(executed: Sequence[Executed]) -> str:
    """The page of the glossary, which lies beside the notebooks."""
    notebook = new_notebook(cells=[new_markdown_cell(glossary().read_text(encoding="utf-8"))])
    return render("glossary.html", body=_body(make_static(notebook, {}, _pages(executed))))


def glossary() -> Path:
    """The file of the glossary; it comes with the checkout."""
    return notebooks_dir() / "glossary.md"


def _pages(executed: Sequence[Executed]) -> list[str]:
    """The stems of all that has a page."""
    return [*(this.stem for this in executed), *([glossary().stem] if glossary().is_file() else [])]


def _body(notebook: NotebookNode) -> Markup:
    """A notebook that was made static, in HTML without a head."""
    exporter = HTMLExporter(
        config=Config({"NbConvertBase": {"display_data_priority": _MEDIA}}),
        template_name="basic",
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    return Markup(exporter.from_notebook_node(notebook)[0])


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
