"""Scenes of the toy set: which objects an image shows, where they stand, who hides whom."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from wsss_lib.datasets.classes import VOID
from wsss_lib.datasets.toy.kinds import KINDS, MakeTexture
from wsss_lib.datasets.toy.shapes import Frame

_KINDS = tuple(KINDS.values())
_SIDES = (96, 161)
_OVERLAP = 0.35  # two objects share at most so much of the smaller one
_VISIBLE = 80  # pixels that an object shows at least; the void border takes some of them


@dataclass(frozen=True)
class Thing:
    """An object, or the companion of one, that stands in a scene.

    Attributes
    ----------
    label : int
        Its class; 0 for a companion.
    texture : callable
    frame : Frame
        A companion stands in the frame of its object.
    coverage : ndarray, shape (H, W), float32
        The share of each pixel that it covers, others not considered.
    eye : tuple of float, optional
        Where it looks out, in object coordinates.
    companion_of : int
        The class of the object that a companion belongs to; 0 for an object.
    """

    label: int
    texture: MakeTexture
    frame: Frame
    coverage: np.ndarray
    eye: tuple[float, float] | None = None
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
        """Labels with a void border round every object, (H, W) uint8."""
        owner = np.zeros(self.shape, np.uint8)
        labels = np.zeros(len(self.things) + 1, np.uint8)
        for number, thing in enumerate(self.things, 1):
            if thing.label:
                owner[thing.coverage >= 0.5] = number
                labels[number] = thing.label
        border = ndimage.maximum_filter(owner, 3) != ndimage.minimum_filter(owner, 3)
        return np.where(border, VOID, labels[owner]).astype(np.uint8)

    def companions(self) -> np.ndarray:
        """Where companions are seen, (H, W) uint8.

        The label of the object that the companion belongs to; 0 everywhere else, and wherever
        `mask` is not background.
        """
        seen = np.zeros(self.shape, np.uint8)
        for thing in self.things:
            seen[thing.coverage >= 0.5] = thing.companion_of
        return np.where(self.mask() == 0, seen, 0).astype(np.uint8)


def draw_scene(labels: tuple[int, ...], rng: np.random.Generator) -> Scene:
    """Place one object of each of `labels` (now and then a second one) at random.

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
    """Place all objects, or give up where one hides too much of another."""
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
    kind = _KINDS[label - 1]
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
    coverage = frame.coverage(kind.outline(rng), shape)
    return Thing(label, kind.texture, frame, coverage, kind.eye)


def _fits(thing: Thing, others: list[Thing], overlap: float) -> bool:
    shared = [np.minimum(thing.coverage, other.coverage).sum() for other in others]
    smallest = [min(thing.coverage.sum(), other.coverage.sum()) for other in others]
    return all(s <= overlap * a for s, a in zip(shared, smallest, strict=True))


def _companions(thing: Thing, rng: np.random.Generator) -> list[Thing]:
    """The companion of an object, where its class has one."""
    companion = _KINDS[thing.label - 1].companion
    if companion is None:
        return []
    coverage = thing.frame.coverage(companion.outline(rng), thing.coverage.shape)
    return [Thing(0, companion.texture, thing.frame, coverage, companion_of=thing.label)]
