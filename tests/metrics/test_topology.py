import itertools

import numpy as np
import pytest
from hypothesis import given, settings

from ramify.metrics.family_settings import TopologySettings
from ramify.metrics.mask_analysis import MaskAnalysis
from ramify.metrics.masks import Mask
from ramify.metrics.topology import PATCH_MEASURES, score_topology, topology_measures
from ramify.vessels.betti import betti_numbers
from tests.metrics.drawn_masks import drawn, mask_pairs, random_mask

WHOLE = TopologySettings()


def scored(prediction: Mask, target: Mask, topology: TopologySettings = WHOLE) -> dict[str, float]:
    spacing = (1.0,) * target.ndim
    return score_topology(MaskAnalysis(prediction, spacing), MaskAnalysis(target, spacing), topology)


LOOP = drawn("""
    ........
    .######.
    .#....#.
    .######.
    ........
""")


def test_a_broken_loop_has_lost_its_tunnel():
    once, twice = LOOP.copy(), LOOP.copy()
    once[1, 4] = twice[1, 4] = twice[3, 4] = False
    assert list(scored(once, LOOP).values()) == [0.0, 1.0, 0.0, 1.0]
    # Two pieces, no tunnel: the Euler characteristic is 2 where it was 0.
    assert list(scored(twice, LOOP).values()) == [1.0, 1.0, 0.0, 2.0]


def test_errors_that_make_up_for_each_other_are_seen_only_apart():
    speck = LOOP.copy()
    speck[1, 4] = False
    speck[0, 0] = False
    loops = LOOP.copy()
    loops[2, 4] = True
    assert scored(loops, LOOP) == {"betti0_error": 0, "betti1_error": 1, "betti2_error": 0, "euler_error": 1}
    both = np.zeros((6, 12), dtype=bool)
    both[:5, :8] = LOOP
    more = both.copy()
    more[1:4, 9:12] = True
    more[2, 10] = False
    # One piece and one tunnel more: the Euler characteristic does not tell.
    assert list(scored(more, both).values()) == [1.0, 1.0, 0.0, 0.0]


def test_a_cavity():
    solid = np.ones((5, 5, 5), dtype=bool)
    hollow = solid.copy()
    hollow[2, 2, 2] = False
    assert list(scored(hollow, solid).values()) == [0.0, 0.0, 1.0, 1.0]


def test_empty_masks_are_measured():
    empty = np.zeros_like(LOOP)
    assert set(scored(empty, empty).values()) == {0.0}
    assert list(scored(empty, LOOP).values()) == list(scored(LOOP, empty).values()) == [1.0, 1.0, 0.0, 0.0]


def test_the_protocol_is_in_the_name():
    assert [measure.name for measure in topology_measures(WHOLE)] == list(scored(LOOP, LOOP))
    patches = TopologySettings(patch_voxels=4)
    names = [measure.name for measure in topology_measures(patches)]
    assert names == list(scored(LOOP, LOOP, patches))
    assert names[4:] == ["patch_betti0_error", "patch_betti1_error", "patch_betti2_error", "patch_euler_error"]


@settings(deadline=None)
@given(mask_pairs())
def test_tiles_are_measured_one_by_one(pair: tuple[Mask, Mask]):
    prediction, target = pair
    starts = itertools.product(*(range(0, size, 3) for size in target.shape))
    errors = []
    for start in starts:
        tile = tuple(slice(i, i + 3) for i in start)
        one, other = betti_numbers(prediction[tile]), betti_numbers(target[tile])
        errors.append([*np.abs(np.subtract(one, other)), abs(one.euler - other.euler)])
    found = scored(prediction, target, TopologySettings(patch_voxels=3))
    assert [found[measure.name] for measure in PATCH_MEASURES] == pytest.approx(np.mean(errors, axis=0).tolist())


def test_one_tile_of_the_volumes_size_is_the_whole_volume():
    pair = random_mask(1, (5, 6, 7), 0.3), random_mask(2, (5, 6, 7), 0.4)
    scores = list(scored(*pair, TopologySettings(patch_voxels=7)).values())
    assert scores[:4] == scores[4:]


def test_random_patches_are_the_same_for_every_prediction_and_whole():
    target = random_mask(1, (9, 10, 11), 0.3)
    prediction = target.copy()
    prediction[4, 5, 5] ^= True
    patches = TopologySettings(patch_voxels=4, random_patches=30)
    assert set(scored(target, target, patches).values()) == {0.0}
    assert scored(prediction, target, patches) == scored(prediction, target, patches)
    other = TopologySettings(patch_voxels=4, random_patches=30, seed=1)
    means = [list(scored(~target, target, one).values())[4:] for one in (patches, other)]
    assert means[0] != means[1]
    # Patches as large as the volume lie in one place.
    large = TopologySettings(patch_voxels=50, random_patches=3)
    scores = list(scored(prediction, target, large).values())
    assert scores[:4] == scores[4:]


def test_random_patches_average_to_the_tiles_of_one_voxel():
    """In a patch of one voxel there is a piece or none: the mean error is the share of voxels that differ."""
    prediction, target = random_mask(3, (8, 8), 0.5), random_mask(4, (8, 8), 0.5)
    differ = np.mean(prediction != target)
    tiled = scored(prediction, target, TopologySettings(patch_voxels=1))
    assert tiled["patch_betti0_error"] == tiled["patch_euler_error"] == differ
    drawn_ones = scored(prediction, target, TopologySettings(patch_voxels=1, random_patches=4000))
    assert drawn_ones["patch_betti0_error"] == pytest.approx(differ, abs=0.05)


@pytest.mark.parametrize("ndim", [2, 3])
def test_errors_are_those_of_gudhis_betti_numbers(ndim: int):
    """On a hundred random pairs a dimension, and their patches."""
    gudhi = pytest.importorskip("gudhi", reason="gudhi is not installed")

    def theirs(mask: Mask) -> list[int]:
        complex_ = gudhi.CubicalComplex(top_dimensional_cells=np.where(mask, 0.0, 1.0))
        complex_.compute_persistence()
        numbers = [*complex_.persistent_betti_numbers(0.5, 0.5), 0, 0][:3]
        return [*numbers, numbers[0] - numbers[1] + numbers[2]]

    for seed in range(100):
        shape = tuple(np.random.default_rng(seed).integers(2, 9, ndim))
        pair = random_mask(seed, shape, 0.02 * (seed % 50)), random_mask(seed + 500, shape, 0.4)
        found = list(scored(*pair, TopologySettings(patch_voxels=4)).values())
        assert found[:4] == np.abs(np.subtract(theirs(pair[0]), theirs(pair[1]))).tolist()
        tiles = itertools.product(*([slice(i, i + 4) for i in range(0, size, 4)] for size in shape))
        errors = [np.abs(np.subtract(theirs(pair[0][tile]), theirs(pair[1][tile]))) for tile in tiles]
        assert found[4:] == pytest.approx(np.mean(errors, axis=0).tolist())
