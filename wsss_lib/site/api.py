"""The pages of the library's API, one a module, made by pdoc."""

from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from types import ModuleType
from typing import TYPE_CHECKING

from tqdm.auto import tqdm

from wsss_lib.errors import WsssError
from wsss_lib.show.diagrams import PARTS
from wsss_lib.site.pages import TEMPLATES, render

if TYPE_CHECKING:
    from pdoc.doc import Module


def write_api(folder: Path, package: str = "wsss_lib") -> None:
    """Write ``index.html``, a page a module and what the search needs.

    All modules are imported for it, which takes some seconds.

    Parameters
    ----------
    folder : Path
        The site's ``api/``; made if it is missing.
    package : str
        Whose modules.

    Raises
    ------
    WsssError
        If pdoc is not installed.
    """
    pdoc = _pdoc()
    pdoc.render.configure(docformat="numpy", template_directory=TEMPLATES / "pdoc")
    names = tqdm(_names(package), desc="reading modules", unit="module")
    modules = {name: pdoc.doc.Module.from_name(name) for name in names}
    for name, module in tqdm(modules.items(), desc="API", unit="page"):
        page = folder / f"{name.replace('.', '/')}.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(pdoc.render.html_module(module, modules), encoding="utf-8")
    (folder / "search.js").write_text(pdoc.render.search_index(modules), encoding="utf-8")
    (folder / "index.html").write_text(_index(modules, package), encoding="utf-8")


def _names(package: str) -> list[str]:
    """Give a package and all its modules; pdoc would leave out what an ``__all__`` leaves out."""
    found = walk_packages(import_module(package).__path__, f"{package}.")
    return [package, *(m.name for m in found if not m.name.endswith(".__main__"))]


def _pdoc() -> ModuleType:
    """Give pdoc, or say how to get it."""
    try:
        import pdoc.doc
        import pdoc.render
    except ImportError as error:
        raise WsssError(
            f"The API's pages need pdoc ({error}). Run 'pip install pdoc', or 'make setup'."
        ) from None
    return pdoc


def _index(modules: dict[str, "Module"], package: str) -> str:
    """Give the list of all modules: the parts in the order of the data, then the others."""
    gives = {part.name: part.gives for part in PARTS}
    groups = {part: [] for part in gives} | {"": []}
    for name, module in modules.items():
        part = name.removeprefix(package).strip(".").split(".")[0]
        top = modules.get(f"{package}.{part}")
        if part not in gives and not (top and top.is_package):
            part = ""
        summary = module.docstring.split("\n\n")[0].replace("\n", " ")
        page = f"{name.replace('.', '/')}.html"
        groups.setdefault(part, []).append({"name": name, "page": page, "summary": summary})
    return render("modules.html", groups=groups, gives=gives)
