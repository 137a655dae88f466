"""Downloads that survive a bad network.

An archive has several addresses, tried in order; what came so far stays in ``<name>.part`` and is
continued by an HTTP range request, at the next address too, since all of them serve the same bytes
(the md5 sum says so).
"""

import shutil
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from torchvision.datasets.utils import check_integrity, extract_archive
from tqdm.auto import tqdm

from wsss_lib.errors import DataError, DownloadError
from wsss_lib.files import writable_folder, writing
from wsss_lib.paths import shown

#: HTTP's answer to a range request that begins at the file's end: it is whole already.
_NOTHING_LEFT = 416
_TIMEOUT = 30  # seconds without a sign of life after which an address is given up


@dataclass(frozen=True)
class Archive:
    """A file to fetch, and where it can be had.

    Attributes
    ----------
    name : str
        File name; its ending says how it is packed.
    md5 : str
    size : int
        Bytes of the file, within a hundredth; the md5 sum decides.
    unpacked : int
        Bytes of its content, about; for the check of disk space.
    addresses : tuple of str
        URLs in the order in which they are tried.
    """

    name: str
    md5: str
    size: int
    unpacked: int
    addresses: Sequence[str]


def fetch(archive: Archive, folder: Path) -> Path:
    """Download an archive, or find it already in `folder`.

    Parameters
    ----------
    archive : Archive
    folder : Path
        Where the file goes; made if it is missing.

    Returns
    -------
    Path
        The file, with the right md5 sum.

    Raises
    ------
    DataError
        If the disk is too full.
    DownloadError
        If no address gives the file; what came so far is kept for the next call.
    """
    writable_folder(folder)
    path = folder / archive.name
    if path.is_file():
        if _is_right(path, archive):
            return path
        tqdm.write(f"The md5 sum of {shown(path)} is not {archive.md5}; it is downloaded again.")
    part = folder / f"{archive.name}.part"
    _require_space(folder, archive.size - _size_of(part) + archive.unpacked)
    failures = []
    for address in archive.addresses:
        reason = _fetch_from(address, archive, part)
        if reason is None:
            return part.replace(path)
        failures.append(f"  {address}: {reason}")
        tqdm.write(f"{address} failed: {reason}")
    raise DownloadError(
        "\n".join([f"{archive.name} could not be fetched. Tried:", *failures])
        + f"\n{_size_of(part)} of {archive.size} bytes are here; the same command continues from "
        f"there. Or put the file (md5 {archive.md5}) into {shown(folder)} yourself, point --data "
        "or WSSS_DATA at a folder that holds VOCdevkit/, or use DATASET=toy."
    )


def fetch_and_unpack(archive: Archive, folder: Path) -> None:
    """Unpack an archive into `folder`, fetched if need be; what is already there stays as it is.

    Everything is unpacked aside first and then moved, so that a run that is killed leaves no half
    file behind. Errors as of `fetch`.
    """
    path = fetch(archive, folder)
    _require_space(folder, archive.unpacked)
    aside = folder / f".unpacking-{archive.name}"
    shutil.rmtree(aside, ignore_errors=True)
    tqdm.write(f"Unpacking {shown(path)} ({archive.unpacked / 1e9:.1f} GB, some minutes) ...")
    with writing(folder), warnings.catch_warnings():
        # Python 3.12 needs a filter against hostile archives; this one's md5 sum is known
        warnings.filterwarnings("ignore", category=DeprecationWarning, message="Python 3.14")
        extract_archive(path, aside)
    _move_missing(aside, folder)
    shutil.rmtree(aside)


def _require_space(folder: Path, needed: int) -> None:
    """Check that the disk of `folder` (which exists) has `needed` bytes left."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DataError(
            f"{shown(folder)} has {free / 1e9:.1f} GB left, {needed / 1e9:.1f} GB are needed. Make "
            "room, or name a folder on another disk with --data or WSSS_DATA."
        )


def _size_of(path: Path) -> int:
    """The bytes of a file, 0 where there is none."""
    return path.stat().st_size if path.is_file() else 0


def _fetch_from(address: str, archive: Archive, part: Path) -> str | None:
    """Complete `part` from one address; the reason if that did not work."""
    while True:
        before = _size_of(part)
        try:
            _stream(address, archive, part)
        except HTTPError as error:
            error.close()
            if error.code != _NOTHING_LEFT:
                return str(error)
        except (OSError, HTTPException) as error:
            if _size_of(part) == before:
                return str(error)
            continue  # it broke off, but brought something: ask for the rest
        if _is_right(part, archive):
            return None
        part.unlink()
        if before == 0:
            return f"the md5 sum of what came is not {archive.md5}"
        # the part may have been bad before this address added to it: once more from the start


def _is_right(path: Path, archive: Archive) -> bool:
    tqdm.write(f"Checking the md5 sum of {shown(path)} ...")
    return check_integrity(path, archive.md5)


def _stream(address: str, archive: Archive, part: Path) -> None:
    """Append what `part` lacks, or write it again if the server sends the whole file."""
    start = _size_of(part)
    headers = {"User-Agent": "wsss-study-kit"} | ({"Range": f"bytes={start}-"} if start else {})
    with urlopen(Request(address, headers=headers), timeout=_TIMEOUT) as response:
        if response.status != 206:
            start = 0
        size = start + (response.length or 0)
        # a page that says "blocked" comes with status 200: do not let it replace the part
        if abs(size - archive.size) > archive.size / 100:
            raise OSError(f"a file of {size} bytes offered, about {archive.size} expected")
        with (
            open(part, "ab" if start else "wb") as file,
            tqdm(total=size, initial=start, desc=archive.name, unit="B", unit_scale=True) as bar,
        ):
            while block := response.read(1 << 16):
                file.write(block)
                bar.update(len(block))
    if _size_of(part) < size:
        raise OSError(f"it broke off after {_size_of(part)} of {size} bytes")


def _move_missing(source: Path, target: Path) -> None:
    """Move what `target` lacks there, whole folders in one step."""
    if not target.exists():
        source.rename(target)
    elif source.is_dir():
        for child in sorted(source.iterdir()):
            _move_missing(child, target / child.name)
