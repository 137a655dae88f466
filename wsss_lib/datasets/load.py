"""Data sets: the toy set, PASCAL VOC 2012, and their reader."""

from pathlib import Path

from wsss_lib.datasets.classes import VOC, read_classes
from wsss_lib.datasets.devkit import DevkitDataset, devkit_folder, open_devkit
from wsss_lib.datasets.toy import TOY, TOY_VERSION, make_toy
from wsss_lib.errors import DataError, ParameterError
from wsss_lib.paths import cache_dir, data_root, shown

#: The classes of each data set.
CLASSES = {"toy": TOY, "voc": VOC}


def load_dataset(
    name: str = "toy",
    list_name: str = "train",
    *,
    root: str | Path | None = None,
    images: int | None = None,
    masks: str = "SegmentationClass",
    need_masks: bool = True,
) -> DevkitDataset:
    """Open a data set by name; the toy set is made if it does not exist yet (seconds).

    Parameters
    ----------
    name : {"toy", "voc"}
    list_name : str
        A list of the devkit (``train``, ``val``, ``trainaug``), or a file, see
        `wsss_lib.datasets.lists.read_ids`.
    root : path, optional
        The folder that holds ``VOCdevkit/``, see `wsss_lib.datasets.devkit.find_devkit`; by default
        the cache for toy, ``WSSS_DATA`` or ``data/`` for VOC. A file ``classes.txt`` in
        ``VOCdevkit/VOC2012/`` (one name per line, the background first) names other classes than
        VOC's: somebody's own data set in its layout.
    images : int, optional
        Only the first so many ids.
    masks : str
        A folder of masks in the devkit, or any path.
    need_masks : bool
        Whether an id without a mask is an error; without, labels come from XML.

    Returns
    -------
    DevkitDataset

    Raises
    ------
    DataError
        If the data set, the list or the folder of masks is not there, or `root` has a
        ``classes.txt`` outside of the devkit.
    ParameterError
        If the name is unknown or `images` is not positive.
    """
    if name not in CLASSES:
        raise ParameterError(f"No data set {name!r}; expected one of {', '.join(CLASSES)}.")
    if root is None:
        root = make_toy(toy_folder()) if name == "toy" else data_root()
    own = devkit_folder(root) / "classes.txt"
    stray = Path(root) / "classes.txt"
    if stray.is_file() and not own.is_file():
        raise DataError(
            f"{shown(stray)} is not where it is read; put it into {shown(own.parent)} if it names "
            "the classes of that data set."
        )
    classes = read_classes(own) if own.is_file() else CLASSES[name]
    return open_devkit(name, root, classes, list_name, images, masks, need_masks)


def toy_folder() -> Path:
    """The place of the toy set in the cache, whether it exists or not."""
    return cache_dir() / f"toy-{TOY_VERSION}"
