"""Making the toy set: scenes are drawn, painted and written in the layout of a VOC devkit.

Each image gets one palette, light and shade, and the blur and noise of a camera.
"""

import colorsys
import json
import shutil
import tempfile
import time
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import ndimage
from tqdm.auto import tqdm

from wsss_lib.datasets.images import write_mask
from wsss_lib.datasets.toy.scenes import KINDS, Scene, Thing, draw_scene
from wsss_lib.datasets.toy.textures import BACKGROUNDS, noise
from wsss_lib.errors import DataError
from wsss_lib.files import writable_folder, write_text, writing
from wsss_lib.paths import shown

#: Raise it when the same seed gives other files than before; caches have it in their name.
TOY_VERSION = 2

_PARTIAL = ".toy-partial-"
_STALE = 3600  # seconds after which an unfinished set belongs to a run that was killed


def make_toy(root: Path, n_train: int = 240, n_val: int = 60, seed: int = 0) -> Path:
    """Make the toy set below `root`, unless it exists already.

    It is written into a temporary folder and moved at the end, so that ``VOCdevkit/`` is complete
    or absent. The same seed gives the same bytes (on one machine: JPEG encoders differ).

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
    DataError
        If `root` holds another ``VOCdevkit/``.
    """
    root = Path(root)
    recipe = {"version": TOY_VERSION, "n_train": n_train, "n_val": n_val, "seed": seed}
    if _is_made(root, recipe):
        return root
    writable_folder(root)
    _remove_stale(root)
    with writing(root), tempfile.TemporaryDirectory(prefix=_PARTIAL, dir=root) as partial:
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
    """Whether the set of this recipe exists; another devkit is an error."""
    devkit = root / "VOCdevkit"
    if not devkit.exists():
        return False
    note = devkit / "toy.json"
    try:
        found = json.loads(note.read_text()) if note.is_file() else "a devkit that is no toy set"
    except ValueError as error:
        found = f"a toy set whose {note.name} is damaged ({error})"
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


def paint(scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """Paint a scene.

    Background, objects and companions all take their colours from the one palette of the image:
    a texture determines how light a pixel is, a slow change of hue which of the two ramps it is on.

    Returns
    -------
    ndarray, shape (H, W, 3), uint8
    """
    palette = draw_palette(rng)
    light = rng.uniform(0, 2 * np.pi)
    light = np.array([np.sin(light), np.cos(light)])  # (y, x) towards the lamp
    layers = _ground(scene.shape, rng)
    for thing in scene.things:
        layers[2] *= 1 - 0.45 * _shadow(thing, light)
        layers += thing.coverage * (_surface(thing, light, rng) - layers)
    tone, hue, brightness = layers
    return _photograph(_lookup(palette, tone, hue) * brightness[..., None], rng)


def draw_palette(rng: np.random.Generator) -> np.ndarray:
    """The palette of an image: two hues, each from dark to light, (2, 4, 3) float64 in 0..1."""
    first = rng.uniform(0, 0.72)  # red to violet: few things in nature are purple
    second = (first + rng.uniform(0.12, 0.6)) % 0.72
    pale = rng.uniform(0.6, 1.0)
    shades = ((0.7, 0.16), (0.6, 0.42), (0.45, 0.7), (0.2, 0.96))  # saturation and value
    return np.array(
        [[colorsys.hsv_to_rgb(hue, pale * s, v) for s, v in shades] for hue in (first, second)]
    )


def _lookup(palette: np.ndarray, tone: np.ndarray, hue: np.ndarray) -> np.ndarray:
    """Colours (H, W, 3) of tones (0 dark, 1 light) and hues (0 the first ramp, 1 the second)."""
    stops = np.linspace(0, 1, palette.shape[1])
    first, second = (
        np.stack([np.interp(tone, stops, channel) for channel in ramp.T], -1) for ramp in palette
    )
    return first + hue[..., None] * (second - first)


def _spread(
    field: np.ndarray, middle: float, contrast: float, weights: np.ndarray | None = None
) -> np.ndarray:
    """A field as positions on the palette, 0..1.

    It is standardized first (where `weights` are), so that no texture has colours of its own.
    """
    mean = np.average(field, weights=weights)
    deviation = np.sqrt(np.average((field - mean) ** 2, weights=weights))
    return 0.5 + 0.5 * np.tanh(middle + contrast * (field - mean) / deviation)


def _ground(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Tone, hue and brightness of the background, (3, H, W)."""
    hue = noise(shape, rng, 2.2)
    return np.stack(
        [
            _spread(_landscape(shape, rng), rng.uniform(-0.4, 0.4), rng.uniform(0.25, 0.55)),
            _spread(hue, rng.uniform(-0.3, 0.3), 0.55),
            1 + 0.12 * noise(shape, rng, 3.0, coarsest=200),
        ]
    )


def _landscape(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """The background's texture, sometimes with a second one beyond a horizon."""
    near, far = (BACKGROUNDS[index](shape, rng) for index in rng.choice(len(BACKGROUNDS), 2))
    if rng.random() < 0.6:
        return near
    horizon = shape[0] * rng.uniform(0.3, 0.6) + 3 * noise(shape, rng, 3.0)[0]
    share = np.clip((np.arange(shape[0])[:, None] - horizon) / 3 + 0.5, 0, 1)
    return share * near + (1 - share) * (far + rng.uniform(-0.5, 0.5))


def _surface(thing: Thing, light: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Tone, hue and brightness of a thing, (3, H, W); they hold where it is.

    Its hue stays near one end of the palette, its tone does not.
    """
    texture, weights = _texture(thing, rng), thing.coverage
    hue, end = noise(weights.shape, rng, 1.5), rng.choice([-1, 1])
    return np.stack(
        [
            _spread(texture, rng.uniform(-0.6, 0.6), rng.uniform(0.4, 0.65), weights),
            _spread(hue, end * rng.uniform(0.9, 1.6), 0.15),
            _relief(thing, light),
        ]
    )


def _texture(thing: Thing, rng: np.random.Generator) -> np.ndarray:
    """The texture of a thing, a little weathered, with its eye."""
    size, shape = thing.frame.size, thing.coverage.shape
    period = np.clip(0.3 * size, 5.5, 9.5) * rng.uniform(0.9, 1.15) / size
    u, v = thing.frame.coordinates(shape)
    field = thing.kind.texture(u, v, period, rng)
    field = field / field.std() + 0.2 * noise(shape, rng, 1.0)
    if thing.kind.eye:
        distance = np.hypot(u - thing.kind.eye[0], v - thing.kind.eye[1])
        field = np.select([distance < 0.055, distance < 0.1], [-3.0, 2.0], field)
    return field


def _shadow(thing: Thing, light: np.ndarray) -> np.ndarray:
    """How much of the light a thing keeps from what is behind it, (H, W) in 0..1."""
    shifted = ndimage.shift(thing.coverage, -0.16 * thing.frame.size * light, order=1)
    return ndimage.gaussian_filter(shifted, 0.1 * thing.frame.size)


def _relief(thing: Thing, light: np.ndarray) -> np.ndarray:
    """Brightness of a thing that bulges towards the viewer, (H, W), about 1."""
    width = 0.5 * thing.frame.size if thing.label else 3.0  # of the rounded margin, in pixels
    depth = np.clip(ndimage.distance_transform_edt(thing.coverage >= 0.5) / width, 0, 1)
    height = width * np.sqrt(depth * (2 - depth))
    height = ndimage.gaussian_filter(height, 0.06 * thing.frame.size + 0.7)
    slope_y, slope_x = np.gradient(height)
    return 1.05 - 0.4 * np.tanh(slope_y * light[0] + slope_x * light[1])


def _photograph(colours: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What a camera adds: blur, darker corners, noise."""
    rows, cols = colours.shape[:2]
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : cols * 1j]
    colours = colours * (1 - rng.uniform(0, 0.12) * (x**2 + y**2))[..., None]
    blur = rng.uniform(0.3, 0.6)
    colours = ndimage.gaussian_filter(colours, (blur, blur, 0))
    grain = rng.normal(0, rng.uniform(0.008, 0.02), colours.shape)
    return np.round(255 * np.clip(colours + grain, 0, 1)).astype(np.uint8)
