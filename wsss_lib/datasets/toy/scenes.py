"""What is where in a toy image: outlines, the classes they belong to, and scenes of objects.

An outline is a list of polygons whose union is the shape. Its coordinates are (u, v) in units of
the object's half-length, u to the right, v downwards, before the object is rotated; a `Frame`
places it in an image. A `Scene` holds the objects and their companions from back to front, and
gives the mask.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from wsss_lib.datasets.classes import VOID, ClassSet
from wsss_lib.datasets.toy import textures

Outline = list[np.ndarray]
MakeOutline = Callable[[np.random.Generator], Outline]
MakeTexture = Callable[[np.ndarray, np.ndarray, float, np.random.Generator], np.ndarray]

_OVERSAMPLING = 4  # coverage is counted on 4 x 4 points per pixel, so borders are anti-aliased
_SIDES = (96, 161)  # of an image, the upper end excluded
_OVERLAP = 0.35  # two objects share at most this part of the smaller one
_VISIBLE = 80  # least number of visible pixels of an object; the void border takes some of them


def _ellipse(u: float, v: float, half_u: float, half_v: float) -> np.ndarray:
    t = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    return np.stack([u + half_u * np.cos(t), v + half_v * np.sin(t)], 1)


def leaf(rng: np.random.Generator) -> Outline:
    """A pointed blade with a stalk."""
    u = np.linspace(-1, 1, 40)
    half = rng.uniform(0.5, 0.64) * (1 - u**2) * (1 - rng.uniform(0.1, 0.4) * u)
    blade = np.concatenate([np.stack([u, half], 1), np.stack([u, -half], 1)[::-1]])
    bend = rng.uniform(-0.15, 0.15)
    stalk = np.array([[-0.95, -0.04], [-1.3, bend - 0.03], [-1.3, bend + 0.03], [-0.95, 0.04]])
    return [blade, stalk]


def shell(rng: np.random.Generator) -> Outline:
    """A fan with a scalloped rim that opens upwards from its hinge at (0, 0.75)."""
    angle = np.linspace(-1, 1, 90) * rng.uniform(0.95, 1.2)
    radius = 1.5 * (1 - 0.12 * angle**2) + 0.04 * np.cos(angle * 14)
    fan = np.stack([radius * np.sin(angle), 0.75 - radius * np.cos(angle)], 1)
    ears = np.array([[-0.34, 0.6], [0.34, 0.6], [0.26, 0.88], [-0.26, 0.88]])
    return [np.concatenate([fan, [[0.0, 0.8]]]), ears]


def starfish(rng: np.random.Generator) -> Outline:
    """Five round arms."""
    angle = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    arms = (0.5 + 0.5 * np.cos(5 * angle)) ** rng.uniform(0.9, 1.3)
    core = rng.uniform(0.4, 0.5)
    wobble = 1 + 0.06 * np.cos(angle + rng.uniform(0, 6))
    radius = (core + (1 - core) * arms) * wobble
    return [np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)]


def fish(rng: np.random.Generator) -> Outline:
    """A body that looks to the right, a forked tail, a fin on the back and one below."""
    height = rng.uniform(0.36, 0.48)
    u = np.linspace(-0.75, 1, 40)
    s = (u + 0.75) / 1.75
    half = height * 2.05 * s**0.62 * (1 - s) ** 0.5 * (1 - 0.32 * s) + 0.05 * (1 - s)
    body = np.concatenate([np.stack([u, half], 1), np.stack([u, -half], 1)[::-1]])
    fork = rng.uniform(0.35, 0.5)
    tail = np.array([[-0.6, -0.08], [-1.05, -fork], [-0.92, 0], [-1.05, fork], [-0.6, 0.08]])
    back = np.array([[0.35, -0.8], [-0.2, -1.45], [-0.4, -0.6]]) * [1, height]
    below = np.array([[0.2, 0.8], [-0.2, 1.3], [-0.3, 0.6]]) * [1, height]
    return [body, tail, back, below]


def basket(rng: np.random.Generator) -> Outline:
    """A bowl that narrows downwards, with a rim and an open handle."""
    foot = rng.uniform(0.55, 0.75)
    t = np.linspace(0, np.pi, 30)
    bowl = np.array([[-0.95, -0.2], [0.95, -0.2], [foot, 0.75], [foot - 0.12, 0.82]])
    bowl = np.concatenate([bowl, bowl[3:1:-1] * [-1, 1]])
    rim = np.array([[-1.0, -0.28], [1.0, -0.28], [1.0, -0.1], [-1.0, -0.1]])
    top = rng.uniform(0.6, 0.85)
    outer = np.stack([0.88 * np.cos(t), -0.2 - top * np.sin(t)], 1)
    inner = np.stack([0.7 * np.cos(t), -0.2 - (top - 0.18) * np.sin(t)], 1)[::-1]
    return [bowl, rim, np.concatenate([outer, inner])]


def tortoise(rng: np.random.Generator) -> Outline:
    """A dome on short legs that looks to the right."""
    t = np.linspace(np.pi, 2 * np.pi, 40)
    height = rng.uniform(0.62, 0.8)
    dome = np.stack([0.85 * np.cos(t), 0.3 + height * np.sin(t)], 1)
    dome = np.concatenate([dome, [[0.7, 0.42], [-0.7, 0.42]]])
    head = _ellipse(0.92, rng.uniform(0.0, 0.2), 0.22, 0.16)
    neck = np.array([[0.6, 0.05], [0.9, 0.05], [0.9, 0.28], [0.6, 0.38]])
    legs = [_ellipse(u, 0.5, 0.17, 0.18) for u in (-0.48, 0.45)]
    tail = np.array([[-0.8, 0.2], [-1.0, 0.42], [-0.7, 0.4]])
    return [dome, head, neck, *legs, tail]


def weed(rng: np.random.Generator) -> Outline:
    """Bent blades of unequal height that grow below a fish."""
    t = np.linspace(0, 1, 9)
    blades = []
    for foot in np.linspace(-1.3, 1.3, 17) + rng.uniform(-0.06, 0.06, 17):
        height, bend = rng.uniform(0.6, 1.0), rng.uniform(-0.3, 0.3)
        u, v = foot + bend * t**2, 1.25 - height * t
        half = 0.12 * (1 - t**2)
        blades.append(np.stack([np.append(u - half, (u + half)[::-1]), np.append(v, v[::-1])], 1))
    return blades


def wall(rng: np.random.Generator) -> Outline:
    """A piece of wall on which a basket stands."""
    left, right = -rng.uniform(1.2, 1.6), rng.uniform(1.2, 1.6)
    return [np.array([[left, 0.8], [right, 0.8], [right, 1.5], [left, 1.5]])]


@dataclass(frozen=True)
class Kind:
    """What all objects of a class, or all their companions, have in common.

    Attributes
    ----------
    outline, texture : callable
        In object coordinates; a companion's are those of its object.
    tilt : float
        Objects are rotated by at most this many degrees.
    companion : Kind, optional
        What always adjoins the objects of a class and belongs to the background.
    eye : tuple of float, optional
        Position of the eye, in object coordinates.
    """

    outline: MakeOutline
    texture: MakeTexture
    tilt: float = 0.0
    companion: "Kind | None" = None
    eye: tuple[float, float] | None = None


#: The classes in index order, from 1; index 0 is the background.
KINDS = {
    "leaf": Kind(leaf, textures.veins, tilt=40),
    "shell": Kind(shell, textures.ribs, tilt=40),
    "starfish": Kind(starfish, textures.dots, tilt=36),
    "fish": Kind(
        fish, textures.scales, tilt=12, companion=Kind(weed, textures.blades), eye=(0.72, -0.08)
    ),
    "basket": Kind(basket, textures.weave, tilt=6, companion=Kind(wall, textures.bricks)),
    "tortoise": Kind(tortoise, textures.plates, tilt=15, eye=(0.97, 0.05)),
}

TOY = ClassSet(
    names=("background", *KINDS),
    short=("bkg", "leaf", "shell", "star", "fish", "basket", "tort"),
)


@dataclass(frozen=True)
class Frame:
    """Where an object is: object coordinates to pixels and back.

    Attributes
    ----------
    centre : tuple of float
        (x, y) in pixels.
    size : float
        Half-length of the object in pixels.
    angle : float
        Radians, clockwise as seen in the image.
    flip : bool
        Whether the object looks to the left.
    """

    centre: tuple[float, float]
    size: float
    angle: float = 0.0
    flip: bool = False

    @property
    def _axes(self) -> np.ndarray:
        cos, sin = np.cos(self.angle), np.sin(self.angle)
        axes = np.array([[cos, sin], [-sin, cos]])
        return axes * [[-1.0], [1.0]] if self.flip else axes

    def to_pixels(self, points: np.ndarray) -> np.ndarray:
        """Object coordinates (n, 2) as pixel coordinates (x, y)."""
        return points @ self._axes * self.size + self.centre

    def coordinates(self, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """The object coordinates u and v of all pixels of an (H, W) image, each (H, W)."""
        y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
        offsets = np.stack([x - self.centre[0], y - self.centre[1]], -1) / self.size
        u, v = np.moveaxis(offsets @ self._axes.T, -1, 0)
        return u, v

    def coverage(self, outline: Outline, shape: tuple[int, int]) -> np.ndarray:
        """The share of each pixel that the outline covers, (H, W) float32 in 0..1."""
        canvas = Image.new("L", (shape[1] * _OVERSAMPLING, shape[0] * _OVERSAMPLING))
        draw = ImageDraw.Draw(canvas)
        for polygon in outline:
            corners = self.to_pixels(polygon) * _OVERSAMPLING
            draw.polygon([tuple(corner) for corner in corners], fill=255)
        return np.asarray(canvas.reduce(_OVERSAMPLING), np.float32) / 255


@dataclass(frozen=True)
class Thing:
    """An object in a scene, or the companion of one.

    Attributes
    ----------
    label : int
        Its class; 0 for a companion.
    kind : Kind
    frame : Frame
        A companion has the frame of its object.
    coverage : ndarray, shape (H, W), float32
        The share of each pixel that it covers, ignoring other things.
    companion_of : int
        The class of the object that a companion belongs to; 0 for an object.
    """

    label: int
    kind: Kind
    frame: Frame
    coverage: np.ndarray
    companion_of: int = 0


@dataclass(frozen=True)
class Scene:
    """Things from back to front.

    Attributes
    ----------
    shape : tuple of int
        (H, W).
    things : tuple of Thing
    """

    shape: tuple[int, int]
    things: tuple[Thing, ...]

    def mask(self) -> np.ndarray:
        """Labels with a void border around every object, (H, W) uint8."""
        owner = np.zeros(self.shape, np.uint8)
        labels = np.zeros(len(self.things) + 1, np.uint8)
        for number, thing in enumerate(self.things, 1):
            if thing.label:
                owner[thing.coverage >= 0.5] = number
                labels[number] = thing.label
        border = ndimage.maximum_filter(owner, 3) != ndimage.minimum_filter(owner, 3)
        return np.where(border, VOID, labels[owner]).astype(np.uint8)

    def companions(self) -> np.ndarray:
        """Where companions are visible, (H, W) uint8.

        The label of the object that the companion belongs to; 0 everywhere else, and wherever
        `mask` is not background.
        """
        seen = np.zeros(self.shape, np.uint8)
        for thing in self.things:
            seen[thing.coverage >= 0.5] = thing.companion_of
        return np.where(self.mask() == 0, seen, 0).astype(np.uint8)


def draw_scene(labels: tuple[int, ...], rng: np.random.Generator) -> Scene:
    """Place one object of each of `labels` (sometimes a second one) at random.

    Parameters
    ----------
    labels : tuple of int
        Classes to show, from back to front.
    rng : Generator
    """
    height, width = (int(side) for side in rng.integers(*_SIDES, 2))
    if len(labels) < 3 and rng.random() < 0.2:
        labels = (*labels, labels[0])
    while True:
        scene = _try_scene(labels, (height, width), rng)
        if scene is not None:
            return scene


def _try_scene(
    labels: tuple[int, ...], shape: tuple[int, int], rng: np.random.Generator
) -> Scene | None:
    """Place all objects, or give up if one hides too much of another."""
    overlap = _OVERLAP if rng.random() < 0.3 else 0.02
    objects: list[Thing] = []
    for label in labels:
        for _ in range(25):
            thing = _place(label, shape, rng, alone=len(labels) == 1)
            if _fits(thing, objects, overlap):
                objects.append(thing)
                break
        else:
            return None
    companions = [companion for thing in objects for companion in _companions(thing, rng)]
    scene = Scene(shape, (*companions, *objects))
    mask = scene.mask()
    return scene if all(np.sum(mask == label) >= _VISIBLE for label in labels) else None


def _place(label: int, shape: tuple[int, int], rng: np.random.Generator, alone: bool) -> Thing:
    kind = KINDS[TOY.names[label]]
    small = rng.random() < (0.1 if alone else 0.2)
    low, high = (0.14, 0.18) if small else (0.24, 0.42 if alone else 0.36)
    size = min(shape) * rng.uniform(low, high)
    margin = (0.9 if rng.random() < 0.8 else 0.6) * size  # one in five may leave the image
    below = 1.45 * size if kind.companion else margin
    frame = Frame(
        centre=(
            rng.uniform(margin, shape[1] - margin),
            rng.uniform(margin, max(shape[0] - below, margin + 1)),
        ),
        size=size,
        angle=np.radians(rng.uniform(-kind.tilt, kind.tilt)),
        flip=rng.random() < 0.5,
    )
    return Thing(label, kind, frame, frame.coverage(kind.outline(rng), shape))


def _fits(thing: Thing, others: list[Thing], overlap: float) -> bool:
    shared = [np.minimum(thing.coverage, other.coverage).sum() for other in others]
    smallest = [min(thing.coverage.sum(), other.coverage.sum()) for other in others]
    return all(s <= overlap * a for s, a in zip(shared, smallest, strict=True))


def _companions(thing: Thing, rng: np.random.Generator) -> list[Thing]:
    """The companion of an object, if its class has one."""
    kind = thing.kind.companion
    if kind is None:
        return []
    coverage = thing.frame.coverage(kind.outline(rng), thing.coverage.shape)
    return [Thing(0, kind, thing.frame, coverage, companion_of=thing.label)]
