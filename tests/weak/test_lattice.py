import numpy as np
import pytest

from wsss_lib.errors import ParameterError
from wsss_lib.weak.lattice import PermutohedralLattice, _elevate, _enclosing_cells


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def grid(side, deviation):
    places = np.indices((side, side), np.float32).reshape(2, -1).T
    return places / np.float32(deviation)


def smoothed(features, values):
    lattice = PermutohedralLattice(features)
    return lattice.filter(values) / lattice.filter(np.ones((len(features), 1)))


def brute_force(features, values):
    squares = ((features[:, None].astype(float) - features) ** 2).sum(-1)
    kernel = np.exp(-squares / 2)
    return kernel @ values / kernel.sum(1, keepdims=True)


@pytest.mark.parametrize("deviation", [2, 3, 5])
def test_positions_are_smoothed_as_by_a_gaussian(rng, deviation):
    features, values = grid(32, deviation), rng.random((32 * 32, 2))
    exact = brute_force(features, values)
    error = smoothed(features, values) - exact
    assert np.abs(error).max() < 0.1
    assert error.std() < 0.25 * exact.std()


def test_two_colours_are_kept_apart(rng):
    colours = np.where(np.arange(32) < 16, 0, 20).repeat(32)
    features = np.column_stack([grid(32, 5), colours]).astype(np.float32)
    values = (colours > 0) + 0.1 * rng.random(len(colours))
    ours = smoothed(features, values[:, None])
    np.testing.assert_allclose(ours, brute_force(features, values[:, None]), atol=0.02)


def test_points_far_apart_keep_their_values(rng):
    features = 1000 * np.arange(6, dtype=np.float32)[:, None] * np.ones(3, np.float32)
    values = rng.random((6, 2)).astype(np.float32)
    np.testing.assert_allclose(smoothed(features, values), values, rtol=1e-6)


def test_filter_is_linear_and_its_channels_are_separate(rng):
    lattice = PermutohedralLattice(rng.standard_normal((300, 5)))
    a, b = rng.random((2, 300, 3)).astype(np.float32)
    together = lattice.filter(2 * a - 3 * b)
    np.testing.assert_allclose(together, 2 * lattice.filter(a) - 3 * lattice.filter(b), atol=1e-4)
    np.testing.assert_array_equal(lattice.filter(a)[:, 1:2], lattice.filter(a[:, 1:2]))


@pytest.mark.parametrize("d", [1, 2, 3, 5])
def test_points_are_the_weighted_corners_of_their_cells(rng, d):
    elevated = _elevate(20 * rng.standard_normal((d, 400)).astype(np.float32))
    origin, rank, weights = _enclosing_cells(elevated)
    np.testing.assert_allclose(elevated.sum(0), 0, atol=1e-3)
    assert not origin.sum(0).any()
    assert not (origin % (d + 1)).any()
    assert weights.min() > -1e-4
    np.testing.assert_allclose(weights.sum(0), 1, atol=1e-5)
    remainders = np.arange(d + 1)[:, None, None]
    corners = origin + remainders - (d + 1) * (rank > d - remainders)
    np.testing.assert_allclose((corners * weights[:, None]).sum(0), elevated, atol=1e-3)


def test_elevated_distances_are_those_of_the_points():
    points = np.random.default_rng(1).standard_normal((5, 40)).astype(np.float32)
    elevated = _elevate(points)
    scale = 6 * np.sqrt(2 / 3)
    ours = np.linalg.norm(elevated[:, :1] - elevated, axis=0)
    theirs = np.linalg.norm(points[:, :1] - points, axis=0)
    np.testing.assert_allclose(ours, scale * theirs, rtol=1e-4)


def test_points_too_far_apart_are_refused():
    with pytest.raises(ParameterError, match="wider Gaussian"):
        PermutohedralLattice(np.array([[0] * 5, [1e5] * 5]))
