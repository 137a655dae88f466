"""Pairs of cells of an edge map: what lies between them, and what they are by their labels.

Two cells belong together as far as no edge lies on the line between them (IRN, Ahn, Cho and Kwak,
"Weakly supervised learning of instance segmentation with inter-pixel relations", CVPR 2019). Cells
are paired with those within a radius; of the two directions only one is looked at. A cell is the
source of pairs where the map holds all cells that it could be paired with.
"""

import numpy as np
import torch

from wsss_lib.datasets.classes import VOID


def half_plane_offsets(radius: int) -> np.ndarray:
    """From a source to the cells that it is paired with: nearer than `radius`, in half the plane.

    Parameters
    ----------
    radius : int
        In cells, at least 2.

    Returns
    -------
    ndarray, shape (P, 2), int64
        Rows (0 or more) and columns; P = 152 for IRN's radius 10, 34 for 5.
    """
    rows, cols = np.mgrid[:radius, 1 - radius : radius]
    below = (rows > 0) | (cols > 0)
    return np.argwhere(below & (rows**2 + cols**2 < radius**2)) - np.array([0, radius - 1])


def path_points(offset: np.ndarray) -> np.ndarray:
    """The cells between a source and the cell at an offset, both included.

    They lie in the box that the two span, nearer than 1 to the line through them.

    Parameters
    ----------
    offset : ndarray, shape (2,), int
        Of `half_plane_offsets`.

    Returns
    -------
    ndarray, shape (L, 2), int64
        Offsets from the source.
    """
    down, right = offset
    rows, cols = np.mgrid[: down + 1, min(0, right) : max(0, right) + 1]
    near = (rows * right - cols * down) ** 2 < down**2 + right**2
    return np.argwhere(near) + np.array([0, min(0, right)])


def pair_affinities(edges: torch.Tensor, radius: int) -> torch.Tensor:
    """How far the cells of each pair belong together: 1 - the strongest edge between them.

    Parameters
    ----------
    edges : Tensor, shape (N, h, w), float32
        Probabilities of edges, at least `radius` x (2 `radius` - 1) cells. The gradient of an
        affinity goes to its strongest edge.
    radius : int
        In cells.

    Returns
    -------
    Tensor, shape (N, P, h - radius + 1, w - 2 * radius + 2), float32
        Sources begin in row 0 and column `radius` - 1; P in the order of `half_plane_offsets`.
    """
    strongest = _strongest_edges(edges.detach(), radius)
    reached = edges.flatten(1).gather(1, strongest.flatten(1))
    return 1 - reached.view(strongest.shape)


def pair_classes(
    labels: torch.Tensor, radius: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Which pairs lie on the background, on one class, and on different classes.

    Parameters
    ----------
    labels : Tensor, shape (N, h, w), uint8
        Class indices, 0 = background; pairs with a 255 (void) are of no kind.
    radius : int
        In cells.

    Returns
    -------
    background, foreground, different : Tensor, bool
        In the shape of `pair_affinities`.
    """
    source = _at(labels, (0, 0), radius)[:, None]
    other = torch.stack([_at(labels, o, radius) for o in half_plane_offsets(radius)], 1)
    known = (source != VOID) & (other != VOID)
    equal = known & (source == other)
    return equal & (source == 0), equal & (source != 0), known & (source != other)


def affinity_loss(edges: torch.Tensor, labels: torch.Tensor, radius: int = 10) -> torch.Tensor:
    """The part of IRN's loss that edges learn from: a cross-entropy over pairs of cells.

    Half of it comes from pairs of equal labels, in equal parts from the background and from the
    objects, half from pairs of different ones. A kind without a pair counts 0.

    Parameters
    ----------
    edges : Tensor, shape (N, h, w), float32
        Probabilities of edges.
    labels : Tensor, shape (N, h, w), uint8
        As for `pair_classes`.
    radius : int
        In cells; IRN's is 10 at 1/4 of the image.

    Returns
    -------
    Tensor, a scalar
    """
    affinities = pair_affinities(edges, radius)
    background, foreground, different = pair_classes(labels, radius)
    # picked out, not multiplied by 0: of a batch's millions of pairs most are of no or one kind
    joined = sum(_surprise(affinities.masked_select(kind)) for kind in (background, foreground))
    return (joined / 2 + _surprise(1 - affinities.masked_select(different))) / 2


def _surprise(probabilities: torch.Tensor) -> torch.Tensor:
    """The mean negative log probability; 0 of none."""
    return -torch.log(probabilities + 1e-5).sum() / max(1, len(probabilities))


def _strongest_edges(edges: torch.Tensor, radius: int) -> torch.Tensor:
    """The place of the strongest edge of each path, as an index of the flat map.

    One number holds an edge and, in its lower half, the place, so that a single maximum per
    point finds both: the bits of floats above 0 are in the order of the floats.
    """
    places = torch.arange(edges[0].numel(), device=edges.device).view(edges.shape[1:])
    keys = (edges.float().view(torch.int32).long() << 32) | places
    offsets = half_plane_offsets(radius)
    sources = _at(keys, (0, 0), radius)
    strongest = sources[:, None].repeat(1, len(offsets), 1, 1)
    for path, offset in enumerate(offsets):
        best = strongest[:, path]
        for point in path_points(offset):
            torch.maximum(best, _at(keys, point, radius), out=best)
    return strongest.bitwise_and_(2**32 - 1)


def _at(maps: torch.Tensor, offset: tuple[int, int] | np.ndarray, radius: int) -> torch.Tensor:
    """What maps (N, h, w) hold at an offset from each source."""
    reach = radius - 1
    height, width = maps.shape[-2] - reach, maps.shape[-1] - 2 * reach
    top, left = offset[0], reach + offset[1]
    return maps[..., top : top + height, left : left + width]
