"""The toy classes: which shape has which texture and which companion."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from wsss_lib.datasets.classes import ClassSet
from wsss_lib.datasets.toy import shapes, textures
from wsss_lib.datasets.toy.shapes import Outline

MakeOutline = Callable[[np.random.Generator], Outline]
MakeTexture = Callable[[np.ndarray, np.ndarray, float, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class Companion:
    """What always adjoins the objects of a class and belongs to the background.

    Attributes
    ----------
    outline, texture : callable
        In the coordinates of the object.
    """

    outline: MakeOutline
    texture: MakeTexture


@dataclass(frozen=True)
class Kind:
    """What all objects of a class have in common.

    Attributes
    ----------
    outline, texture : callable
    tilt : float
        Objects are turned by at most so many degrees.
    companion : Companion, optional
    eye : tuple of float, optional
        Where the object looks out, in object coordinates.
    """

    outline: MakeOutline
    texture: MakeTexture
    tilt: float
    companion: Companion | None = None
    eye: tuple[float, float] | None = None


#: The classes in index order, from 1; index 0 is the background.
KINDS = {
    "leaf": Kind(shapes.leaf, textures.veins, tilt=40),
    "shell": Kind(shapes.shell, textures.ribs, tilt=40),
    "starfish": Kind(shapes.starfish, textures.dots, tilt=36),
    "fish": Kind(
        shapes.fish,
        textures.scales,
        tilt=12,
        companion=Companion(shapes.weed, textures.blades),
        eye=(0.72, -0.08),
    ),
    "basket": Kind(
        shapes.basket, textures.weave, tilt=6, companion=Companion(shapes.wall, textures.bricks)
    ),
    "tortoise": Kind(shapes.tortoise, textures.plates, tilt=15, eye=(0.97, 0.05)),
}

TOY = ClassSet(
    names=("background", *KINDS),
    short=("bkg", "leaf", "shell", "star", "fish", "basket", "tort"),
)
