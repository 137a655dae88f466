"""Building the site: all pages into a folder of their own, which then takes the old one's place."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tqdm.auto import tqdm

from wsss_lib.errors import NotebookError, ParameterError
from wsss_lib.paths import output_dir, shown
from wsss_lib.run import find_notebooks
from wsss_lib.site.api import write_api
from wsss_lib.site.executed import Executed, read_executed
from wsss_lib.site.pages import (
    glossary,
    glossary_page,
    notebook_page,
    render,
    write_thumbnail,
)

#: In the head of our pages; only a folder whose index has it is replaced.
MARK = '<meta name="generator" content="wsss-study-kit">'


def build_site(dataset: str = "toy", out: Path | None = None) -> Path:
    """Make web pages of the executed notebooks and of the library; they need no server.

    Parameters
    ----------
    dataset : {"toy", "voc"}
        Whose executed notebooks, from ``build/notebooks/<dataset>/``.
    out : Path, optional
        The folder; ``build/html/`` by default. A site that is there is replaced.

    Returns
    -------
    Path
        The index page.

    Raises
    ------
    NotebookError
        If there are no executed notebooks, or one cannot be read.
    ParameterError
        If `out` holds anything but a site.
    WsssError
        If pdoc is not installed.
    """
    out = Path(out or output_dir() / "build" / "html")
    _check_replaceable(out)
    executed = read_executed(dataset)
    with _replaced(out) as folder:
        write_api(folder / "api")
        _write_notebooks(executed, dataset, folder)
    return out / "index.html"


def _write_notebooks(executed: list[Executed], dataset: str, folder: Path) -> None:
    (folder / "thumbnails").mkdir()
    thumbnails = {}
    for place, this in enumerate(tqdm(executed, desc="notebooks", unit="page")):
        page = notebook_page(executed, place, dataset)
        (folder / f"{this.stem}.html").write_text(page, encoding="utf-8")
        thumbnails[this.stem] = write_thumbnail(dataset, this.stem, folder / "thumbnails")
    if glossary().is_file():
        (folder / "glossary.html").write_text(glossary_page(executed), encoding="utf-8")
    index = render(
        "index.html",
        dataset=dataset,
        executed=executed,
        thumbnails=thumbnails,
        lacking=_not_run(executed),
        glossary=glossary().is_file(),
    )
    (folder / "index.html").write_text(index, encoding="utf-8")


def _not_run(executed: list[Executed]) -> list[str]:
    """Give the numbers of the notebooks that have no executed copy."""
    there = {this.stem for this in executed}
    try:
        return [path.name[:2] for path in find_notebooks() if path.stem not in there]
    except NotebookError:  # no checkout here
        return []


def _check_replaceable(out: Path) -> None:
    index = out / "index.html"
    ours = index.is_file() and MARK in index.read_text(encoding="utf-8", errors="replace")
    empty = out.is_dir() and not any(out.iterdir())
    if out.exists() and not (ours or empty):
        raise ParameterError(
            f"{shown(out)} holds other things than a site of this kit, and would be replaced. "
            "Name a new folder with --out."
        )


@contextmanager
def _replaced(out: Path) -> Iterator[Path]:
    """Give a new folder; when the block ends well it takes the place of `out`."""
    out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{out.name}-", dir=out.parent) as aside:
        new, old = Path(aside, "new"), Path(aside, "old")
        new.mkdir()
        yield new
        if out.exists():
            out.rename(old)
        new.rename(out)
