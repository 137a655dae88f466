"""Outlines of the toy objects, and the frame that puts them into an image.

An outline is a list of polygons whose union is the shape. Coordinates are (u, v) with the object's
half-length as unit, u to the right, v downwards, before the object is turned.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

Outline = list[np.ndarray]

_OVERSAMPLING = 4  # coverage is counted on 4 x 4 points a pixel, so borders are anti-aliased


@dataclass(frozen=True)
class Frame:
    """Where an object stands: object coordinates to pixels and back.

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
    """A bowl that narrows downwards, with a rim and a handle one can look through."""
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
