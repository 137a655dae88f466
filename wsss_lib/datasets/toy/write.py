"""Writing the toy set in VOC devkit layout."""

import json
import shutil
import tempfile
import time
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image
from tqdm.auto import tqdm

from wsss_lib.datasets.images import write_mask
from wsss_lib.datasets.toy.kinds import KINDS
from wsss_lib.datasets.toy.paint import paint
from wsss_lib.datasets.toy.scenes import draw_scene
from wsss_lib.errors import DataError, ParameterError
from wsss_lib.files import write_text
from wsss_lib.paths import shown

#: Raised whenever the same seed gives other files than before; caches carry it in their name.
TOY_VERSION = 2

_PARTIAL = ".toy-partial-"
_STALE = 3600  # seconds after which an unfinished set belongs to a run that was killed


def make_toy(root: Path, n_train: int = 240, n_val: int = 60, seed: int = 0) -> Path:
    """Make the toy set below `root`, or leave it where it has been made before.

    It is written into a temporary folder and moved at the end, so that ``VOCdevkit/`` is whole or
    absent. The same seed gives the same bytes (on one machine: JPEG encoders differ).

    Beside VOC's folders there is ``Companions/``, with the masks of `Scene.companions`: background
    that image-level labels cannot tell from an object.

    Parameters
    ----------
    root : Path
        The folder that will hold ``VOCdevkit/``.
    n_train, n_val : int
        Images of the lists ``train`` (also written as ``trainaug``) and ``val``.
    seed : int

    Returns
    -------
    Path
        `root`.

    Raises
    ------
    ParameterError
        If a list would be empty or the seed is negative.
    DataError
        If `root` holds another ``VOCdevkit/``.
    """
    if min(n_train, n_val) < 1 or seed < 0:
        raise ParameterError(
            f"n_train={n_train}, n_val={n_val}, seed={seed}; at least one image a list and a seed "
            "of 0 or more were expected."
        )
    root = Path(root)
    recipe = {"version": TOY_VERSION, "n_train": n_train, "n_val": n_val, "seed": seed}
    if _is_made(root, recipe):
        return root
    root.mkdir(parents=True, exist_ok=True)
    _remove_stale(root)
    with tempfile.TemporaryDirectory(prefix=_PARTIAL, dir=root) as partial:
        made = Path(partial) / "VOCdevkit"
        _write_devkit(made / "VOC2012", n_train, n_val, seed)
        write_text(made / "toy.json", json.dumps(recipe, indent=2) + "\n")
        try:
            made.rename(root / "VOCdevkit")
        except OSError:  # another process was faster
            if not _is_made(root, recipe):
                raise
    return root


def _is_made(root: Path, recipe: dict[str, int]) -> bool:
    devkit = root / "VOCdevkit"
    if not devkit.exists():
        return False
    note = devkit / "toy.json"
    found = json.loads(note.read_text()) if note.is_file() else "a devkit that is no toy set"
    if found != recipe:
        raise DataError(
            f"{shown(devkit)} holds {found}; {recipe} was expected. Remove it, or make the toy set "
            "in another folder."
        )
    return True


def _remove_stale(root: Path) -> None:
    """Remove what killed runs have left."""
    for folder in root.glob(_PARTIAL + "*"):
        if time.time() - folder.stat().st_mtime > _STALE:
            shutil.rmtree(folder, ignore_errors=True)


def _write_devkit(devkit: Path, n_train: int, n_val: int, seed: int) -> None:
    (devkit / "JPEGImages").mkdir(parents=True)
    ids = [f"toy_{number:06d}" for number in range(1, n_train + n_val + 1)]
    lists = {"train": ids[:n_train], "trainaug": ids[:n_train], "val": ids[n_train:]}
    for name, members in lists.items():
        path = devkit / "ImageSets" / "Segmentation" / f"{name}.txt"
        write_text(path, "".join(f"{id_}\n" for id_ in members))
    labels = label_sets(n_train, (seed, 0)) + label_sets(n_val, (seed, 1))
    bar = tqdm(zip(ids, labels, strict=True), total=len(ids), desc="toy set", unit="image")
    for number, (id_, shown_classes) in enumerate(bar):
        rng = np.random.default_rng((seed, 2, number))
        scene = draw_scene(shown_classes, rng)
        photograph = Image.fromarray(paint(scene, rng))
        photograph.save(devkit / "JPEGImages" / f"{id_}.jpg", quality=92)
        write_mask(devkit / "SegmentationClass" / f"{id_}.png", scene.mask())
        write_mask(devkit / "Companions" / f"{id_}.png", scene.companions())


def label_sets(n_images: int, seed: tuple[int, ...]) -> list[tuple[int, ...]]:
    """One to three classes for each image, all classes equally often.

    Parameters
    ----------
    n_images : int
    seed : tuple of int

    Returns
    -------
    list of tuple of int
        Distinct class indices, from 1.
    """
    rng = np.random.default_rng(seed)
    counts = rng.choice([1, 2, 3], n_images, p=[0.5, 0.35, 0.15])
    deck: list[int] = []
    sets = []
    for count in counts:
        while len(set(deck)) < count:  # shuffled decks of all classes, dealt without repeats
            deck.extend(rng.permutation(len(KINDS)).tolist())
        hand = tuple(islice(dict.fromkeys(deck), int(count)))
        for card in hand:
            deck.remove(card)
        sets.append(tuple(card + 1 for card in hand))
    return sets
