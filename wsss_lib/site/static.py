"""A notebook without a kernel: what widgets showed in their place, and links to pages."""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from copy import deepcopy

from nbformat import NotebookNode
from nbformat.v4 import new_output

_VIEW = "application/vnd.jupyter.widget-view+json"
_STATES = "application/vnd.jupyter.widget-state+json"
_NOTE = "<p class='widget'>A widget: it works where a kernel runs (<code>make lab</code>).</p>"


def make_static(
    notebook: NotebookNode, alts: Mapping[str, str], pages: Collection[str]
) -> NotebookNode:
    """A copy of an executed notebook for readers without a kernel.

    Progress bars are left out; of other widgets the pictures and tables stay.

    Parameters
    ----------
    notebook : NotebookNode
    alts : mapping of str to str
        Alternative texts of the notebook's figures, by the name they are saved under.
    pages : collection of str
        Stems of the files beside the notebook that have a page. Links to modules go to the pages of
        the API; what has no page becomes plain text.
    """
    notebook = deepcopy(notebook)
    states = notebook.metadata.pop("widgets", {}).get(_STATES, {}).get("state", {})
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = _links(cell.source, pages)
        if cell.cell_type == "code":
            cell.outputs = [new for old in cell.outputs for new in _without_widget(old, states)]
    _describe_pictures(notebook, alts)
    return notebook


def _links(text: str, pages: Collection[str]) -> str:
    def page(link: re.Match) -> str:
        target = _target(link[2], pages)
        return f"[{link[1]}]({target})" if target else link[1]

    return re.sub(r"(?<!!)\[([^]]+)\]\(([^)\s]+)\)", page, text)


def _target(link: str, pages: Collection[str]) -> str | None:
    """Where a notebook's link leads on the site; None where it has nothing to lead to."""
    path, hash_, anchor = link.partition("#")
    if "://" in link or not path:
        return link
    if module := re.fullmatch(r"\.\./(wsss_lib/[\w/]+?)(/__init__)?(\.py|/)", path):
        return f"api/{module[1]}.html"
    stem, _, kind = path.rpartition(".")
    return f"{stem}.html{hash_}{anchor}" if kind in ("ipynb", "md") and stem in pages else None


def _without_widget(output: NotebookNode, states: Mapping[str, dict]) -> Iterator[NotebookNode]:
    if _VIEW not in output.get("data", {}):
        yield output
        return
    models = _tree(output.data[_VIEW]["model_id"], states)
    if any(model["model_name"].endswith("ProgressModel") for model in models):
        return
    for model in models:
        if data := _seen(model):
            yield new_output("display_data", data)
    yield new_output("display_data", {"text/html": _NOTE})


def _seen(model: dict) -> dict[str, str]:
    """Give what of a widget can be seen without a kernel, by media type: pictures and tables."""
    if model["model_name"] == "ImageModel" and model.get("buffers"):
        return {"image/png": model["buffers"][0]["data"]}
    text = model["state"].get("value", "") if model["model_name"] == "HTMLModel" else ""
    return {"text/html": text} if re.search("<(img|table|style)", text) else {}


def _tree(model: str, states: Mapping[str, dict]) -> list[dict]:
    """The saved states of a widget and of all that it holds, in the order of the page."""
    found, waiting = {}, [model]
    while waiting:
        key = waiting.pop()
        if key in states and key not in found:
            found[key] = states[key]
            inside = re.findall(r"IPY_MODEL_(\w+)", json.dumps(states[key]["state"]))
            waiting += reversed(inside)
    return list(found.values())


def _describe_pictures(notebook: NotebookNode, alts: Mapping[str, str]) -> None:
    """Give a picture the text of the figure that is saved after it, before the next picture."""
    last = None
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                last = output.metadata.setdefault("image/png", NotebookNode())
                last["alt"] = "A picture without a description."
        saved = [name for name in alts if f'"{name}"' in cell.source]
        if saved and last is not None:
            last["alt"], last = alts[saved[0]], None
