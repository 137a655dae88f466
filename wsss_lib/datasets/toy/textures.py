"""Textures of the toy classes, of their companions and of the background.

A texture is a scalar field: light or dark, no colour. The palette of the image turns it into
colours, the same for object and background, so that texture and shape tell classes apart.

Textures of objects take the object coordinates `u` and `v` ((H, W), see `toy.scenes`), the length
`period` after which the pattern repeats in the same unit, and a generator; they give a field
(H, W) of any range. Those of the background take the image's (H, W).
"""

import numpy as np
from scipy.spatial import cKDTree


def veins(u: np.ndarray, v: np.ndarray, period: float, rng: np.random.Generator) -> np.ndarray:
    """Bold stripes that branch off a dark midrib like chevrons."""
    slope = rng.uniform(0.8, 1.1)
    stripes = np.tanh(2.5 * np.sin(2 * np.pi * (u - slope * np.abs(v)) / (1.4 * period)))
    return stripes - 2.5 * np.exp(-((v / (0.35 * period)) ** 2))


def ribs(u: np.ndarray, v: np.ndarray, period: float, rng: np.random.Generator) -> np.ndarray:
    """Broad rays from the hinge of the shell, crossed by bands of growth."""
    angle, radius = np.arctan2(u, 0.75 - v), np.hypot(u, 0.75 - v)
    rays = np.cos(np.round(4.2 / period) * angle)
    bands = np.sin(2 * np.pi * radius / (2.2 * period) + rng.uniform(0, 6))
    return np.minimum(2 * radius, 1) ** 2 * rays + 0.8 * bands  # near the hinge rays are too fine


def dots(u: np.ndarray, v: np.ndarray, period: float, rng: np.random.Generator) -> np.ndarray:
    """Round warts on a hexagonal grid."""
    row = np.round(v / (0.87 * period))
    across = u / period + 0.5 * (row % 2) + rng.uniform()
    distance = np.hypot(across - np.round(across), (v / (0.87 * period) - row) * 0.87)
    return np.tanh((0.3 - distance) * 9)


def scales(u: np.ndarray, v: np.ndarray, period: float, rng: np.random.Generator) -> np.ndarray:
    """Overlapping round scales in rows."""
    column = np.floor(u / (0.6 * period))
    along = u / (0.6 * period) - column
    across = v / period + 0.5 * (column % 2) + rng.uniform()
    across = across - np.floor(across) - 0.5
    edge = along - np.sqrt(np.maximum(0.27 - across**2, 0)) * 1.3
    return edge - np.floor(edge) - 0.9 * np.exp(-((edge / 0.14) ** 2))


def weave(u: np.ndarray, v: np.ndarray, period: float, rng: np.random.Generator) -> np.ndarray:
    """Strands that pass over and under each other."""
    a, b = u / (0.8 * period) + rng.uniform(), v / (0.8 * period) + rng.uniform()
    over = (np.floor(a) + np.floor(b)) % 2
    strand = np.where(over, np.sin(np.pi * a) ** 2, np.sin(np.pi * b) ** 2)
    return np.sqrt(strand) + 0.9 * (over - 0.5)


def plates(u: np.ndarray, v: np.ndarray, period: float, rng: np.random.Generator) -> np.ndarray:
    """Irregular plates with dark seams and dark centres, each with its own brightness."""
    step = 1.4 * period
    grid = np.mgrid[-2.5:2.5:step, -2.5:2.5:step].reshape(2, -1).T
    points = grid + rng.uniform(-0.3, 0.3, grid.shape) * step
    distance, index = cKDTree(points).query(np.stack([u, v], -1), k=2)
    near, next_ = np.moveaxis(distance, -1, 0)
    seam = np.minimum((next_ - near) / (0.3 * step), 1)
    heart = np.exp(-((near / (0.2 * step)) ** 2))
    return 2 * seam - 1.5 * heart + rng.uniform(-0.3, 0.3, len(points))[index[..., 0]]


def blades(u: np.ndarray, v: np.ndarray, period: float, rng: np.random.Generator) -> np.ndarray:
    """Fine upright strands that sway, some lighter than others."""
    sway = 0.35 * period * np.sin(2 * np.pi * v / (3.5 * period) + rng.uniform(0, 6))
    return np.sin(2 * np.pi * (u + sway) / (0.6 * period)) + 0.5 * np.sin(4 * u / period)


def bricks(u: np.ndarray, v: np.ndarray, period: float, rng: np.random.Generator) -> np.ndarray:
    """Courses of bricks with dark joints."""
    row = np.floor((v - 0.8) / (0.85 * period))
    along = u / (1.9 * period) + 0.5 * (row % 2) + rng.uniform()
    column = np.floor(along)
    joint = np.minimum(
        0.5 - np.abs((v - 0.8) / (0.85 * period) - row - 0.5),
        2.2 * (0.5 - np.abs(along - column - 0.5)),
    )
    tint = np.sin(12.9898 * row + 78.233 * column)  # a brick's own brightness, the same all over it
    return 1.8 * np.tanh(joint * 7) + 0.35 * tint


def noise(
    shape: tuple[int, int],
    rng: np.random.Generator,
    slope: float = 1.5,
    stretch: float = 1.0,
    coarsest: float = 64.0,
) -> np.ndarray:
    """Gaussian noise whose amplitude falls with frequency as ``f ** -slope``.

    Parameters
    ----------
    shape : tuple of int
        (H, W).
    rng : Generator
    slope : float
        0 is white noise, 2 is clouds.
    stretch : float
        How much longer the structures are along x than along y.
    coarsest : float
        Longest structures, in pixels.

    Returns
    -------
    ndarray, shape (H, W), float64
        Mean 0 and deviation 1.
    """
    rows, cols = shape
    frequency = np.hypot(np.fft.fftfreq(rows)[:, None], stretch * np.fft.rfftfreq(cols))
    amplitude = np.maximum(frequency, 1 / coarsest) ** -slope
    amplitude[0, 0] = 0
    field = np.fft.irfft2(np.fft.rfft2(rng.standard_normal(shape)) * amplitude, shape)
    return field / field.std()


def sand(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Fine grain over soft clouds."""
    return noise(shape, rng, 1.9) + 0.6 * noise(shape, rng, 0.5)


def water(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Long ripples."""
    return noise(shape, rng, 1.7, stretch=4, coarsest=30)


def moss(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Blotches of all sizes."""
    return np.tanh(1.6 * noise(shape, rng, 1.3, coarsest=24)) + 0.5 * noise(shape, rng, 1.9)


def marble(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Bright threads that wander."""
    threads = -np.abs(noise(shape, rng, 2.0, coarsest=40))
    return 1.4 * threads + 0.8 * noise(shape, rng, 2.0)


BACKGROUNDS = (sand, water, moss, marble)
