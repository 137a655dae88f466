import numpy as np
import pytest

from wsss_lib.scores import ClassScores
from wsss_lib.weak.irn.pairs import path_points
from wsss_lib.weak.irn.walk import random_walk, refine_scores, transition_matrix


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def dense_transition(edge, radius, beta):
    """The transition matrix, pair by pair."""
    width = edge.shape[1]
    affinity = np.eye(edge.size)
    for i in range(edge.size):
        for j in range(i + 1, edge.size):
            row, col = divmod(i, width)
            offset = np.array(divmod(j, width)) - (row, col)
            if np.hypot(*offset) < radius:
                rows, cols = path_points(offset).T
                strongest = edge[row + rows, col + cols].max()
                affinity[i, j] = affinity[j, i] = (1 - strongest) ** beta
    return affinity / affinity.sum(0)


@pytest.mark.parametrize("size", [(7, 9), (12, 5), (1, 8), (6, 1), (1, 1)])
def test_transition_is_the_one_found_pair_by_pair(rng, size):
    edge = rng.random(size, np.float32)
    ours = transition_matrix(edge, radius=4, beta=3)
    assert ours.dtype == np.float32
    np.testing.assert_allclose(ours.toarray(), dense_transition(edge, 4, 3), rtol=1e-5, atol=1e-7)


def test_cells_without_edges_are_joined_to_all_within_the_radius():
    transition = transition_matrix(np.zeros((11, 13), np.float32))
    middle = 5 * 13 + 6
    assert (transition.toarray()[middle] > 0).sum() == 2 * 34 + 1


def test_a_walk_is_a_power_of_the_dense_matrix(rng):
    edge = 0.2 * rng.random((6, 8), np.float32)
    values = rng.random((3, 6, 8), np.float32)
    transition = transition_matrix(edge)
    power = np.linalg.matrix_power(transition.toarray().astype(float), 2**5)
    expected = (values.reshape(3, -1) @ power).reshape(values.shape)
    walked = random_walk(values, transition, doublings=5)
    assert walked.dtype == np.float32
    np.testing.assert_allclose(walked, expected, rtol=1e-4)


def test_without_edges_a_long_walk_forgets_where_it_began(rng):
    values = rng.random((2, 9, 12), np.float32)
    transition = transition_matrix(np.zeros((9, 12), np.float32))
    degree = 1 / transition.diagonal()
    expected = values.reshape(2, -1) @ degree / degree.sum()
    walked = random_walk(values, transition)
    np.testing.assert_allclose(walked.reshape(2, -1).T, [expected] * 108, rtol=1e-3)


def test_a_wall_of_edges_stops_the_walk():
    edge, values = np.zeros((10, 15), np.float32), np.zeros((1, 10, 15), np.float32)
    edge[:, 7] = 1
    values[:, 5, 2] = 1
    walked = random_walk(values, transition_matrix(edge))[0]
    assert (walked[:, 7:] == 0).all()
    assert (walked[:, :7] > 0).all()


def test_the_walk_of_a_500_by_500_image_is_sparse():
    transition = transition_matrix(np.zeros((125, 125), np.float32))
    assert transition.data.nbytes < 5e6


@pytest.mark.parametrize("size", [(37, 50), (500, 333), (3, 2)])
def test_refined_scores_have_the_image_s_size(rng, size):
    scores = ClassScores(rng.random((3, *size), np.float32), (0, 4, 9))
    edge = rng.random((-(-size[0] // 4), -(-size[1] // 4)), np.float32)
    refined = refine_scores(scores, edge, doublings=2)
    assert refined.values.shape == scores.values.shape
    assert refined.values.dtype == np.float32
    assert refined.labels == scores.labels
    assert refined.values.max() == 1


def test_a_class_fills_what_edges_enclose():
    edge = np.zeros((16, 24), np.float32)
    edge[4, 4:13] = edge[12, 4:13] = edge[4:13, 4] = edge[4:13, 12] = 1
    values = np.zeros((2, 64, 96), np.float32)
    values[0] = 0.1
    values[1, 24:36, 24:32] = 1  # a part of the object; a speck beside it
    values[1, 30:34, 80:84] = 0.5
    scores = ClassScores(values, (0, 7))
    assert (scores.mask() == 7).sum() == 12 * 8 + 4 * 4
    mask = refine_scores(scores, edge).mask()
    assert (mask[22:46, 22:46] == 7).all()
    assert (mask[:, 56:] == 0).all()


def test_scores_are_raised_to_the_power_and_damped_on_edges(rng):
    values = np.repeat(np.float32([[0.5], [0.25]]), 8 * 8, 1).reshape(2, 8, 8)
    edge = np.full((2, 2), 0.5, np.float32)
    edge[0, 0] = 0
    refined = refine_scores(ClassScores(values, (0, 1)), edge, power=2, beta=1000, doublings=0)
    assert refined.values[:, 0, 0].tolist() == [1, 0.25]
    assert refined.values[:, -1, -1].tolist() == [0.5, 0.125]


def test_nothing_seen_stays_nothing():
    scores = ClassScores(np.zeros((1, 9, 9), np.float32), (3,))
    assert (refine_scores(scores, np.zeros((3, 3), np.float32)).values == 0).all()
