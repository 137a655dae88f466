"""Text files that people write: lists of image ids in the forms that the field has for them."""

import codecs
import re
from glob import escape
from pathlib import Path, PurePosixPath

from tqdm.auto import tqdm

from wsss_lib.errors import DataError
from wsss_lib.paths import shown

#: The end of a column that names a picture, with what parts it from the next one.
_ENDING = re.compile(r"\.(?:jpe?g|png|bmp|tiff?|webp)(?:[\s,;]+|$)", re.IGNORECASE)
#: The folders of a devkit that lists name.
_FOLDER = re.compile(r"JPEGImages|SegmentationClass\w*")
#: A line of ``ImageSets/Main``: an id, and whether its image is in.
_MARKED = re.compile(r"(.*\S)\s+(1|0|-1)")


def read_lines(path: Path) -> dict[int, str]:
    """The lines of a text file that are not blank, by number, without the space round them.

    The text is UTF-8 or, with a byte order mark, UTF-16, as Windows' editors write them.

    Raises
    ------
    DataError
        If the file cannot be read, or is not text.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{shown(path)} cannot be read ({error.strerror}).") from None
    wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    try:
        text = data.decode("utf-16" if wide else "utf-8").replace("\ufeff", "")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise DataError(
            f"{shown(path)} is not text in UTF-8; one name per line was expected. If it is text, "
            "save it again as UTF-8."
        )
    lines = enumerate(map(str.strip, text.splitlines()), start=1)
    return {number: line for number, line in lines if line}


def list_path(devkit: Path, name: str) -> Path:
    """The place of a list of the devkit, whether it is there or not."""
    return devkit / "ImageSets" / "Segmentation" / f"{name}.txt"


def find_list(devkit: Path, name: str) -> Path | None:
    """The file of a list of the devkit, else the file of that name; None without any."""
    paths = list_path(devkit, name), Path(name)
    return next((path for path in paths if path.is_file()), None)


def read_ids(devkit: Path, name: str) -> tuple[str, ...]:
    """Read an id list: a name in ``ImageSets/Segmentation`` or a file.

    A line is an id, which may have spaces and sub-folders (``2007/a``); the path of a photograph,
    with that of its mask behind it or without (``/JPEGImages/a.jpg /SegmentationClass/a.png``); or
    either of them with a mark as in ``ImageSets/Main``, if all lines have one: images marked 1 are
    in, those marked -1 are not, nor are those marked 0, which VOC calls difficult and does not
    count.

    Parameters
    ----------
    devkit : Path
        The folder with ``JPEGImages/``.
    name : str

    Returns
    -------
    tuple of str
        Ids with ``/`` between folders, without an ending.

    Raises
    ------
    DataError
        If the list is missing, not text, or empty, has a line that is none of these, or names an
        id twice.
    """
    if (path := find_list(devkit, name)) is None:
        lists = list_path(devkit, name).parent
        known = ", ".join(sorted(p.stem for p in lists.glob("*.txt"))) or "none"
        raise DataError(f"No list {name!r} in {shown(lists)}; expected a file, or one of: {known}.")
    lines = _without_marks(devkit, path, read_lines(path))
    if not lines:
        raise DataError(f"The list {shown(path)} is empty; one id per line was expected.")
    numbers = {}
    for number, line in lines.items():
        id_ = _read_id(path, number, line)
        if id_ in numbers:
            raise DataError(
                f"The list {shown(path)} names {id_} more than once, in the lines {numbers[id_]} "
                f"and {number}; remove the copy."
            )
        numbers[id_] = number
    return tuple(numbers)


def _without_marks(devkit: Path, path: Path, lines: dict[int, str]) -> dict[int, str]:
    """The lines that are marked 1, without their marks; all where not every line has a mark."""
    marked = {number: _MARKED.fullmatch(line) for number, line in lines.items()}
    if not lines or not all(marked.values()):
        return lines
    whole = _inside(next(iter(lines.values())))
    if any((devkit / "JPEGImages").glob(f"{escape(whole)}.*")):
        return lines  # a photograph whose name ends in a number, such as "IMG 1"
    chosen = {number: found[1] for number, found in marked.items() if found[2] == "1"}
    if not chosen:
        raise DataError(f"The list {shown(path)} marks no image with 1; 0 and -1 are left out.")
    if difficult := sum(found[2] == "0" for found in marked.values()):
        tqdm.write(f"{shown(path)}: {difficult} images are marked 0, difficult, and left out.")
    return chosen


def _read_id(path: Path, number: int, line: str) -> str:
    """The id of a line: what its columns name inside the folders of a devkit."""
    *columns, rest = _ENDING.split(line)
    ids = {_inside(column) for column in columns or [rest]}
    if (columns and rest) or len(ids) > 1 or not all(ids):
        raise DataError(
            f"Line {number} of {shown(path)} is {line!r}; expected the id of an image, or the path "
            "of its photograph in JPEGImages, and perhaps that of its mask, which must have the "
            "same name."
        )
    return ids.pop()


def _inside(column: str) -> str:
    """A path below the folder of a devkit that it goes through; empty if it leads out of it."""
    parts = [part for part in PurePosixPath(column.replace("\\", "/")).parts if part.strip("/")]
    folders = [n for n, part in enumerate(parts) if _FOLDER.fullmatch(part)]
    parts = parts[max(folders, default=-1) + 1 :]
    outside = not parts or ".." in parts or parts[0].endswith(":")
    return "" if outside else "/".join(parts)
