"""Persistent-homology loss: beside a reduction of the boundary matrix, by hand, windows, bad input."""

import sys
from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy import ndimage
from torch import Tensor

from ramify.losses.persistent_homology import persistent_homology_loss
from ramify.losses.term_settings import PersistentHomologySettings

pytest.importorskip("gudhi", reason="gudhi is not installed: pip install gudhi")

Cell = tuple[int, ...]


def image(*rows: list[float]) -> Tensor:
    """(1, 1, H, W) from rows of numbers."""
    return torch.tensor(rows, dtype=torch.float64)[None, None]


# Persistence straight from its definition: cells of closed voxels, by the lowest voxel around them, in the order they
# appear; a column of the boundary matrix is reduced by earlier ones until its last entry is its own.


def cells_by_level(levels: np.ndarray) -> Iterator[tuple[float, int, Cell]]:
    """Level, dimension and place of every cell; places are odd along the axes in which a cell extends."""
    for place in product(*(range(2 * n + 1) for n in levels.shape)):
        around = [(i // 2,) if i % 2 else (i // 2 - 1, i // 2) for i in place]
        voxels = [q for q in product(*around) if all(0 <= i < n for i, n in zip(q, levels.shape))]
        yield min(levels[q] for q in voxels), sum(i % 2 for i in place), place


def diagrams(levels: np.ndarray) -> list[list[tuple[float, float]]]:
    """Points (birth, death) of each dimension; death 1 of the component that stays."""
    cells = sorted(cells_by_level(levels))
    index = {place: i for i, (_, _, place) in enumerate(cells)}
    columns: list[set[int]] = []
    owner: dict[int, int] = {}
    found: list[list[tuple[float, float]]] = [[] for _ in range(levels.ndim)]
    for i, (level, dimension, place) in enumerate(cells):
        sides = [axis for axis, step in enumerate(place) if step % 2]
        faces = [(*place[:axis], place[axis] + d, *place[axis + 1 :]) for axis in sides for d in (-1, 1)]
        column = {index[face] for face in faces}
        while column and max(column) in owner:
            column ^= columns[owner[max(column)]]
        columns.append(column)
        if column:
            owner[max(column)] = i
            if cells[max(column)][0] < level:
                found[dimension - 1].append((cells[max(column)][0], level))
    found[0].append((levels.min(), 1.0))
    return found


def loss_of_diagrams(probabilities: np.ndarray, target: np.ndarray, dimensions: tuple[int, ...]) -> float:
    predicted, wanted = diagrams(1.0 - probabilities), diagrams(1.0 - target)
    total = 0.0
    for dimension in dimensions:
        count = sum(birth == 0.0 for birth, _ in wanted[dimension])
        points = sorted(predicted[dimension], key=lambda point: point[0] - point[1])
        total += sum(birth**2 + (1.0 - death) ** 2 for birth, death in points[:count])
        total += sum((death - birth) ** 2 / 2.0 for birth, death in points[count:])
    return total


@pytest.mark.parametrize("size", [(9,), (5, 6), (3, 4, 3)])
def test_beside_the_reduced_boundary_matrix(size):
    generator = np.random.default_rng(0)
    probabilities, target = generator.random((2, 3, *size)), (generator.random((2, 3, *size)) < 0.6).astype(float)
    target[0, 0] = 0.0
    target[0, 1] = 1.0
    dimensions = tuple(range(len(size)))
    for own in (*((d,) for d in dimensions), dimensions):
        expected = [loss_of_diagrams(probabilities[i], target[i], own) for i in np.ndindex(2, 3)]
        loss = persistent_homology_loss(torch.from_numpy(probabilities), torch.from_numpy(target), dimensions=own)
        assert loss.item() == pytest.approx(np.mean(expected), abs=1e-9)
        assert loss.item() > 0.0


@pytest.mark.parametrize(("size", "dimensions"), [((6, 7), (0, 1)), ((4, 3, 5), (0, 1, 2))])
def test_gradient(size, dimensions):
    generator = torch.Generator().manual_seed(0)
    probabilities = torch.rand(2, 1, *size, generator=generator, dtype=torch.float64).requires_grad_()
    target = torch.rand(2, 1, *size, generator=generator) < 0.5

    def loss(values: Tensor) -> Tensor:
        return persistent_homology_loss(values, target, patch_size=4, dimensions=dimensions)

    assert torch.autograd.gradcheck(loss, (probabilities,))


def test_two_pieces_of_one_by_hand():
    # Levels 0.1 and 0.3 appear, and become one at 0.8.
    pieces = image([0.0, 0.9, 0.2, 0.7, 0.0]).requires_grad_()
    one = image([0.0, 1.0, 1.0, 1.0, 0.0])
    loss = persistent_homology_loss(pieces, one, dimensions=(0,))
    assert loss.item() == pytest.approx(0.1**2 + (0.8 - 0.3) ** 2 / 2)
    loss.backward()
    # The first is to be surer, the gap to fill and the second to vanish.
    np.testing.assert_allclose(pieces.grad[0, 0, 0], [0.0, -0.2, -0.5, 0.5, 0.0], atol=1e-12)


def test_two_pieces_of_two_by_hand():
    pieces = image([0.0, 0.9, 0.2, 0.7, 0.0]).requires_grad_()
    two = image([0.0, 1.0, 0.0, 1.0, 0.0])
    loss = persistent_homology_loss(pieces, two, dimensions=(0,))
    assert loss.item() == pytest.approx(0.1**2 + 0.3**2 + 0.2**2)
    loss.backward()
    np.testing.assert_allclose(pieces.grad[0, 0, 0], [0.0, -0.2, 0.4, -0.6, 0.0], atol=1e-12)


def test_a_broken_loop_by_hand():
    # The loop closes at its weakest pixel, level 0.7, and fills at 0.9.
    loop = image([0.95, 0.95, 0.95], [0.95, 0.1, 0.3], [0.95, 0.95, 0.95]).requires_grad_()
    target = image([1.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 1.0])
    loss = persistent_homology_loss(loop, target, dimensions=(1,))
    assert loss.item() == pytest.approx(0.7**2 + 0.1**2)
    loss.backward()
    assert loop.grad.nonzero().tolist() == [[0, 0, 1, 1], [0, 0, 1, 2]]
    np.testing.assert_allclose(loop.grad[0, 0, 1], [0.0, 0.2, -1.4], atol=1e-12)
    assert persistent_homology_loss(loop, torch.ones_like(loop), dimensions=(1,)).item() == pytest.approx(0.2**2 / 2)


def test_a_cavity_by_hand():
    shell = torch.full((1, 1, 3, 3, 3), 0.95, dtype=torch.float64)
    shell[0, 0, 1, 1, 1], shell[0, 0, 0, 1, 1] = 0.2, 0.6
    target = torch.ones_like(shell)
    target[0, 0, 1, 1, 1] = 0.0
    assert persistent_homology_loss(shell, target, dimensions=(2,)).item() == pytest.approx(0.4**2 + 0.2**2)
    assert persistent_homology_loss(shell, target, dimensions=(1,)).item() == 0.0


def test_diagonal_neighbours_are_one_piece_and_enclose_a_hole():
    diamond = image([0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0])
    assert persistent_homology_loss(diamond, torch.ones_like(diamond), dimensions=(0,)).item() == 0.0
    assert persistent_homology_loss(diamond, torch.ones_like(diamond), dimensions=(1,)).item() == 0.5


@pytest.mark.parametrize(("size", "dimensions"), [((12, 9), (0, 1)), ((6, 7, 8), (0, 1, 2))])
def test_perfect_is_exactly_zero(size, dimensions):
    target = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0)) < 0.5
    target[0, 1], target[1, 1] = False, True
    assert persistent_homology_loss(target.float(), target, patch_size=5, dimensions=dimensions).item() == 0.0


def test_an_empty_target_costs_half_the_squared_maximum():
    probabilities = image([0.1, 0.2, 0.6]).requires_grad_()
    loss = persistent_homology_loss(probabilities, torch.zeros(1, 1, 1, 3), dimensions=(0,))
    assert loss.item() == pytest.approx(0.18)
    loss.backward()
    np.testing.assert_allclose(probabilities.grad[0, 0, 0], [0.0, 0.0, 0.6], atol=1e-12)


def test_a_feature_without_a_point_costs_nothing():
    flat = image([0.4, 0.4, 0.4]).requires_grad_()
    loss = persistent_homology_loss(flat, torch.tensor([[[[True, False, True]]]]), dimensions=(0,))
    assert loss.item() == pytest.approx(0.36)
    loops = persistent_homology_loss(flat, torch.ones(1, 1, 1, 3), dimensions=(1,))
    loops.backward()
    assert loops.item() == 0.0
    assert not flat.grad.any()


def test_windows_are_averaged():
    generator = torch.Generator().manual_seed(0)
    probabilities = torch.rand(1, 2, 7, 5, generator=generator, dtype=torch.float64).requires_grad_()
    target = torch.rand(1, 2, 7, 5, generator=generator) < 0.5
    whole = persistent_homology_loss(probabilities, target, patch_size=4)
    corners = [(slice(a, a + 4), slice(b, b + 4)) for a in (0, 4) for b in (0, 4)]
    parts = [
        persistent_homology_loss(probabilities[:, c : c + 1, rows, columns], target[:, c : c + 1, rows, columns])
        for c in range(2)
        for rows, columns in corners
    ]
    mean = torch.stack(parts).mean()
    torch.testing.assert_close(whole, mean)
    gradients = [torch.autograd.grad(loss, probabilities)[0] for loss in (whole, mean)]
    torch.testing.assert_close(*gradients)


def test_flips_and_axis_swaps_change_nothing():
    generator = torch.Generator().manual_seed(0)
    probabilities = torch.rand(1, 1, 4, 5, 6, generator=generator, dtype=torch.float64)
    target = torch.rand(1, 1, 4, 5, 6, generator=generator) < 0.5
    loss = persistent_homology_loss(probabilities, target, dimensions=(0, 1, 2)).item()
    for moved in (lambda t: t.flip(2, 4), lambda t: t.transpose(2, 4), lambda t: t.permute(0, 1, 3, 4, 2)):
        again = persistent_homology_loss(moved(probabilities), moved(target), dimensions=(0, 1, 2))
        assert again.item() == pytest.approx(loss, abs=1e-12)


def test_descent_closes_a_broken_vessel_and_clears_a_speck():
    target = torch.zeros(1, 1, 7, 20)
    target[..., 2:4, 1:19] = 1.0
    probabilities = target * 0.8 + 0.1
    probabilities[..., 2:4, 9:11] = 0.15
    probabilities[..., 5, 5] = 0.7
    assert ndimage.label(probabilities[0, 0] > 0.5, np.ones((3, 3)))[1] == 3
    for _ in range(40):
        probabilities.requires_grad_()
        (gradient,) = torch.autograd.grad(persistent_homology_loss(probabilities, target), probabilities)
        probabilities = (probabilities - 0.2 * gradient).detach().clamp(0.0, 1.0)
    assert ndimage.label(probabilities[0, 0] > 0.5, np.ones((3, 3)))[1] == 1


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_any_floating_type(dtype):
    probabilities = torch.rand(1, 1, 6, 6, generator=torch.Generator().manual_seed(0)).to(dtype).requires_grad_()
    loss = persistent_homology_loss(probabilities, torch.ones(1, 1, 6, 6, dtype=torch.bool))
    loss.backward()
    assert loss.dtype == torch.float32
    assert bool(probabilities.grad.any())


def test_settings_are_the_keyword_arguments():
    defaults = persistent_homology_loss.__kwdefaults__
    assert dict(PersistentHomologySettings()) | {"mask": None} == defaults


@pytest.mark.parametrize("wrong", [{"patch_size": 1}, {"dimensions": ()}, {"dimensions": (3,)}, {"dimensions": (1, 1)}])
def test_settings_out_of_range(wrong):
    with pytest.raises(ValidationError):
        PersistentHomologySettings(**wrong)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"probabilities": torch.ones(1, 1, 4, 5)}, r"shape \(1, 1, 4, 5\) differs from the target's \(1, 1, 4, 4\)"),
        ({"probabilities": torch.full((1, 1, 4, 4), -2.0)}, r"expected \[0, 1\], got \[-2, -2\]; pass logits"),
        ({"patch_size": 1}, r"patch_size: expected at least 2 voxels, got 1"),
        ({"dimensions": (0, 2)}, r"dimensions: expected some of \(0, 1\), each once, for 2D, got \(0, 2\)"),
        ({"dimensions": (0, 0)}, r"each once, for 2D, got \(0, 0\)"),
        ({"dimensions": ()}, r"each once, for 2D, got \(\)"),
        (
            {"probabilities": torch.ones(1, 1, 1, 1, 1, 4), "target": torch.ones(1, 1, 1, 1, 1, 4)},
            "one to three axes, got 4",
        ),
    ],
)
def test_bad_input(change, message):
    arguments = {"probabilities": torch.ones(1, 1, 4, 4), "target": torch.ones(1, 1, 4, 4)} | change
    with pytest.raises(ValueError, match=message):
        persistent_homology_loss(**arguments)


def test_without_gudhi(monkeypatch):
    monkeypatch.setitem(sys.modules, "gudhi", None)
    with pytest.raises(ValueError, match="gudhi is not installed; pip install gudhi"):
        persistent_homology_loss(torch.ones(1, 1, 4, 4), torch.ones(1, 1, 4, 4))
