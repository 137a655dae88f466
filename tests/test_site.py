"""The web pages of executed notebooks and of the library."""

import base64
import json
import re
import sys
from io import BytesIO
from pkgutil import ModuleInfo

import nbformat
import pytest
from click.testing import CliRunner
from nbformat import v4
from PIL import Image

from wsss_lib import site as module
from wsss_lib.cli import main
from wsss_lib.errors import NotebookError, WsssError
from wsss_lib.site import THUMBNAIL, build_site, write_api

VIEW = "application/vnd.jupyter.widget-view+json"


def png(colour, size=(4, 4)):
    buffer = BytesIO()
    Image.new("RGB", size, colour).save(buffer, "png")
    return base64.b64encode(buffer.getvalue()).decode()


def cell(source, data):
    return v4.new_code_cell(source, outputs=[v4.new_output("display_data", data)])


def executed(title):
    head = f"# {title}\n\n**Question.** Which *layer* is `best`?\n\n**In the paper.** Table 1."
    cells = [
        v4.new_markdown_cell(head),
        cell("draw()", {"image/png": png("blue"), "text/plain": "<Figure>"}),
        cell("table", {"text/html": "<table><td>7</td></table>"}),
        cell("sweep()", {VIEW: {"model_id": "bar"}, "text/plain": "toy set: 100%"}),
        cell("print()", {"application/javascript": "alert(1)", "text/plain": "plain"}),
        v4.new_markdown_cell(
            "Next: [02](02_masks.ipynb), then [03](03_more.ipynb). [Tried](solutions/01.ipynb). "
            "See [a seed](glossary.md#seed), [`files`](../wsss_lib/files.py), "
            "[`expand`](../wsss_lib/expand/), [all](../wsss_lib), [pdoc](https://pdoc.dev)."
        ),
    ]
    states = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
    return v4.new_notebook(cells=cells, metadata={"widgets": states})


def write_study(root):
    """Two executed notebooks, a figure of the first, and a glossary."""
    (root / "glossary.md").write_text("# Glossary\n\n### seed\n\nIn [01](01_data.ipynb).\n")
    folder = root / "build" / "notebooks" / "toy"
    folder.mkdir(parents=True)
    nbformat.write(executed("01 · The data"), folder / "01_data.ipynb")
    nbformat.write(executed("02 · Masks"), folder / "02_masks.ipynb")
    figures = root / "figures" / "toy"
    figures.mkdir(parents=True)
    Image.new("RGB", (1600, 900), "blue").save(figures / "01_blue.png")
    entry = {"alt": 'All "blue".', "files": ["01_blue.png"], "notebook": "01_data"}
    (figures / "manifest.json").write_text(json.dumps({"01_blue": entry}))


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The site of a study, made by the command. Not to be changed."""
    root = tmp_path_factory.mktemp("site")
    write_study(root)
    names = ("__main__", "expand", "expand.svm", "files")
    some = [ModuleInfo(None, f"wsss_lib.{name}", name == "expand") for name in names]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WSSS_OUTPUT", str(root))
        patch.setattr(module, "notebooks_dir", lambda: root)
        patch.setattr(module, "walk_packages", lambda *_: some)  # all of them take half a minute
        result = CliRunner().invoke(main, ["html"], catch_exceptions=False)
    assert result.stdout.strip() == f"Written to {root / 'build' / 'html' / 'index.html'}"
    return root / "build" / "html"


#: What a page would load from elsewhere; a link that a reader may follow loads nothing.
REMOTE = re.compile(
    r"""(?:<(?!a\b)\w[^>]*\s(?:src|srcset|href|data|poster)\s*=\s*["']?  # of a tag
    |url\(\s*["']?                                                      # of a style
    |(?:import|from|fetch)\s*\(?\s*["'])                                # of a script
    \s*(?:https?:)?//[^"')]*""",
    re.VERBOSE,
)


def targets(text, tag, attribute):
    """Where the links or the pictures of a page lead."""
    return re.findall(rf'<{tag}\b[^>]*\s{attribute}="([^"]*)"', text)


@pytest.mark.parametrize(
    "bad",
    [
        "<script src='https://cdn.org/require.js'></script>",
        "<link rel='stylesheet' href='//fonts.org/x.css'>",
        "<style>@import 'http://fonts.org/x.css';</style>",
        "<p style='background: url(https://a.org/b.png)'>",
        "<script type='module'>import m from 'https://cdn.org/m.mjs'</script>",
    ],
)
def test_the_search_for_remote_parts_finds_them(bad):
    assert len(REMOTE.findall(bad)) == 1
    assert not REMOTE.search("<a href='https://pdoc.dev'>a link</a>")


def test_no_page_loads_anything_from_elsewhere(pages):
    found = {path.name: REMOTE.findall(path.read_text()) for path in pages.rglob("*.html")}
    assert set(found) >= {"index.html", "01_data.html", "svm.html"}
    assert {name: loads for name, loads in found.items() if loads} == {}


def test_every_link_and_picture_of_a_notebook_is_there(pages):
    for page in pages.glob("*.html"):
        text = page.read_text()
        for target in targets(text, "a", "href") + targets(text, "img", "src"):
            if not re.match(r"https?:|data:|#", target):
                assert (page.parent / target.split("#")[0]).is_file(), f"{page}: {target}"


def test_the_index_has_title_question_and_figure_of_each_notebook(pages):
    text = (pages / "index.html").read_text()
    assert text.index("01 · The data") < text.index("02 · Masks")
    assert text.count("Which layer is best?") == 2
    (picture,) = targets(text, "img", "src")
    assert targets(text, "img", "alt") == ["All &#34;blue&#34;."]
    with Image.open(pages / picture) as small:
        assert small.width == THUMBNAIL[0]


def test_a_page_has_what_can_be_seen_without_a_kernel(pages):
    text = (pages / "01_data.html").read_text()
    for kept in ("<td>7</td>", png("blue"), "plain"):
        assert kept in text
    for left_out in ("alert(1)", "toy set: 100%", VIEW):
        assert left_out not in text


def test_links_go_to_pages_and_others_become_text(pages):
    text = (pages / "01_data.html").read_text()
    assert 'href="02_masks.html">02</a>, then 03. Tried.' in text
    api = {f"api/wsss_lib{module}.html" for module in ("", "/files", "/expand")}
    assert set(targets(text, "a", "href")) >= {"glossary.html#seed", "https://pdoc.dev", *api}
    glossary = (pages / "glossary.html").read_text()
    assert 'id="seed"' in glossary
    assert 'href="01_data.html">01</a>' in glossary


def test_without_executed_notebooks_the_command_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("WSSS_OUTPUT", str(tmp_path))
    with pytest.raises(NotebookError, match=r"'wsss notebooks --dataset voc'"):
        build_site("voc")


def test_a_notebook_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("WSSS_OUTPUT", str(tmp_path))
    write_study(tmp_path)
    (tmp_path / "build" / "notebooks" / "toy" / "02_masks.ipynb").write_text("{half")
    with pytest.raises(NotebookError, match=r"02_masks.ipynb .*--dataset toy 02'"):
        build_site("toy")


def test_the_api_has_every_module_but_the_program(pages):
    page = (pages / "api" / "wsss_lib" / "expand" / "svm.html").read_text()
    assert "ImageSVM" in page
    assert not (pages / "api" / "wsss_lib" / "__main__.html").exists()
    assert (pages / "api" / "search.js").stat().st_size > 1000


def test_without_pdoc_the_error_says_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pdoc", None)
    with pytest.raises(WsssError, match="pip install pdoc"):
        write_api(tmp_path)
