"""A browser, and the servers that it looks at: JupyterLab with notebooks, Voila with the page."""

import json
import os
import shutil
import sys
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import papermill
import pytest

from wsss_lib.run import parameters_for, read_parameters

from .complaints import watch
from .servers import HOST, free_port, serving

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ("06_layer_explorer", "16_your_photograph")
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
#: Milliseconds that a page may take to show something, on a machine with other work.
TIMEOUT = 200_000

#: JavaScript: whether cells of code were run and none is waiting any more.
AT_REST = """() => {
    const prompts = [...document.querySelectorAll(".jp-CodeCell .jp-InputPrompt")]
    const texts = prompts.map(prompt => prompt.textContent.trim())
    return /[0-9]/.test(texts[0]) && !texts.includes("[*]:")
}"""


@pytest.fixture(scope="session")
def chromium() -> str:
    """The program of a Chromium; WSSS_TEST_CHROMIUM names another one."""
    pytest.importorskip("playwright", reason="playwright is not installed: make test-browser")
    own = os.environ.get("WSSS_TEST_CHROMIUM")
    names = [own] if own else CHROMIUMS
    found = next(filter(None, map(shutil.which, names)), None)
    return found or pytest.skip(f"no browser: none of {', '.join(names)} is installed")


@pytest.fixture(scope="module")
def browser(chromium):
    """A browser without a window."""
    from playwright.sync_api import sync_playwright

    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=as_root)
        yield browser
        browser.close()


@pytest.fixture
def page(browser, request):
    """An empty page that may not complain; a picture of it is kept where a test fails."""
    picture = ROOT / "build" / "browser" / f"{request.node.name}.png"
    picture.unlink(missing_ok=True)
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(TIMEOUT)
    complaints, failed = watch(page), request.session.testsfailed
    yield page
    if complaints or request.session.testsfailed > failed:
        page.screenshot(path=picture)
    said = list(complaints)
    context.close()
    assert not said


@pytest.fixture(scope="session")
def folders(tmp_path_factory) -> SimpleNamespace:
    """What both servers share, so that the toy set is made once: ``cache`` and ``output``."""
    place = tmp_path_factory.mktemp("browser")
    return SimpleNamespace(cache=place / "cache", output=place / "output")


@pytest.fixture(scope="session")
def environment(folders) -> dict[str, str]:
    """Of the servers: they know nothing of the settings of whoever runs the tests."""
    settings = folders.output / "jupyter"
    page_config = settings / "labconfig" / "page_config.json"
    page_config.parent.mkdir(parents=True)
    asks_about_news = "@jupyterlab/apputils-extension:announcements"
    page_config.write_text(json.dumps({"disabledExtensions": {asks_about_news: True}}))
    windowing = settings / "lab" / "user-settings" / "@jupyterlab" / "notebook-extension"
    windowing.mkdir(parents=True)
    # else the page has only the cells that are in sight
    (windowing / "tracker.jupyterlab-settings").write_text('{"windowingMode": "none"}')
    return {
        "JUPYTER_CONFIG_DIR": str(settings),
        "OMP_WAIT_POLICY": "PASSIVE",
        "WSSS_CACHE": str(folders.cache),
        "WSSS_OUTPUT": str(folders.output),
    }


@pytest.fixture(scope="session")
def lab(chromium, environment, tmp_path_factory):
    """JupyterLab on copies of notebooks with small values: the address of one by its name."""
    folder = tmp_path_factory.mktemp("lab")
    overrides = read_parameters(ROOT / "tests" / "notebooks" / "overrides.yaml")
    for name in NOTEBOOKS:
        source = ROOT / "notebooks" / f"{name}.ipynb"
        small = parameters_for(source, "toy", overrides)
        copy = str(folder / source.name)
        papermill.execute_notebook(str(source), copy, small, prepare_only=True)
    port, token = free_port(), "only-for-tests"
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--ip={HOST}", f"--port={port}", f"--IdentityProvider.token={token}"]
    with serving(command, port, folder, environment):
        yield lambda name: f"http://{HOST}:{port}/lab/tree/{name}.ipynb?token={token}&reset"


@pytest.fixture(scope="session")
def voila(chromium, environment, tmp_path_factory):
    """What ``make explorer`` and ``make painter`` serve: `address` and `process` by name."""
    values = {
        "explorer": "WEIGHTS=random",
        "painter": "PAINTER=-p WEIGHTS random -p BACKBONE resnet18 -p LONG_SIDE 160",
    }
    with ExitStack() as servers:

        @cache
        def serve(name):
            folder, port = tmp_path_factory.mktemp("voila"), free_port()
            (folder / "notebooks").symlink_to(ROOT / "notebooks")
            command = ["make", f"--makefile={ROOT / 'Makefile'}", "--old-file=setup", name]
            command += [f"BIN={Path(sys.executable).parent}", values[name]]
            command += [f"VOILA=--no-browser --port={port}"]
            process = servers.enter_context(serving(command, port, folder, environment))
            return SimpleNamespace(address=f"http://{HOST}:{port}", process=process)

        yield serve


@pytest.fixture
def run_all(lab, page):
    """Open a notebook, run all of it, and wait until that is done."""

    def run(name):
        page.goto(lab(name), wait_until="commit")
        page.get_by_text("| Idle").wait_for()  # before that the menu does nothing
        page.get_by_role("menuitem", name="Run", exact=True).click()
        page.get_by_text("Run All Cells", exact=True).click()
        page.wait_for_function(AT_REST)

    return run
