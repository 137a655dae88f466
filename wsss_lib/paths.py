"""Where things are: data, what the kit makes (cache), and what it shows (output).

Every path depends on this file's place or on an environment variable, never on the working folder
of a notebook: ``WSSS_DATA`` (the folder that holds ``VOCdevkit/``), ``WSSS_CACHE`` (toy set,
weights, stores) and ``WSSS_OUTPUT`` (``figures/`` and ``build/``).
"""

import os
from pathlib import Path

import platformdirs

_PARENT = Path(__file__).resolve().parent.parent


def checkout() -> Path | None:
    """The folder of the git checkout, or None where the library is installed without one."""
    return _PARENT if (_PARENT / "notebooks").is_dir() else None


def _folder(variable: str, default: Path) -> Path:
    return Path(os.environ[variable]).resolve() if os.environ.get(variable) else default


def data_root() -> Path:
    """The folder that holds (or will hold) ``VOCdevkit/``: ``WSSS_DATA``, else ``data/``."""
    return _folder("WSSS_DATA", (checkout() or Path.cwd()) / "data")


def cache_dir() -> Path:
    """What the kit makes and can make again: ``WSSS_CACHE``, else ``.cache/wsss``."""
    here = checkout()
    default = here / ".cache/wsss" if here else Path(platformdirs.user_cache_dir("wsss"))
    return _folder("WSSS_CACHE", default)


def output_dir() -> Path:
    """What the kit shows: ``WSSS_OUTPUT``, else the checkout, else the working folder."""
    return _folder("WSSS_OUTPUT", checkout() or Path.cwd())


def figures_dir(dataset: str) -> Path:
    """The folder of one data set's figures."""
    return output_dir() / "figures" / dataset


def notebooks_dir() -> Path:
    """The folder of the notebooks; they come with the checkout, not with an installed library."""
    return (checkout() or Path.cwd()) / "notebooks"


def shown(path: str | os.PathLike) -> str:
    """A path as it is printed: relative to the working folder, else to the checkout, if below."""
    for folder in filter(None, (Path.cwd(), checkout())):
        if (absolute := Path(path).resolve()).is_relative_to(folder):
            return str(absolute.relative_to(folder))
    return str(path)
