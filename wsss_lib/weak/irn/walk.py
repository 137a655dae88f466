"""IRN's random walk: scores spread over an image until they meet its edges.

Nothing is dense: cells are joined to their neighbours only, and instead of squaring the transition
matrix 8 times (2^8 steps) the few score maps are multiplied by it 2^8 times. That is the same
product, at 500 x 500 pixels in a few MB instead of some GB.
"""

import numpy as np
import torch
from scipy import sparse
from torch.nn import functional

from wsss_lib.scores import ClassScores
from wsss_lib.weak.irn.pairs import half_plane_offsets, pair_affinities


def refine_scores(
    scores: ClassScores,
    edge: np.ndarray,
    *,
    power: float = 1.5,
    beta: float = 10,
    doublings: int = 8,
) -> ClassScores:
    """Spread scores over an image by a random walk at 1/4 of its size.

    Parameters
    ----------
    scores : ClassScores, at (H, W)
        At least 0. SIPE's walk takes all classes with the background, and the label is the greatest
        score afterwards. IRN's takes the CAMs of the objects, and the background is a constant
        afterwards, see `wsss_lib.weak.steps.IRN`.
    edge : ndarray, shape (ceil(H / 4), ceil(W / 4)), float32
        Probabilities of edges, see `edge_map`.
    power : float
        Scores are raised to it first; SIPE's 1.5, in IRN 1.
    beta : float
        See `transition_matrix`.
    doublings : int
        See `random_walk`.

    Returns
    -------
    ClassScores, at (H, W)
        Of the same labels; the greatest of all scores is 1.
    """
    height, width = scores.image_size
    small = _resized(scores.values, edge.shape) ** power
    walked = random_walk(small * (1 - edge), transition_matrix(edge, beta=beta), doublings)
    values = _resized(walked, (4 * edge.shape[0], 4 * edge.shape[1]))[:, :height, :width]
    return ClassScores(values / (values.max() or 1), scores.labels)


def transition_matrix(edge: np.ndarray, radius: int = 5, beta: float = 10) -> sparse.dia_array:
    """The probabilities of a step from cell to cell (the columns sum to 1).

    The affinity of two cells is 1 - the strongest edge between them, that of a cell with itself 1.
    Beyond the map all is edge.

    Parameters
    ----------
    edge : ndarray, shape (h, w), float32
        Probabilities of edges.
    radius : int
        Greatest distance of a step, in cells, itself excluded.
    beta : float
        Affinities are raised to it, so that weak ones vanish.

    Returns
    -------
    sparse array, shape (h * w, h * w), float32
        By diagonals: one for each offset to a neighbour.
    """
    height, width = edge.shape
    reach = radius - 1
    padded = np.pad(edge, ((0, reach), (reach, reach)), constant_values=1)
    affinities = pair_affinities(torch.from_numpy(padded)[None], radius)[0].numpy() ** beta
    forwards = affinities.reshape(-1, height * width)
    steps = half_plane_offsets(radius) @ (width, 1)
    # a diagonal is stored by columns: that of a pair's source, or of its other cell a step away.
    # What is rolled past the end is 0, for it has left the map.
    backwards = [np.roll(row, step) for row, step in zip(forwards, steps, strict=True)]
    weights = np.concatenate([np.ones_like(forwards[:1]), forwards, backwards])
    # in a narrow map several offsets are the same step: from a cell, all but one have left the map
    diagonals, place = np.unique([0, *-steps, *steps], return_inverse=True)
    summed = np.zeros((len(diagonals), height * width), np.float32)
    np.add.at(summed, place, weights)
    return sparse.dia_array((summed / summed.sum(0), diagonals), shape=(height * width,) * 2)


def random_walk(values: np.ndarray, transition: sparse.sparray, doublings: int = 8) -> np.ndarray:
    """Walk ``2 ** doublings`` steps: ``values @ transition ** steps``.

    Parameters
    ----------
    values : ndarray, shape (K, h, w), float32
    transition : sparse array, shape (h * w, h * w), float32
    doublings : int
        How often the transition matrix would be squared; IRN's 8 are 256 steps.

    Returns
    -------
    ndarray, shape (K, h, w), float32
    """
    step = transition.T
    rows = list(values.reshape(len(values), -1))
    for _ in range(2**doublings):
        rows = [step @ row for row in rows]  # one by one: for a single row diagonals are fastest
    return np.stack(rows).reshape(values.shape)


def _resized(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bilinear interpolation of (K, h, w) to another (h, w)."""
    return functional.interpolate(torch.tensor(maps)[None], size, mode="bilinear")[0].numpy()
