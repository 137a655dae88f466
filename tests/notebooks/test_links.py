"""Links between notebooks, glossary and library lead somewhere."""

import re

import pytest

from .checks import ROOT, sources

NOTEBOOKS = ROOT / "notebooks"
GLOSSARY = NOTEBOOKS / "glossary.md"
PAGES = [
    GLOSSARY,
    *sorted(NOTEBOOKS.glob("[0-9]*.ipynb")),
    *sorted(NOTEBOOKS.glob("solutions/*.ipynb")),
]


def text_of(page):
    return page.read_text() if page.suffix == ".md" else "\n".join(sources(page, "markdown"))


def anchors(page):
    headings = re.findall(r"^#+ (.+)$", text_of(page), re.MULTILINE)
    words = (re.sub(r"[^\w -]", "", heading.lower()) for heading in headings)  # as GitHub does
    return {each.replace(" ", "-") for each in words}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_to_files_and_headings_that_exist(page):
    links = re.findall(r"\[[^]]+\]\(([^):]*?)(?:#([^)]+))?\)", text_of(page))
    targets = [((page.parent / path) if path else page, anchor) for path, anchor in links]
    assert not [path for path, _ in targets if not path.exists()]
    assert not [anchor for path, anchor in targets if anchor and anchor not in anchors(path)]


def test_glossary_stands_in_the_order_of_the_alphabet_and_says_where_each_word_occurs():
    entries = GLOSSARY.read_text().split("\n### ")[1:]
    words = [entry.splitlines()[0] for entry in entries]
    assert words == sorted(words)
    assert all(re.search(r"\*In\*\s\[", entry) for entry in entries)
