import numpy as np
import pytest
from hypothesis import given, settings
from scipy import ndimage

from ramify.metrics.masks import Mask
from ramify.vessels.betti import BettiNumbers, betti_numbers, count_cavities, count_pieces
from tests.metrics.drawn_masks import drawn, mask_pairs, moved, random_mask

SHARES = [0.0, 0.03, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97, 1.0]


def random_masks(ndim: int, count: int) -> list[Mask]:
    """Masks of many shapes and densities; every other one keeps off the border."""
    generator = np.random.default_rng(ndim)
    masks = []
    for seed in range(count):
        mask = random_mask(seed, tuple(generator.integers(1, 11, ndim)), generator.choice(SHARES))
        masks.append(np.pad(mask, 1) if seed % 2 else mask)
    return masks


def test_a_picture_in_2d():
    picture = drawn("""
        ###...#.
        #.#..#..
        ###....#
        ......#.
        .#......
    """)
    # A ring, two pairs that touch at a corner, and a voxel; the ring has a hole.
    assert betti_numbers(picture) == BettiNumbers(pieces=4, tunnels=1, cavities=0)


def test_a_hole_open_at_a_corner_is_closed():
    """Background is connected over faces alone, or a diagonal line would not part what lies on its two sides."""
    diamond = drawn("""
        .#.
        #.#
        .#.
    """)
    assert betti_numbers(diamond) == (1, 1, 0)


def test_solids():
    ball = np.ones((5, 5, 5), dtype=bool)
    shell, tube = ball.copy(), ball.copy()
    shell[1:4, 1:4, 1:4] = False
    tube[:, 2, 2] = False
    # The twelve edges of a cube: five independent loops.
    edges = np.zeros((5, 5, 5), dtype=bool)
    for axis in range(3):
        rim = np.ix_(*([0, 4] if other != axis else range(5) for other in range(3)))
        edges[rim] = True
    assert betti_numbers(ball) == (1, 0, 0)
    assert betti_numbers(shell) == (1, 0, 1)
    assert betti_numbers(tube) == (1, 1, 0)
    assert betti_numbers(edges) == (1, 5, 0)


def test_a_cavity_that_touches_the_volumes_border_is_none():
    mask = np.ones((3, 3, 3), dtype=bool)
    mask[1, 1, 0] = False
    assert betti_numbers(mask) == (1, 0, 0)
    mask[1, 1, 1] = False
    assert betti_numbers(mask) == (1, 0, 0)
    mask[1, 1, 0] = True
    assert betti_numbers(mask) == (1, 0, 1)


def test_a_single_slice_has_tunnels_and_no_cavities():
    ring = np.ones((3, 3), dtype=bool)
    ring[1, 1] = False
    assert betti_numbers(ring) == betti_numbers(ring[np.newaxis]) == betti_numbers(ring[:, np.newaxis]) == (1, 1, 0)


@pytest.mark.parametrize("shape", [(1, 1), (4, 3), (1, 1, 1), (2, 3, 4)])
def test_empty_full_and_one_voxel(shape: tuple[int, ...]):
    one = np.zeros(shape, dtype=bool)
    one[(-1,) * len(shape)] = True
    assert betti_numbers(np.zeros(shape, dtype=bool)) == (0, 0, 0)
    assert betti_numbers(np.ones(shape, dtype=bool)) == betti_numbers(one) == (1, 0, 0)


def test_more_runs_than_the_first_buffers_hold():
    chequered = np.indices((20, 30, 41)).sum(axis=0) % 2 == 0
    apart = np.zeros((20, 40, 60), dtype=bool)
    apart[::2, ::2, ::2] = True
    assert (count_pieces(chequered), count_pieces(apart)) == (1, 10 * 20 * 30)
    assert count_cavities(chequered) == 18 * 28 * 39 // 2
    assert betti_numbers(apart) == (10 * 20 * 30, 0, 0)


@settings(deadline=None)
@given(mask_pairs())
def test_flips_and_axis_swaps_change_nothing(pair: tuple[Mask, Mask]):
    assert {betti_numbers(mask) for mask in moved(pair[0])} == {betti_numbers(pair[0])}


@settings(deadline=None)
@given(mask_pairs())
def test_euler_is_their_alternating_sum(pair: tuple[Mask, Mask]):
    numbers = betti_numbers(pair[0])
    assert numbers.euler == numbers.pieces - numbers.tunnels + numbers.cavities
    assert min(numbers) >= 0


@pytest.mark.parametrize("ndim", [2, 3])
def test_pieces_and_cavities_are_scipys(ndim: int):
    for mask in random_masks(ndim, 150):
        padded = np.pad(mask, 1)
        pieces = ndimage.label(padded, np.ones((3,) * ndim))[1]
        enclosed = ndimage.label(~padded)[1] - 1
        numbers = betti_numbers(mask)
        assert numbers.pieces == pieces
        assert enclosed == (numbers.tunnels if ndim == 2 else numbers.cavities)


@pytest.mark.parametrize("ndim", [2, 3])
def test_all_are_gudhis(ndim: int):
    """On 200 random masks a dimension: homology of the complex of closed voxels."""
    gudhi = pytest.importorskip("gudhi", reason="gudhi is not installed")
    for mask in random_masks(ndim, 200):
        complex_ = gudhi.CubicalComplex(top_dimensional_cells=np.where(mask, 0.0, 1.0))
        complex_.compute_persistence()
        theirs = [*complex_.persistent_betti_numbers(0.5, 0.5), 0, 0][:3]
        assert list(betti_numbers(mask)) == theirs


@pytest.mark.parametrize("count", [betti_numbers, count_pieces, count_cavities])
@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (np.full((3, 3), 2, np.uint8), "expected a boolean array, got dtype uint8"),
        (np.full((3, 3), 0.5), "expected a boolean array, got dtype float64"),
        ([[True]], "expected a boolean array, got list"),
        (np.ones(4, bool), "expected 2 or 3 dimensions"),
        (np.ones((2, 2, 2, 2), bool), "expected 2 or 3 dimensions"),
    ],
)
def test_what_is_no_mask_is_not_counted(count, mask, message):
    with pytest.raises(ValueError, match=message):
        count(mask)
