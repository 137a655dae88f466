import numpy as np
import pytest
import torch

from wsss_lib.weak.irn.pairs import (
    affinity_loss,
    half_plane_offsets,
    pair_affinities,
    pair_classes,
    path_points,
)


@pytest.fixture
def edges():
    return torch.rand(2, 9, 16, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def labels():
    values = torch.tensor([0, 1, 2, 255], dtype=torch.uint8)
    blocks = torch.randint(4, (2, 3, 4), generator=torch.Generator().manual_seed(0))
    return values[blocks].repeat_interleave(3, 1).repeat_interleave(4, 2)


def pairs_by_hand(edges, labels, radius):
    """(affinity, label, other label) of each pair, found cell by cell."""
    n, height, width = edges.shape
    for b in range(n):
        for row in range(height - radius + 1):
            for col in range(radius - 1, width - radius + 1):
                for r in range(height):
                    for c in range(width):
                        later = r > row or (r == row and c > col)
                        if later and np.hypot(r - row, c - col) < radius:
                            strongest = max(edges[b, y, x] for y, x in between(row, col, r, c))
                            yield 1 - strongest, labels[b, row, col], labels[b, r, c]


def between(row, col, r, c):
    direction = np.array([r - row, c - col]) / np.hypot(r - row, c - col)
    for y in range(row, r + 1):
        for x in range(min(col, c), max(col, c) + 1):
            aside = np.array([y - row, x - col]) - direction * (direction @ (y - row, x - col))
            if np.hypot(*aside) < 1 - 1e-9:
                yield y, x


@pytest.mark.parametrize(("radius", "count"), [(2, 4), (5, 34), (10, 152)])
def test_offsets_are_half_of_the_disc(radius, count):
    offsets = half_plane_offsets(radius)
    assert offsets.shape == (count, 2)
    both = {tuple(o) for o in np.concatenate([offsets, -offsets]).tolist()}
    side = range(-radius, radius + 1)
    disc = {(y, x) for y in side for x in side if 0 < np.hypot(y, x) < radius}
    assert both == disc


@pytest.mark.parametrize(
    ("offset", "points"),
    [
        ((0, 2), [(0, 0), (0, 1), (0, 2)]),
        ((1, -1), [(0, -1), (0, 0), (1, -1), (1, 0)]),
        ((2, 3), [(0, 0), (0, 1), (1, 0), (1, 1), (1, 2), (1, 3), (2, 2), (2, 3)]),
    ],
)
def test_a_path_is_the_cells_near_the_line(offset, points):
    assert sorted(map(tuple, path_points(np.array(offset)).tolist())) == points


def test_irns_training_map_has_13090_sources():
    affinities = pair_affinities(torch.zeros(1, 128, 128), 10)
    assert affinities.shape == (1, 152, 119, 110)
    assert affinities[0, 0].numel() == 13_090


@pytest.mark.parametrize("radius", [3, 6])
def test_affinities_are_those_found_cell_by_cell(edges, labels, radius):
    ours = pair_affinities(edges, radius).permute(0, 2, 3, 1).flatten()
    hand = [affinity for affinity, _, _ in pairs_by_hand(edges.numpy(), labels.numpy(), radius)]
    np.testing.assert_array_equal(np.sort(ours.numpy()), np.sort(np.float32(hand)))
    offsets = half_plane_offsets(radius).tolist()
    last = pair_affinities(edges, radius)[1, offsets.index([2, -1]), 0, 1]
    strongest = max(edges[1, y, x] for y, x in between(0, radius, 2, radius - 1))
    assert last == 1 - strongest


def test_the_gradient_goes_to_the_strongest_edge_of_each_path(edges):
    edges.requires_grad_()
    pair_affinities(edges, 3)[1, 0, 2, 4].backward()  # the pair of a cell and its right neighbour
    row, col = 2, 4 + 2
    place = max(((1, row, col), (1, row, col + 1)), key=lambda p: edges[p].item())
    expected = torch.zeros_like(edges)
    expected[place] = -1
    assert torch.equal(edges.grad, expected)


def test_kinds_stand_at_their_pairs():
    labels = torch.tensor([[[0, 0, 1, 1, 2, 255]]], dtype=torch.uint8).repeat(1, 2, 1)
    background, foreground, different = (kind[0, 0, 0] for kind in pair_classes(labels, 2))
    assert half_plane_offsets(2)[0].tolist() == [0, 1]
    assert background.tolist() == [False, False, False, False]  # sources are the columns 1 to 4
    assert foreground.tolist() == [False, True, False, False]
    assert different.tolist() == [True, False, True, False]


def test_loss_is_that_of_all_pairs_one_by_one(edges, labels):
    terms = ([], [], [])
    for affinity, label, other in pairs_by_hand(edges.numpy(), labels.numpy(), 4):
        if 255 in (label, other):
            continue
        if label != other:
            terms[2].append(-np.log(1 - affinity + 1e-5))
        else:
            terms[int(label > 0)].append(-np.log(affinity + 1e-5))
    background, foreground, different = map(np.mean, terms)
    expected = 0.5 * (0.5 * background + 0.5 * foreground + different)
    assert affinity_loss(edges, labels, 4).item() == pytest.approx(expected, rel=1e-5)


def test_gradient_is_finite_at_certain_edges(edges, labels):
    edges = edges.round().requires_grad_()
    affinity_loss(edges, labels, 4).backward()
    assert edges.grad.isfinite().all()
    assert edges.grad.abs().sum() > 0


def test_loss_without_pairs_is_0(edges, labels):
    assert affinity_loss(edges, torch.full_like(labels, 255), 4) == 0
    background = affinity_loss(edges, torch.zeros_like(labels), 4)
    expected = -torch.log(pair_affinities(edges, 4) + 1e-5).mean() / 4
    torch.testing.assert_close(background, expected)
