"""The page of the layer explorer as ``make explorer`` shows it."""

import psutil
import pytest

from .explorer import choose, compare, heard, listen
from .servers import HOST, family

pytestmark = pytest.mark.browser


@pytest.fixture
def explorer(voila, page):
    """The page, loaded."""
    page.goto(voila("explorer").address, wait_until="commit")  # it streams while the kernel works
    page.get_by_alt_text("mask F2", exact=True).wait_for()
    return page


def test_only_this_machine_can_reach_the_page(voila):
    sockets = [
        each for member in family(voila("explorer").process) for each in member.net_connections()
    ]
    listening = {each.laddr.ip for each in sockets if each.status == psutil.CONN_LISTEN}
    assert listening == {HOST}


def test_a_choice_is_shown_beside_what_is_kept_on_any_image_and_taken_again(explorer):
    assert "load_dataset" not in explorer.locator("body").inner_text()  # no code
    assert compare(explorer) == [True, False]


def test_it_says_so_while_it_computes(explorer):
    listen(explorer)
    choose(explorer, "img")
    assert "computing …" in heard(explorer)
    explorer.locator(".wsss.quiet", has_text="computing").wait_for(state="detached")


def test_a_page_that_is_loaded_again_works(explorer):
    choose(explorer, "img")
    explorer.reload(wait_until="commit")
    explorer.get_by_alt_text("mask F2", exact=True).wait_for()
    choose(explorer, "img")
