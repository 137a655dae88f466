"""Features on the disk, so that another setting of the SVM need not run the network again."""

import fcntl
import hashlib
import io
import json
import os
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from wsss_lib.classify.backbones import Backbone
from wsss_lib.errors import ParameterError
from wsss_lib.evaluate.settings import FORMAT
from wsss_lib.features import FeatureMap, extract, needs_backbone
from wsss_lib.files import atomic_path
from wsss_lib.paths import cache_dir

_LOCK = ".lock"


@dataclass(frozen=True)
class FeatureCache:
    """`wsss_lib.features.extract` with a memory of bounded size on the disk.

    The maps of the network are kept, ``img`` and ``xy`` are made each time. Files that were used
    since this cache was opened are never given up for newer ones, so that a pass over more images
    than there is room for finds the same part of them again the next time; older files go, those
    first whose last use is longest ago. Several processes may use a folder, and it may be deleted
    at any time. What cannot be kept is computed again.

    Parameters
    ----------
    folder : Path
        Made if missing.
    limit_bytes : int
        What the files in it may take together.
    opened : int
        When, in nanoseconds since 1970. It travels with the cache to other processes.
    """

    folder: Path
    limit_bytes: int
    opened: int = field(default_factory=time.time_ns)

    def __call__(
        self,
        image: np.ndarray,
        layers: Sequence[str],
        backbone: Backbone | None = None,
        zscore: bool = True,
    ) -> dict[str, FeatureMap]:
        """The features of an image; parameters, result and errors are those of `extract`."""
        paths = {
            layer: self.folder / f"{_key(image, layer, backbone, zscore)}.npy"
            for layer in layers
            if backbone and needs_backbone(layer)
        }
        kept = {layer: _read(path) for layer, path in paths.items()}
        maps = {
            layer: FeatureMap(torch.from_numpy(values), image.shape[:2], layer)
            for layer, values in kept.items()
            if values is not None
        }
        made = extract(image, [layer for layer in layers if layer not in maps], backbone, zscore)
        self._keep({paths[layer]: map_ for layer, map_ in made.items() if layer in paths})
        return {layer: (maps | made)[layer] for layer in layers}

    def trim(self) -> None:
        """Give up files until the limit is kept; it may have been higher the last time."""
        with suppress(OSError), self._alone():
            _Room(self).make(0)

    def _keep(self, maps: Mapping[Path, FeatureMap]) -> None:
        """Write what there is room for."""
        contents = {path: _content(path, map_) for path, map_ in maps.items()}
        if not contents:
            return
        with suppress(OSError), self._alone():  # a full disk is no reason to stop
            room = _Room(self)
            for path, content in contents.items():
                if room.make(len(content)):
                    with atomic_path(path) as temporary:
                        temporary.write_bytes(content)
                        _mark_used(temporary)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Let no other process write meanwhile: together they would exceed the limit."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with open(self.folder / _LOCK, "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


class _Room:
    """The bytes that may still be written, and the files that may be given up for more."""

    def __init__(self, cache: FeatureCache) -> None:
        files = sorted(_used_size_path(cache.folder))
        self.free = cache.limit_bytes - sum(size for _, size, _ in files)
        self.old = deque((size, path) for used, size, path in files if used < cache.opened)

    def make(self, size: int) -> bool:
        """Take so many bytes if they can be had; give up nothing in vain."""
        if size > self.free + sum(size for size, _ in self.old):
            return False
        while size > self.free:
            freed, oldest = self.old.popleft()
            oldest.unlink(missing_ok=True)
            self.free += freed
        self.free -= size
        return True


def _key(image: np.ndarray, layer: str, backbone: Backbone, zscore: bool) -> str:
    """The name of a map: a hash of everything that determines it."""
    pixels = hashlib.sha256(np.ascontiguousarray(image)).hexdigest()
    parts = [FORMAT, pixels, image.shape, backbone.name, backbone.weights.sha256, layer, zscore]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _content(path: Path, map_: FeatureMap) -> bytes:
    """An .npy file followed by a checksum of it and its name, which readers of .npy ignore."""
    file = io.BytesIO()
    np.save(file, map_.values.numpy())
    return file.getvalue() + _checksum(path, file.getvalue())


def _read(path: Path) -> np.ndarray | None:
    """The array in a file; None where there is none, or a damaged or displaced one."""
    try:
        content = memoryview(path.read_bytes())
    except OSError:
        return None
    if len(content) < 4 or content[-4:] != _checksum(path, content[:-4]):
        return None
    with suppress(OSError):  # deleted meanwhile, or not ours to mark
        _mark_used(path)
    return np.load(io.BytesIO(content[:-4]))


def _checksum(path: Path, content: bytes) -> bytes:
    return zlib.crc32(content, zlib.crc32(path.name.encode())).to_bytes(4, "big")


def _mark_used(path: Path) -> None:
    """Note the time of use where any file system keeps it: in the time of modification."""
    now = time.time_ns()  # the file system's own clock lags some milliseconds behind
    os.utime(path, ns=(now, now))


def _used_size_path(folder: Path) -> Iterator[tuple[int, int, Path]]:
    """When each file was last used, its bytes, and where it is; also what a killed run left."""
    for entry in os.scandir(folder):
        with suppress(FileNotFoundError):  # deleted meanwhile
            if entry.name != _LOCK:
                status = entry.stat()
                yield status.st_mtime_ns, status.st_size, Path(entry)


def feature_reader(cache_gb: float) -> Callable[..., dict[str, FeatureMap]]:
    """`extract`; with a memory in the kit's cache where it may take some GB (2^30 bytes).

    Raises
    ------
    ParameterError
        If `cache_gb` is negative.
    """
    if not cache_gb >= 0:
        raise ParameterError(f"cache_gb={cache_gb}; 0 or more was expected.")
    if cache_gb == 0:
        return extract
    cache = FeatureCache(cache_dir() / "features", int(cache_gb * 2**30))
    cache.trim()
    return cache
