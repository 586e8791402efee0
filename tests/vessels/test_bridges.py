"""Gaps are bridged where an end faces what lies beyond and the way is likely, and nowhere else."""

import numpy as np
import pytest

from ramify.vessels.bridges import LIKELY, bridged, find_bridges
from ramify.vessels.components import label_components
from ramify.vessels.vessel_ends import VesselEnds

SPACING = (1.0, 1.0, 1.0)
UNLIKELY, HINT = 0.02, 0.3


def pieces_of(mask: np.ndarray) -> int:
    return label_components(mask)[1]


def tube(*, gap: tuple[int, int] = (18, 23), hint: float = HINT) -> tuple[np.ndarray, np.ndarray]:
    """A tube 5 wide along the last axis, broken, and its probabilities."""
    mask = np.zeros((15, 15, 40), bool)
    mask[5:10, 5:10, 2:38] = True
    probabilities = np.where(mask, 0.9, UNLIKELY).astype(np.float32)
    mask[..., gap[0] : gap[1]] = False
    probabilities[5:10, 5:10, gap[0] : gap[1]] = hint
    return mask, probabilities


def closed(mask: np.ndarray, probabilities: np.ndarray, reach: float = 10.0, free: np.ndarray | None = None) -> int:
    """How many pieces are left."""
    return pieces_of(bridged(mask, probabilities, (1.0,) * mask.ndim, (reach,), free)[0])


def test_a_gap_is_closed_as_wide_as_the_vessel():
    mask, probabilities = tube()
    (bridge,) = find_bridges(VesselEnds.of(mask, SPACING), probabilities, 10.0)
    assert bridge.voxels[:, 2].tolist() == [18, 19, 20, 21, 22]
    assert bridge.length_mm == 6.0
    assert bridge.likelihood == pytest.approx(HINT)
    whole = bridged(mask, probabilities, SPACING, (10.0,))[0]
    assert pieces_of(whole) == 1
    assert not (mask & ~whole).any()
    added = whole & ~mask
    assert added[..., 20].sum() == pytest.approx(25, abs=6)
    # As far as a ball around the last voxel of the bridge reaches, and no farther.
    assert not added[..., :15].any()
    assert not added[..., 26:].any()


@pytest.mark.parametrize(("reach", "left"), [(5.9, 2), (6.0, 1)])
def test_no_gap_is_closed_that_is_longer(reach, left):
    assert closed(*tube(), reach) == left


@pytest.mark.parametrize(("hint", "left"), [(LIKELY - 0.01, 2), (LIKELY + 0.01, 1)])
def test_a_bridge_is_as_likely_as_its_least_likely_voxel(hint, left):
    mask, probabilities = tube()
    probabilities[..., 20] = np.minimum(probabilities[..., 20], hint)
    assert closed(mask, probabilities) == left


def test_vessels_that_run_side_by_side_stay_apart():
    """The network is not sure between them; no end looks that way."""
    mask = np.zeros((15, 24, 40), bool)
    mask[5:10, 3:8, 2:38] = mask[5:10, 12:17, 2:38] = True
    assert closed(mask, np.where(mask, 0.9, 0.4).astype(np.float32)) == 2


def test_a_side_vessel_is_joined_to_its_trunk_and_no_trunk_to_a_twig():
    mask = np.zeros((15, 30, 40), bool)
    mask[4:11, 2:9] = True
    mask[6:9, 13:28, 19:22] = True
    assert closed(mask, np.where(mask, 0.9, HINT).astype(np.float32)) == 1
    twig = np.zeros((17, 30, 40), bool)
    twig[8, 4] = True
    twig[3:14, 9:28, 14:25] = True
    assert closed(twig, np.where(twig, 0.9, HINT).astype(np.float32)) == 2


def test_ends_that_look_away_are_not_joined():
    """Two arms of an L whose corner is missing: one end looks ahead, the other one up and away from it."""
    mask = np.zeros((9, 40, 40), bool)
    mask[3:6, 18:21, 2:15] = True
    mask[3:6, 2:17, 19:22] = True
    probabilities = np.where(mask, 0.9, HINT).astype(np.float32)
    assert closed(mask, probabilities) == 1
    away = mask[:, :, ::-1].copy()
    away[3:6, 18:21, 25:38] = False
    away[3:6, 24:27, 22:38] = True
    assert closed(away, probabilities[:, :, ::-1].copy(), 4.0) == 2


def test_no_bridge_closes_a_circle():
    mask = np.zeros((9, 30, 30), bool)
    mask[3:6, 3:6, 3:27] = mask[3:6, 24:27, 3:27] = mask[3:6, 3:27, 3:6] = mask[3:6, 3:27, 24:27] = True
    mask[3:6, 3:6, 13:17] = False
    assert pieces_of(mask) == 1
    assert np.array_equal(bridged(mask, np.full(mask.shape, 0.4, np.float32), SPACING, (10.0,))[0], mask)


def test_a_crumb_in_the_gap_is_a_stepping_stone():
    mask, probabilities = tube(gap=(14, 26))
    mask[6:9, 6:9, 19:21] = True
    assert closed(mask, probabilities, 8.0) == 1


def test_what_is_of_another_class_is_no_place_for_a_bridge():
    mask, probabilities = tube()
    free = ~mask
    free[..., 20] = False
    assert closed(mask, probabilities, free=free) == 2
    free[7, 7, 20] = True
    whole = bridged(mask, probabilities, SPACING, (10.0,), free)[0]
    assert pieces_of(whole) == 1
    assert not (whole & ~mask & ~free).any()


def test_in_a_plane_and_along_a_coarse_axis():
    mask, probabilities = tube()
    assert closed(mask[7], probabilities[7]) == 1
    spacing = (2.5, 1.0, 0.5)
    assert [pieces_of(one) for one in bridged(mask, probabilities, spacing, (0.0, 2.9, 3.0))] == [2, 2, 1]


def test_nothing_to_bridge_changes_nothing():
    empty = np.zeros((5, 6, 7), bool)
    whole = np.ones((5, 6, 7), bool)
    for mask in (empty, whole):
        assert bridged(mask, np.full(mask.shape, 0.5, np.float32), SPACING, (0.0, 9.0))[1] is mask
    assert len(VesselEnds.of(empty, SPACING)) == 0


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
@pytest.mark.parametrize("flip", [False, True])
def test_it_does_not_hang_on_how_the_array_lies(axes, flip):
    mask, probabilities = tube()

    def turn(array: np.ndarray) -> np.ndarray:
        turned = array.transpose(axes)
        return np.ascontiguousarray(np.flip(turned) if flip else turned)

    expected = bridged(mask, probabilities, SPACING, (10.0,))[0]
    assert np.array_equal(bridged(turn(mask), turn(probabilities), SPACING, (10.0,))[0], turn(expected))


def test_a_tree_in_a_large_volume_is_bridged_as_in_a_small_one():
    mask, probabilities = tube()
    around = ((20, 5), (9, 30), (0, 14))
    large = bridged(np.pad(mask, around), np.pad(probabilities, around), SPACING, (10.0,))[0]
    assert np.array_equal(large, np.pad(bridged(mask, probabilities, SPACING, (10.0,))[0], around))
