"""The study as web pages: executed notebooks, an index of them, and the library's API."""

import re
from collections.abc import Collection
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import nbformat
from jinja2 import Template
from nbconvert import HTMLExporter
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell, new_notebook
from PIL import Image
from tqdm.auto import tqdm
from traitlets.config import Config

from wsss_lib.errors import NotebookError, WsssError
from wsss_lib.files import atomic_path, writable_folder, write_text
from wsss_lib.paths import figures_dir, notebooks_dir, output_dir, shown
from wsss_lib.run import find_notebooks
from wsss_lib.show.figures import read_manifest

#: Pixels; twice of what the index shows, for dense screens.
THUMBNAIL = (640, 420)
_WIDGET = "application/vnd.jupyter.widget-view+json"
# what a page may show, best first: nothing that needs a script
_MEDIA = ["text/html", "text/markdown", "image/svg+xml", "image/png", "image/jpeg", "text/plain"]
# nbconvert's page without the scripts that it loads from elsewhere
_PAGE = """{% extends "lab/index.html.j2" %}
{% block html_head_js %}{% endblock %}
{% block html_head_js_mathjax %}{% endblock %}
{% block html_head_js_mermaidjs %}{% endblock %}
{% block body_header %}{{ super() }}
<p class="jp-RenderedHTMLCommon"><a href="index.html">All notebooks</a> ·
<a href="glossary.html">Glossary</a> · <a href="api/index.html">Library</a></p>{% endblock %}"""
_INDEX = Path(__file__).with_name("site_index.html")


def build_site(dataset: str = "toy", out: Path | None = None) -> Path:
    """Make web pages of the executed notebooks and of the library; they need no server.

    Parameters
    ----------
    dataset : {"toy", "voc"}
        Whose executed notebooks, from ``build/notebooks/<dataset>/``.
    out : Path, optional
        The folder; ``build/html/`` by default. Pages of the same names are replaced.

    Returns
    -------
    Path
        The index page.

    Raises
    ------
    NotebookError
        If there are no executed notebooks, or one cannot be read.
    WsssError
        If pdoc is not installed.
    """
    out = Path(out or output_dir() / "build" / "html")
    notebooks = _executed(dataset)
    writable_folder(out)
    write_api(out / "api")
    glossary = new_markdown_cell((notebooks_dir() / "glossary.md").read_text(encoding="utf-8"))
    pages = notebooks | {"glossary": new_notebook(cells=[glossary])}
    for stem, notebook in tqdm(pages.items(), desc="notebooks", unit="page"):
        write_text(out / f"{stem}.html", _page(notebook, stem, pages))
    lines = [
        (stem, *_title_and_question(notebook, stem), _write_thumbnail(dataset, stem, out))
        for stem, notebook in notebooks.items()
    ]
    index = Template(_INDEX.read_text(encoding="utf-8"), autoescape=True).render(
        dataset=dataset, lines=lines
    )
    return write_text(out / "index.html", index)


def write_api(folder: Path) -> None:
    """Write pdoc's pages of all modules, which are imported for it.

    Raises
    ------
    WsssError
        If pdoc is not installed.
    """
    try:
        from pdoc import doc, render
    except ImportError as error:
        raise WsssError(
            f"The API's pages need pdoc ({error}). Run 'pip install pdoc', or 'make setup'."
        ) from None
    render.configure(docformat="numpy")
    # named one by one, since pdoc leaves out what the __all__ of a package leaves out
    found = walk_packages(import_module("wsss_lib").__path__, "wsss_lib.")
    names = ["wsss_lib", *(each.name for each in found if not each.name.endswith(".__main__"))]
    for package in map(import_module, names):
        # pdoc does not see names that load on first use
        public = getattr(package, "__all__", [])
        vars(package).update({name: getattr(package, name) for name in public})
    modules = {name: doc.Module.from_name(name) for name in names}
    for name, module in tqdm(modules.items(), desc="API", unit="page"):
        page = folder / f"{name.replace('.', '/')}.html"
        write_text(page, render.html_module(module, modules))
    write_text(folder / "index.html", render.html_index(modules))
    write_text(folder / "search.js", render.search_index(modules))


def _executed(dataset: str) -> dict[str, NotebookNode]:
    """Read the executed notebooks of a data set in their order, by name."""
    folder = output_dir() / "build" / "notebooks" / dataset
    command = f"wsss notebooks --dataset {dataset}"
    if not any(folder.glob("[0-9][0-9]_*.ipynb")):
        raise NotebookError(f"No executed notebooks in {shown(folder)}. Run '{command}' first.")
    notebooks = {}
    for path in find_notebooks(folder=folder):
        try:
            notebooks[path.stem] = nbformat.read(path, 4)
        except (OSError, nbformat.reader.NotJSONError, nbformat.ValidationError) as error:
            raise NotebookError(
                f"{shown(path)} is not a readable notebook ({str(error)[:80]}). Run it again with "
                f"'{command} {path.name[:2]}'."
            ) from None
    return notebooks


def _page(notebook: NotebookNode, stem: str, pages: Collection[str]) -> str:
    """Give the page of a notebook: no widgets, which need a kernel, and links to other pages."""
    notebook.metadata.pop("widgets", None)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [each for each in cell.outputs if _WIDGET not in each.get("data", {})]
        else:
            cell.source = _with_links(cell.source, pages)
    exporter = HTMLExporter(
        config=Config({"NbConvertBase": {"display_data_priority": _MEDIA}}), raw_template=_PAGE
    )
    return exporter.from_notebook_node(notebook, {"metadata": {"name": stem}})[0]


def _with_links(text: str, pages: Collection[str]) -> str:
    """Let links of a notebook lead to pages; what has no page becomes plain text."""

    def link(found: re.Match) -> str:
        label, path, anchor = found.groups()
        if module := re.fullmatch(r"\.\./(wsss_lib/?[\w/]*?)(/__init__)?(\.py|/)?", path):
            return f"[{label}](api/{module[1]}.html)"
        stem = path.rpartition(".")[0]
        return f"[{label}]({stem}.html{anchor or ''})" if stem in pages else label

    return re.sub(r"\[([^]]+)\]\((?!https?:|#)([^)#\s]+)(#[^)\s]*)?\)", link, text)


def _title_and_question(notebook: NotebookNode, stem: str) -> tuple[str, str]:
    """Give what the head of a notebook says, or its name if there is no heading."""
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    title = re.search(r"^# (.+)$", text, re.MULTILINE)
    question = re.search(r"^\*\*Question\.\*\* (.+)$", text, re.MULTILINE)
    return title[1] if title else stem, re.sub(r"[*`]", "", question[1]) if question else ""


def _write_thumbnail(dataset: str, stem: str, out: Path) -> str | None:
    """Write a small copy of a notebook's first figure and give its text; None without any."""
    folder = figures_dir(dataset)
    for name, entry in read_manifest(folder).items():
        if entry["notebook"] == stem and (folder / f"{name}.png").is_file():
            with Image.open(folder / f"{name}.png") as picture:
                small = picture.convert("RGB")
            small.thumbnail(THUMBNAIL)
            with atomic_path(out / "thumbnails" / f"{stem}.png") as temporary:
                small.save(temporary, optimize=True)
            return entry["alt"]
    return None
