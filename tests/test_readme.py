"""README and the pages beside it: their numbers are the measurements', what they name exists."""

import ast
import importlib
import json
import re
import shlex
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from wsss_lib.classify.sipe import SIPESettings
from wsss_lib.classify.weights import IMAGENET_URLS
from wsss_lib.cli import main
from wsss_lib.segmentation.train import PRESETS as SEGMENTERS
from wsss_lib.weak.chain import BETA
from wsss_lib.weak.irn.train import PRESETS as EDGES
from wsss_lib.weak.seeds import BACKGROUND_WEIGHT

ROOT = Path(__file__).parents[1]
PAGES = [
    "README.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    *("benchmarks/README.md", "docs/running.md", "results/README.md"),
]


@pytest.fixture
def tables(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "results"))
    return importlib.import_module("tables")


def read(page):
    return (ROOT / page).read_text(encoding="utf-8")


def code(page, language):
    """The code blocks of a page, with continued lines joined."""
    return re.findall(rf"```{language}\n(.*?)```", read(page).replace("\\\n", " "), re.DOTALL)


def test_tables_are_those_of_the_measurements(tables):
    result = CliRunner().invoke(tables.main, ["--check"])
    assert result.exit_code == 0, result.output
    text = read("README.md") + read("results/README.md")
    assert set(re.findall(r"<!-- table: (\w+) -->", text)) == set(tables.TABLES)


def test_a_table_that_was_changed_is_found_and_written_anew(tables, monkeypatch, tmp_path):
    page = tmp_path / "results" / "README.md"
    page.parent.mkdir()
    page.write_text("Before\n<!-- table: readings -->\n| 13.5 |\n<!-- end -->\nAfter\n")
    monkeypatch.setattr(tables, "PAGES", [page])
    monkeypatch.setattr(tables, "HERE", page.parent)
    monkeypatch.setitem(tables.TABLES, "readings", lambda: (["rms"], [["linear", 13.449]]))
    result = CliRunner().invoke(tables.main, ["--check"])
    assert result.exit_code == 1
    assert "python results/tables.py" in result.output
    assert "13.5" in page.read_text()
    assert CliRunner().invoke(tables.main).exit_code == 0
    assert page.read_text() == (
        "Before\n<!-- table: readings -->\n| | rms |\n|---|---|\n| linear | 13.4 |\n"
        "<!-- end -->\nAfter\n"
    )


def test_the_findings_are_those_of_the_measurements(tables):
    bound = tables.study("bound_efficientnet_40", kernel="nearest").loc["xy"]
    nearest = bound.set_index("sampling")["mean"]
    coordinates = tables.best_coordinates(tables.study("bound_matched_40", C=1.0).reset_index())
    coordinates = coordinates.query("feature == 'xy' and kernel == 'rbf'")
    coordinates = coordinates.set_index("sampling")["mean"]
    pooled = tables.study(
        "specific_or_global_efficientnet_40_differences", pool="pooled8known", sampling="uniform"
    )
    lost = -pooled["difference"][tables.STAGES]
    combined = tables.read("studies/combining_efficientnet_40_differences")
    combined = combined.loc["F1*F2*F3*F4*F5"].query("region == 'held_out' and weights == 'equal'")
    gain = combined.set_index("sampling")["difference"]
    steps = tables.six(tables.read("pseudo/voc_296/scores"))
    rounds = {
        folder: tables.compared(folder, {"": line})[1][0][2].split(",")[0][1:]
        for folder, line in (
            ("rivals_256", ("MARS, two rounds", 2)),
            ("held_out_100", ("MARS, two rounds", 2)),
        )
    }
    speed = json.loads(read("benchmarks/results.json"))["row"]["ratio_sklearn"]
    text = " ".join(read("README.md").split())
    for finding in (
        f"{tables.table1_mean('efficientnet', C=1.0).max():.1f} % with the best layer",
        f"the nearest sample alone gives {nearest['uniform']:.1f}:",
        f"by {lost['F5']:.0f} points at F5 to {lost.max():.0f} at {lost.idxmax()}.",
        f"by {gain['uniform']:.1f} points, and by {gain['blocks64']:.1f} where",
        f"{steps['seed']:.1f} before it, {steps['svm']:.1f} after it)",
        f"gains {rounds['rivals_256']} points on photographs that nothing was chosen on, and "
        f"{rounds['held_out_100']} on some",
        f"has {nearest['uniform']:.1f}, and {nearest['blocks64']:.1f} where labels",
        f"have {coordinates['uniform']:.1f} and {coordinates['blocks64']:.1f}.",
        f"{speed:.0f} times as fast",
    ):
        assert finding in text


def test_what_differs_from_the_original_code_is_what_its_table_says():
    text = read("docs/running.md").split("## What differs from the original code")[1]
    rows = {row.split(" | ")[0]: row for row in re.findall(r"^\| (.+) \|$", text, re.MULTILINE)}
    voc = SEGMENTERS["voc"]
    steps, images = voc.epochs * (10582 // voc.batch), 10582 % voc.batch
    assert (
        f"{voc.epochs} epochs of {10582 // voc.batch}, together {steps}" in rows["DeepLab's steps"]
    )
    assert f"the {images} images of" in rows["DeepLab's steps"]
    done = np.arange(20000) / 20000
    rates, tens = ((1 - part) ** voc.power for part in (done, done.reshape(-1, 10)[:, :1]))
    apart = 100 * np.abs(rates.reshape(-1, 10) - tens).max()
    assert 0.09 < apart < 0.1
    assert "less than 0.1 % of the first rate" in rows["DeepLab's learning rate"]
    assert IMAGENET_URLS["resnet50"].endswith(rows["ImageNet's ResNet-50"].split("`")[3])
    toy = f"`beta` {BETA['toy']:g}, weight of SIPE's background {BACKGROUND_WEIGHT['toy']:g}"
    assert toy in rows["the toy set"]
    assert f"above the crop ({EDGES['voc'].crop})" in "".join(rows)
    assert (BETA["voc"], BACKGROUND_WEIGHT["voc"]) == (10, None)  # as published, so no row
    assert SIPESettings().background_weight == 0.5


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files_and_headings(page):
    for path, heading in re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", read(page)):
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), path
        if heading:
            titles = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            slugs = [re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles]
            assert heading in slugs, heading


@pytest.mark.parametrize("page", PAGES)
def test_commands_exist_with_their_options(page):
    text = "\n".join([*code(page, "bash"), *re.findall(r"`((?:wsss|make) [^`]+)`", read(page))])
    targets = re.findall(r"^([a-z-]+):", read("Makefile"), re.MULTILINE)
    for target in re.findall(r"\bmake ([a-z-]+)", text):
        assert target in targets
    for line in re.findall(r"\bwsss ([^;|&)\n]*)", text):
        command, (name, *words) = main, shlex.split(line, comments=True)
        while isinstance(command, click.Group):
            command, name = command.commands[name], words.pop(0) if words else ""
        known = {option for parameter in command.params for option in parameter.opts}
        asked = {word for word in [name, *words] if word.startswith("--")}
        assert asked <= known | {"--help"}, line


@pytest.mark.parametrize("page", PAGES)
def test_python_imports_what_the_library_has(page):
    for text in code(page, "python"):
        tree = ast.parse(text)
        packages = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module == "wsss_lib":
                names = [alias.name for alias in node.names]
                packages |= {name: importlib.import_module(f"wsss_lib.{name}") for name in names}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and getattr(node.value, "id", None) in packages:
                assert hasattr(packages[node.value.id], node.attr), node.attr


def test_the_folder_map_is_the_layout_on_the_disk():
    (text,) = re.findall(r"```\n(wsss_lib/\n.*?)```", read("README.md"), re.DOTALL)
    for name in re.findall(r"^    ([\w./]+) |(\w+\.py)", text, re.MULTILINE):
        assert (ROOT / "wsss_lib" / "".join(name)).exists(), name
    for path in (ROOT / "wsss_lib").iterdir():
        if path.is_dir() and path.name != "__pycache__":
            assert f"{path.name}/" in text
