"""The web pages of executed notebooks and of the library."""

import base64
import json
import re
import sys
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner
from nbformat import v4
from PIL import Image

from wsss_lib.cli import main
from wsss_lib.errors import NotebookError, ParameterError, WsssError
from wsss_lib.site import api, build, pages
from wsss_lib.site.executed import read_executed
from wsss_lib.site.pages import THUMBNAIL, notebook_page
from wsss_lib.site.static import make_static

VIEW = "application/vnd.jupyter.widget-view+json"


def png(colour, size=(4, 4)):
    buffer = BytesIO()
    Image.new("RGB", size, colour).save(buffer, "png")
    return base64.b64encode(buffer.getvalue()).decode()


def cell(source, *outputs):
    shown = [v4.new_output("display_data", data) for data in outputs]
    return v4.new_code_cell(source, outputs=shown)


def widget(model):
    return {VIEW: {"model_id": model}, "text/plain": f"VBox({model})"}


STATES = {
    "bar": {"model_name": "HBoxModel", "state": {"children": ["IPY_MODEL_part"]}},
    "part": {"model_name": "FloatProgressModel", "state": {"value": 3.0}},
    "box": {
        "model_name": "VBoxModel",
        "state": {"children": ["IPY_MODEL_label", "IPY_MODEL_cost", "IPY_MODEL_look"]},
    },
    "label": {"model_name": "HTMLModel", "state": {"value": "<b>Choose</b>"}},
    "cost": {"model_name": "HTMLModel", "state": {"value": "<table><td>11 s</td></table>"}},
    "look": {
        "model_name": "ImageModel",
        "state": {"format": "png", "parent": "IPY_MODEL_box"},
        "buffers": [{"encoding": "base64", "path": ["value"], "data": png("red")}],
    },
}


def executed(title, seconds=90.0, failed=False):
    head = f"# {title}\n\n**Question.** Which *layer* is `best`?\n\n**In the paper.** Table 1."
    cells = [
        v4.new_markdown_cell(head),
        cell("draw()", {"image/png": png("blue"), "text/plain": "<Figure>"}),
        cell('save_figure(figure, "01_blue", alt=alt)', {"text/html": "<table><td>7</td></table>"}),
        cell("sweep()", widget("bar")),
        cell("Explorer()", widget("box")),
        cell("print()", {"application/javascript": "alert(1)", "text/plain": "plain"}),
        v4.new_markdown_cell("Next: [02](02_masks.ipynb), then [03](03_more.ipynb)."),
        v4.new_markdown_cell(
            "See [a seed](glossary.md#seed), [`build`](../wsss_lib/site/build.py)"
        ),
    ]
    run = {"duration": seconds, "exception": failed, "start_time": "2026-11-24T22:10:00.0"}
    states = {"application/vnd.jupyter.widget-state+json": {"state": STATES}}
    return v4.new_notebook(cells=cells, metadata={"papermill": run, "widgets": states})


def write_study(root):
    """Two executed notebooks, the second failed, a figure of the first, and a glossary."""
    (root / "glossary.md").write_text("# Glossary\n\n### seed\n\nIn [01](01_data.ipynb).\n")
    folder = root / "build" / "notebooks" / "toy"
    folder.mkdir(parents=True)
    nbformat.write(executed("01 · The data"), folder / "01_data.ipynb")
    nbformat.write(executed("02 · Masks", None, True), folder / "02_masks.ipynb")
    figures = root / "figures" / "toy"
    figures.mkdir(parents=True)
    Image.new("RGB", (1600, 900), "blue").save(figures / "01_blue.png")
    entry = {"alt": 'All "blue".', "files": ["01_blue.png"], "notebook": "01_data"}
    (figures / "manifest.json").write_text(json.dumps({"01_blue": entry}))


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A study, and a site of it that is made without the API, which takes seconds."""
    monkeypatch.setenv("WSSS_OUTPUT", str(tmp_path))
    monkeypatch.setattr(build, "write_api", lambda folder: folder.mkdir())
    monkeypatch.setattr(pages, "notebooks_dir", lambda: tmp_path)
    write_study(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site of a study with an API of one package. Not to be changed."""
    root = tmp_path_factory.mktemp("site")
    write_study(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WSSS_OUTPUT", str(root))
        patch.setattr(build, "write_api", lambda folder: api.write_api(folder, "wsss_lib.site"))
        patch.setattr(pages, "notebooks_dir", lambda: root)
        return build.build_site("toy").parent


class Tags(HTMLParser):
    """The tags of a page with their attributes, and the text of its styles and scripts."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.code = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.tags and self.tags[-1][0] in ("style", "script"):
            self.code.append(data)


def remote(text):
    """What a page would load from elsewhere; a link that a reader may follow loads nothing."""
    page = Tags(text)
    loads = [
        value
        for tag, attrs in page.tags
        for name, value in attrs.items()
        if name in ("src", "srcset", "data", "poster") or (name == "href" and tag != "a")
    ]
    styles = [*page.code, *(attrs.get("style") or "" for _, attrs in page.tags)]
    for code in styles:
        loads += re.findall(r"url\(\s*['\"]?([^'\")]+)", code)
        loads += re.findall(r"(?:import|from|fetch)\s*\(?\s*['\"]([^'\"]+)", code)
    return [load for load in loads if re.match(r"\s*(https?:)?//", load or "")]


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
    assert len(remote(bad)) == 1
    assert remote("<a href='https://pdoc.dev'>a link</a>") == []


def test_no_page_loads_anything_from_elsewhere(site):
    pages = list(site.rglob("*.html"))
    assert {page.name for page in pages} >= {"index.html", "01_data.html", "executed.html"}
    assert {page.name: remote(page.read_text()) for page in pages if remote(page.read_text())} == {}


def test_every_link_and_picture_inside_the_site_is_there(site):
    for page in site.rglob("*.html"):
        for tag, attrs in Tags(page.read_text()).tags:
            target = attrs.get("href" if tag == "a" else "src") or "#"
            if not re.match(r"https?:|data:|#", target):
                assert (page.parent / target.split("#")[0]).is_file(), f"{page}: {target}"


def test_every_page_has_a_way_to_the_index(site):
    for page in site.rglob("*.html"):
        links = [attrs.get("href") for tag, attrs in Tags(page.read_text()).tags if tag == "a"]
        assert page == site / "index.html" or any(
            (page.parent / link).resolve() == site / "index.html" for link in links if link
        )


def test_the_index_tells_title_question_run_and_figure(site):
    text = (site / "index.html").read_text()
    assert text.index("01 · The data") < text.index("02 · Masks")
    assert "Which layer is best?" in text
    assert re.search(r"Ran on 2026-11-24 in\s+2 min", text)
    assert "Did not run to its end on 2026-11-24" in text
    (picture,) = [attrs for tag, attrs in Tags(text).tags if tag == "img"]
    assert picture["alt"] == 'All "blue".'
    with Image.open(site / picture["src"]) as small:
        assert small.size == (int(picture["width"]), int(picture["height"])) == (640, 360)
        assert small.width <= THUMBNAIL[0]
    assert "wsss notebooks --dataset toy 00 02 03" in text  # the checkout's 01_data alone has run


def test_a_page_has_what_a_kernel_left_and_no_scripts(site):
    text = (site / "01_data.html").read_text()
    tags = Tags(text).tags
    alts = [attrs["alt"] for tag, attrs in tags if tag == "img"]
    assert alts == ['All "blue".', "A picture without a description."]
    assert "script" not in {tag for tag, _ in tags}
    assert "<td>7</td>" in text
    assert "A widget: it works where a kernel runs" in text
    assert "plain" in text
    for gone in ("alert(1)", "VBox(bar)", "VBox(box)", "did not come to its end"):
        assert gone not in text
    assert "did not come to its end" in (site / "02_masks.html").read_text()


def test_links_go_to_pages_and_others_become_text(site):
    text = (site / "01_data.html").read_text()
    assert 'href="02_masks.html">02</a>, then 03.' in text
    assert 'href="glossary.html#seed"' in text
    assert 'href="api/wsss_lib/site/build.html"' in text
    assert ".ipynb" not in text


def test_the_glossary_has_a_page_with_anchors(site):
    text = (site / "glossary.html").read_text()
    assert 'id="seed"' in text
    assert 'href="01_data.html">01</a>' in text


def test_without_a_glossary_links_to_it_become_text(study):
    (study / "glossary.md").unlink()
    site = build.build_site("toy").parent
    assert not (site / "glossary.html").exists()
    assert "glossary" not in (site / "01_data.html").read_text()


@pytest.mark.parametrize(
    ("link", "target"),
    [
        ("../wsss_lib/doctor/", "api/wsss_lib/doctor.html"),
        ("../wsss_lib/doctor/__init__.py", "api/wsss_lib/doctor.html"),
        ("https://example.org/a.ipynb", "https://example.org/a.ipynb"),
        ("#seed", "#seed"),
        ("../results/README.md", None),
        ("solutions/01_solutions.ipynb", None),
    ],
)
def test_where_links_lead(link, target):
    notebook = v4.new_notebook(cells=[v4.new_markdown_cell(f"To [there]({link}).")])
    (cell,) = make_static(notebook, {}, ["01_data"]).cells
    assert cell.source == ("To there." if target is None else f"To [there]({target}).")


def test_the_notebook_itself_is_left_as_it_is():
    notebook = executed("01")
    before = json.dumps(notebook)
    static = make_static(notebook, {}, [])
    assert json.dumps(notebook) == before
    assert "widgets" not in static.metadata


def test_of_a_widget_tables_and_pictures_stay_in_the_order_of_the_page():
    static = make_static(executed("01"), {}, [])
    (explorer,) = [cell for cell in static.cells if cell.source == "Explorer()"]
    table, picture, note = [output.data for output in explorer.outputs]
    assert table["text/html"] == "<table><td>11 s</td></table>"
    assert picture["image/png"] == png("red")
    assert "A widget" in note["text/html"]


def test_a_widget_whose_state_was_not_saved_is_only_told():
    notebook = v4.new_notebook(cells=[cell("Explorer()", widget("gone"))])
    (output,) = make_static(notebook, {}, []).cells[0].outputs
    assert list(output.data) == ["text/html"]


def test_the_title_of_a_failed_run_stands_below_the_notice(study):
    path = study / "build" / "notebooks" / "toy" / "01_data.ipynb"
    notebook = nbformat.read(path, 4)
    notebook.cells.insert(0, v4.new_markdown_cell("<span>An Exception was encountered</span>"))
    nbformat.write(notebook, path)
    first, _ = read_executed("toy")
    assert (first.title, first.question) == ("01 · The data", "Which layer is best?")


def test_a_notebook_without_figures_has_a_page(study):
    (study / "figures" / "toy" / "manifest.json").unlink()
    assert "A picture without a description." in notebook_page(read_executed("toy"), 0, "toy")


def test_without_executed_notebooks_the_command_is_told(study):
    with pytest.raises(NotebookError, match=r"'wsss notebooks --dataset voc'"):
        read_executed("voc")


def test_a_notebook_that_cannot_be_read_is_named(study):
    (study / "build" / "notebooks" / "toy" / "02_masks.ipynb").write_text("{half")
    with pytest.raises(NotebookError, match=r"02_masks.ipynb .*--dataset toy 02'"):
        read_executed("toy")


def test_a_build_that_stops_leaves_the_old_site_and_nothing_else(study, monkeypatch):
    index = build.build_site("toy")
    before = index.read_text()

    def stop(folder):
        folder.mkdir()
        raise KeyboardInterrupt

    monkeypatch.setattr(build, "write_api", stop)
    with pytest.raises(KeyboardInterrupt):
        build.build_site("toy")
    assert index.read_text() == before
    assert {path.name for path in (study / "build").iterdir()} == {"html", "notebooks"}


def test_a_new_site_takes_the_old_ones_place(study):
    index = build.build_site("toy")
    (index.parent / "01_old.html").touch()
    assert build.build_site("toy") == index
    assert index.is_file()
    assert not (index.parent / "01_old.html").exists()


def test_a_folder_of_other_things_is_never_replaced(study):
    (study / "mine").mkdir()
    (study / "mine" / "index.html").write_text("<p>my page</p>")
    with pytest.raises(ParameterError, match=r"mine holds other things .* --out"):
        build.build_site("toy", study / "mine")
    with pytest.raises(ParameterError, match=r"manifest.json holds other things"):
        build.build_site("toy", study / "figures" / "toy" / "manifest.json")


def test_the_api_has_all_modules_of_a_package(site):
    text = (site / "api" / "index.html").read_text()
    assert "Executed notebooks: what they ask" in text
    page = (site / "api" / "wsss_lib" / "site" / "executed.html").read_text()
    assert "The day of the run, such as" in page
    assert (site / "api" / "search.js").stat().st_size > 1000


def test_the_program_is_left_out_of_the_api_and_an_all_hides_no_module():
    names = api._names("wsss_lib")
    assert {"wsss_lib", "wsss_lib.files", "wsss_lib.datasets.devkit"} <= set(names)
    assert "wsss_lib.__main__" not in names


def test_without_pdoc_it_is_told_how_to_get_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "pdoc.doc", None)
    with pytest.raises(WsssError, match="pip install pdoc"):
        api.write_api(tmp_path)


def test_the_command_tells_where_the_index_is(study):
    result = CliRunner().invoke(main, ["html", "--out", str(study / "pages")])
    assert result.exit_code == 0, result.output
    assert result.stdout.strip() == f"Written to {study / 'pages' / 'index.html'}"
    assert Path(study / "pages" / "01_data.html").is_file()
