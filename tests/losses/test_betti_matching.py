"""Betti matching: beside a reduction of the boundary matrix, by hand, beside the authors' code, bad input."""

from itertools import product

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy import ndimage

from ramify.losses.betti_matching import betti_matching_loss
from ramify.losses.term_settings import BettiMatchingSettings

Cell = tuple[int, ...]
PIECES, HOLES = {"holes": False}, {"pieces": False}


def image(*rows: list[float]) -> torch.Tensor:
    """(1, 1, H, W) from rows of numbers."""
    return torch.tensor(rows, dtype=torch.float64)[None, None]


class Complex:
    """Cells of voxels with their levels by the prediction, the truth and the comparison; pairs straight from the
    definition: columns of the boundary matrix in the order of one of them, rows in that of another.

    full: voxels are the largest cells, the others have the lowest level around; otherwise voxels are the corners, and
    the others have the highest.
    """

    def __init__(self, own: np.ndarray, truth: np.ndarray, full: bool) -> None:
        self.levels: list[tuple[float, ...]] = []
        self.places: dict[Cell, int] = {}
        self.dimensions: list[int] = []
        images = (own, truth, np.minimum(own, truth))
        for place in product(*(range(2 * n + (1 if full else -1)) for n in own.shape)):
            if full:
                around = [(i // 2,) if i % 2 else (i // 2 - 1, i // 2) for i in place]
            else:
                around = [(i // 2, i // 2 + 1) if i % 2 else (i // 2,) for i in place]
            voxels = [q for q in product(*around) if all(0 <= i < n for i, n in zip(q, own.shape))]
            self.places[place] = len(self.levels)
            self.levels.append(tuple((min if full else max)(levels[q] for q in voxels) for levels in images))
            self.dimensions.append(sum(i % 2 for i in place))

    def _order(self, by: int) -> list[int]:
        return sorted(range(len(self.levels)), key=lambda cell: (self.levels[cell][by], self.dimensions[cell], cell))

    def pairs(self, rows: int, columns: int) -> dict[int, int]:
        """For each cell with which a feature ends, by the order of the columns, that with which it began."""
        by_rank = self._order(rows)
        rank = {cell: i for i, cell in enumerate(by_rank)}
        names = list(self.places)
        owner: dict[int, set[int]] = {}
        began = {}
        for cell in self._order(columns):
            place = names[cell]
            sides = [axis for axis, step in enumerate(place) if step % 2]
            faces = [(*place[:a], place[a] + d, *place[a + 1 :]) for a in sides for d in (-1, 1)]
            column = {rank[self.places[face]] for face in faces}
            while column and max(column) in owner:
                column ^= owner[max(column)]
            if column:
                owner[max(column)] = column
                began[cell] = by_rank[max(column)]
        return began


def loss_of_pairs(own: np.ndarray, truth: np.ndarray, dimensions: tuple[int, ...], full: bool) -> float:
    cells = Complex(own, truth, full)

    def bar(side: int, began: int) -> np.ndarray:
        return np.array([cells.levels[began][side], cells.levels[ends[side][began]][side]])

    ends = [{began: end for end, began in cells.pairs(side, side).items()} for side in (0, 1)]
    images, comparison = [cells.pairs(side, 2) for side in (0, 1)], cells.pairs(2, 2)
    total = 2.0 * (own.min() - truth.min()) ** 2 if 0 in dimensions else 0.0
    for dimension in dimensions:
        lasting = [
            {began for began in ends[side] if cells.dimensions[began] == dimension and np.ptp(bar(side, began)) > 0}
            for side in (0, 1)
        ]
        matched: list[set[int]] = [set(), set()]
        for end, began in comparison.items():
            names = [image.get(end, -1) for image in images]
            there = all(
                n in lasting[side] and cells.levels[n][side] < cells.levels[end][2] for side, n in enumerate(names)
            )
            if there and cells.levels[began][2] < cells.levels[end][2]:
                total += 2.0 * ((bar(0, names[0]) - bar(1, names[1])) ** 2).sum()
                for side in (0, 1):
                    matched[side].add(names[side])
        for side in (0, 1):
            total += sum(np.ptp(bar(side, began)) ** 2 for began in lasting[side] - matched[side])
    return total


@pytest.mark.parametrize("connectivity", ["full", "faces"])
@pytest.mark.parametrize("size", [(5, 6), (3, 3, 4)])
def test_beside_the_reduced_boundary_matrix(size, connectivity):
    generator = np.random.default_rng(0)
    probabilities, target = generator.random((2, 3, *size)), (generator.random((2, 3, *size)) < 0.6).astype(float)
    target[0, 0] = 0.0
    target[0, 1] = 1.0
    top = len(size) - 1
    for own, choice in (((0,), PIECES), ((top,), HOLES), ((0, top), {})):
        expected = [
            loss_of_pairs(1.0 - probabilities[i], 1.0 - target[i], own, connectivity == "full")
            for i in np.ndindex(2, 3)
        ]
        loss = betti_matching_loss(
            torch.from_numpy(probabilities), torch.from_numpy(target), connectivity=connectivity, **choice
        )
        assert loss.item() == pytest.approx(np.mean(expected), abs=1e-9)


@pytest.mark.parametrize("size", [(9, 12), (5, 6, 7)])
def test_beside_the_authors_code(size):
    """Their package leaves out the first piece, and in 3D counts tunnels besides: those are not compared."""
    module = "topolosses.losses.betti_matching.src.betti_matching_loss"
    peer = pytest.importorskip(module, reason="topolosses is not installed: pip install topolosses").betti_matching
    generator = np.random.default_rng(0)
    top, same = len(size) - 1, 0
    for _ in range(40):
        own, smooth = generator.random(size), ndimage.uniform_filter(generator.random(size), 3)
        truth = (smooth > 0.5).astype(float)
        result = peer.compute_matching([own], [truth])[0]

        def values(levels: np.ndarray, kind: str, dimension: int) -> np.ndarray:
            found = np.array(getattr(result, kind)[dimension]).reshape(-1, levels.ndim).astype(int)  # noqa: B023
            return levels[tuple(found.T)]

        theirs = 2.0 * (own.min() - truth.min()) ** 2
        for dimension in (0, top):
            for when in ("birth", "death"):
                apart = values(own, f"input1_matched_{when}_coordinates", dimension)
                theirs += 2.0 * ((apart - values(truth, f"input2_matched_{when}_coordinates", dimension)) ** 2).sum()
            for levels, side in ((own, 1), (truth, 2)):
                lone = [
                    values(levels, f"input{side}_unmatched_{when}_coordinates", dimension)
                    for when in ("birth", "death")
                ]
                theirs += ((lone[1] - lone[0]) ** 2).sum()
        volumes = (torch.from_numpy(1.0 - levels)[None, None] for levels in (own, truth))
        ours = betti_matching_loss(*volumes, connectivity="faces", empty_images=True).item()
        same += int(abs(ours - theirs) < 1e-9)
    assert same >= 36  # where three features meet at a voxel, which of them ends first is either's own choice


@pytest.mark.parametrize("size", [(6, 7), (4, 3, 5)])
def test_gradient(size):
    generator = torch.Generator().manual_seed(0)
    probabilities = torch.rand(2, 1, *size, generator=generator, dtype=torch.float64).requires_grad_()
    target = torch.rand(2, 1, *size, generator=generator) < 0.5

    def loss(values: torch.Tensor) -> torch.Tensor:
        return betti_matching_loss(values, target, unmatched_weight=0.5)

    assert torch.autograd.gradcheck(loss, (probabilities,))


def test_a_false_piece_by_hand():
    # It appears at level 0.3 and becomes one with the other at 0.8.
    pieces = image([0.0, 0.9, 0.2, 0.7, 0.0], [0.0] * 5).requires_grad_()
    target = image([0.0, 1.0, 0.0, 0.0, 0.0], [0.0] * 5)
    loss = betti_matching_loss(pieces, target)
    assert loss.item() == pytest.approx(2.0 * 0.1**2 + 0.5**2)
    loss.backward()
    np.testing.assert_allclose(pieces.grad[0, 0, 0], [0.0, -0.4, -1.0, 1.0, 0.0], atol=1e-12)
    assert betti_matching_loss(pieces, target, unmatched_weight=0.0).item() == pytest.approx(2.0 * 0.1**2)
    assert betti_matching_loss(pieces, target, least_persistence=0.51).item() == pytest.approx(2.0 * 0.1**2)


def test_a_piece_in_the_right_place_is_a_partner_and_one_in_the_wrong_place_is_none():
    target = image([1.0, 0.0, 0.0, 1.0, 0.0, 0.0], [0.0] * 6)
    right = image([1.0, 0.0, 0.0, 0.6, 0.0, 0.0], [0.0] * 6)
    wrong = image([1.0, 0.0, 0.0, 0.0, 0.0, 0.6], [0.0] * 6)
    assert betti_matching_loss(right, target).item() == pytest.approx(2.0 * 0.4**2)
    assert betti_matching_loss(wrong, target).item() == pytest.approx(0.6**2 + 1.0)


def test_a_missed_piece_with_any_contrast_is_drawn_up():
    target = image([1.0, 0.0, 0.0, 1.0, 0.0], [0.0] * 5)
    faint = image([1.0, 0.0, 0.0, 0.1, 0.0], [0.0] * 5).requires_grad_()
    loss = betti_matching_loss(faint, target)
    assert loss.item() == pytest.approx(2.0 * 0.9**2)
    loss.backward()
    assert faint.grad[0, 0, 0, 3].item() == pytest.approx(-4.0 * 0.9)


def test_a_hole_by_hand():
    # It appears with the weakest pixel around it, level 0.3, and vanishes at 0.9.
    ring = image([0.95, 0.95, 0.95], [0.95, 0.1, 0.7], [0.95, 0.95, 0.95]).requires_grad_()
    target = image([1.0, 1.0, 1.0], [1.0, 0.0, 1.0], [1.0, 1.0, 1.0])
    loss = betti_matching_loss(ring, target, **HOLES)
    assert loss.item() == pytest.approx(2.0 * (0.3**2 + 0.1**2))
    loss.backward()
    np.testing.assert_allclose(ring.grad[0, 0, 1], [0.0, 0.4, -1.2], atol=1e-12)
    assert betti_matching_loss(ring, torch.ones_like(ring), **HOLES).item() == pytest.approx(0.6**2)


def test_a_cavity_by_hand_and_no_tunnel():
    shell = torch.full((1, 1, 3, 3, 3), 0.9, dtype=torch.float64)
    shell[0, 0, 1, 1, 1] = 0.2
    cavity = torch.ones_like(shell)
    cavity[0, 0, 1, 1, 1] = 0.0
    assert betti_matching_loss(shell, cavity, **HOLES).item() == pytest.approx(2.0 * (0.1**2 + 0.2**2))
    open_shell, tunnel = shell.clone(), cavity.clone()
    for volume in (open_shell, tunnel):
        volume[0, 0, :, 1, 1] = 0.0
    assert betti_matching_loss(open_shell, torch.ones_like(shell), **HOLES).item() == 0.0


def test_neighbours_over_a_corner():
    diagonal, first = image([0.9, 0.0], [0.0, 0.6]), image([1.0, 0.0], [0.0, 0.0])
    assert betti_matching_loss(diagonal, first, **PIECES).item() == pytest.approx(2.0 * 0.1**2)
    faces = betti_matching_loss(diagonal, first, connectivity="faces", **PIECES)
    assert faces.item() == pytest.approx(2.0 * 0.1**2 + 0.6**2)


@pytest.mark.parametrize("size", [(12, 9), (6, 7, 8)])
@pytest.mark.parametrize("connectivity", ["full", "faces"])
def test_perfect_is_exactly_zero(size, connectivity):
    target = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0)) < 0.5
    target[0, 1], target[1, 1] = False, True
    assert betti_matching_loss(target.float(), target, connectivity=connectivity).item() == 0.0


def test_an_empty_target_costs_what_there_is():
    probabilities = image([0.0, 0.6, 0.0, 0.5], [0.0] * 4).requires_grad_()
    loss = betti_matching_loss(probabilities, torch.zeros(1, 1, 2, 4))
    assert loss.item() == pytest.approx(2.0 * 0.6**2 + 0.5**2)
    loss.backward()
    assert bool(torch.isfinite(probabilities.grad).all())


def test_classes_and_samples_are_averaged():
    generator = torch.Generator().manual_seed(0)
    probabilities = torch.rand(2, 3, 7, 6, generator=generator, dtype=torch.float64)
    target = torch.rand(2, 3, 7, 6, generator=generator) < 0.5
    each = [
        betti_matching_loss(probabilities[b : b + 1, [c]], target[b : b + 1, [c]]).item()
        for b, c in product(range(2), range(3))
    ]
    assert betti_matching_loss(probabilities, target).item() == pytest.approx(np.mean(each), abs=1e-12)


def test_a_slice_of_one_voxel_has_the_pieces_of_its_image():
    generator = torch.Generator().manual_seed(0)
    probabilities = torch.rand(1, 1, 7, 6, generator=generator, dtype=torch.float64)
    target = torch.rand(1, 1, 7, 6, generator=generator) < 0.5
    flat = betti_matching_loss(probabilities, target, **PIECES)
    assert betti_matching_loss(probabilities[:, :, None], target[:, :, None], **PIECES).item() == flat.item()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_any_floating_type(dtype):
    probabilities = torch.rand(1, 1, 6, 6, generator=torch.Generator().manual_seed(0)).to(dtype).requires_grad_()
    loss = betti_matching_loss(probabilities, torch.ones(1, 1, 6, 6, dtype=torch.bool))
    loss.backward()
    assert loss.dtype == torch.float32
    assert bool(probabilities.grad.any())


def test_settings_are_the_keyword_arguments():
    assert dict(BettiMatchingSettings()) | {"mask": None} == betti_matching_loss.__kwdefaults__
    for wrong in ({"pieces": False, "holes": False}, {"least_persistence": 1.0}, {"connectivity": "edges"}):
        with pytest.raises(ValidationError):
            BettiMatchingSettings(**wrong)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"probabilities": torch.ones(1, 1, 4, 5)}, "differs from the target's"),
        ({"probabilities": torch.full((1, 1, 4, 4), -2.0)}, "pass logits"),
        ({"target": torch.full((1, 1, 4, 4), 2.0)}, r"target: expected \[0, 1\]"),
        ({"pieces": False, "holes": False}, "expected one of them at least"),
        ({"connectivity": "edges"}, "connectivity: expected one of full, faces, got 'edges'"),
        ({"unmatched_weight": -1.0}, "unmatched_weight: expected a number of at least 0"),
        ({"least_persistence": 1.0}, r"least_persistence: expected a number in \[0, 1\)"),
        ({"probabilities": torch.ones(1, 1, 4), "target": torch.ones(1, 1, 4)}, "two or three axes, got 1"),
    ],
)
def test_bad_input(change, message):
    arguments = {"probabilities": torch.ones(1, 1, 4, 4), "target": torch.ones(1, 1, 4, 4)} | change
    with pytest.raises(ValueError, match=message):
        betti_matching_loss(**arguments)
